import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CloudEvent, emitterFor, httpTransport, Mode } from 'cloudevents';
import { describe, expect, onTestFinished, test } from 'vitest';
import { driverPairs } from '../support/pairs.js';
import { startServer } from '../support/server.js';

const run = promisify(execFile);

interface StoredLine {
  readonly key?: string;
  readonly data?: unknown;
  readonly [attribute: string]: unknown;
}

describe.each(await driverPairs())('on $name', (pair) => {
  test('what curl, an SDK and an upload publish comes back from the stream of lines', async () => {
    const { args, topic } = await pair.place();
    const server = await startServer({ args });
    onTestFinished(() => server.kill());
    const url = `${server.address}/v1/topics/${topic('people')}/events`;
    const json = ['-H', 'content-type: application/json'];
    const person = (age: number, firstName = 'Ada') => ({ firstName, lastName: 'L', age });

    const one = await run('curl', [
      '-sS',
      '--fail-with-body',
      ...json,
      `${url}?key=ada`,
      '-d',
      JSON.stringify(person(36)),
    ]);
    expect(JSON.parse(one.stdout)).toMatchObject({ results: [{ status: 'stored', schemaVersion: 1 }], warnings: [] });
    const refused = await run('curl', [
      '-sS',
      '-w',
      '%{http_code}',
      ...json,
      url,
      '-d',
      '[{"firstName":"Ada","lastName":"L"},{"age":-1}]',
    ]);
    expect(refused.stdout).toMatch(/"reason":"SCHEMA_VIOLATION".*422$/s);

    const sent = [Mode.BINARY, Mode.STRUCTURED].map(
      (mode, i) =>
        [
          mode,
          new CloudEvent({ source: '/sdk', type: 'made', partitionkey: 'ada', traceid: `t${i}`, data: person(i) }),
        ] as const,
    );
    for (const [mode, event] of sent) await emitterFor(httpTransport(url), { mode })(event);

    const lines = Array.from({ length: 3_000 }, (_, i) =>
      i === 1_500 ? '{}' : JSON.stringify(person(i % 100, `n${i}`)),
    );
    const upload = await fetch(`${url}?key=upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    const answer = (await upload.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answer).toMatchObject([
      { line: 1_501, status: 'rejected', reason: 'SCHEMA_VIOLATION' },
      { summary: { lines: 3_000, accepted: 2_999, rejected: 1, notStored: 0, unknown: 0 } },
    ]);

    const stream = await fetch(`${url}?from=earliest&follow=false`, { headers: { accept: 'application/x-ndjson' } });
    const records = (await stream.text())
      .trimEnd()
      .split('\n')
      .map((line): StoredLine => JSON.parse(line))
      .filter((line) => 'data' in line);
    const ofKey = (key: string) => records.filter((record) => record.key === key);
    expect(ofKey('ada').map(({ data }) => data)).toEqual([person(36), person(0), person(1)]);
    expect(ofKey('ada').slice(1)).toMatchObject(sent.map(([, { id, source, type }]) => ({ id, source, type })));
    expect(ofKey('upload').map(({ data }) => JSON.stringify(data))).toEqual(lines.filter((line) => line !== '{}'));
  }, 180_000);
});
