import { describe, expect, onTestFinished, test } from 'vitest';
import { cli } from '../support/cli.js';
import { dispatched } from '../support/event-stream.js';
import { openLines } from '../support/http-lines.js';
import { driverPairs } from '../support/pairs.js';
import { startServer } from '../support/server.js';

const people = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `{"firstName":"P","lastName":"${from + i}","age":${from + i}}`);

describe.each(await driverPairs())('on $name', (pair) => {
  test('lines are resumed at another server by the last cursor: nothing is missing, whatever was killed', async () => {
    const { args, topic } = await pair.place();
    const seen: string[] = [];
    const expected: string[] = [];
    let cursor = 'earliest';
    for (let round = 0; round < 3; round++) {
      const server = await startServer({ args });
      onTestFinished(() => server.kill());
      const batch = people(round * 50, round * 50 + 50);
      const published = await cli(server.address, ['publish', topic('people'), '-'], batch.join('\n'));
      expect(published, published.stderr).toMatchObject({ code: 0 });
      expected.push(...batch);
      const stream = await openLines(`${server.address}/v1/topics/${topic('people')}/events?from=${cursor}`);
      while (!seen.includes(expected.at(-1) ?? '')) {
        const line = await stream.next();
        const { data, ...control } = JSON.parse(line ?? '');
        if (data !== undefined) seen.push(JSON.stringify(data));
        else cursor = control.cursor ?? control.ready?.cursor ?? cursor;
      }
      await server.kill();
      // What was read but for its cursor comes again.
      await expect(stream.rest()).rejects.toThrow();
    }
    expect([...new Set(seen)]).toEqual(expected);
  }, 180_000);

  test('SIGTERM ends both forms with a cursor; a subscriber commits over HTTP and goes on after it', async () => {
    const { args, topic } = await pair.place();
    const first = await startServer({ args });
    onTestFinished(() => first.kill());
    const path = `/v1/topics/${topic('people')}/events`;
    await cli(first.address, ['publish', topic('people'), '-'], people(0, 10).join('\n'));
    const accept = 'text/event-stream';
    const answer = await fetch(`${first.address}${path}?from=earliest`, { headers: { accept } });
    const events = answer.text();
    const stream = await openLines(`${first.address}${path}?subscriber=lines&max_uncommitted=4`);
    const { generation } = JSON.parse((await stream.next()) ?? '').ready.assignment;
    const got: unknown[] = [];
    let cursor = '';
    while (cursor === '') {
      const line = JSON.parse((await stream.next()) ?? '');
      if ('data' in line) got.push(line.data.age);
      else if (got.length >= 4) cursor = line.cursor;
    }
    const committed = await fetch(`${first.address}/v1/subscribers/lines/commit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ cursor, generation }),
    });
    expect(await committed.json()).toMatchObject({ positions: [{ topic: topic('people'), nextOffset: got.length }] });
    expect(await first.stop()).toBe(0);
    expect(JSON.parse((await stream.rest()).at(-1) ?? '').end).toMatchObject({ reason: 'shutting_down' });
    const { events: all, lastEventId } = dispatched(await events);
    expect(all.at(-1)).toMatchObject({ type: 'end', lastEventId });

    const second = await startServer({ args });
    onTestFinished(() => second.kill());
    const rest = await fetch(`${second.address}${path}?subscriber=lines&follow=false&data_only`);
    expect((await rest.text()).split('\n').slice(0, -1)).toEqual(people(0, 10).slice(got.length));
    const nothing = await fetch(`${second.address}${path}?follow=false`, {
      headers: { accept, 'last-event-id': lastEventId },
    });
    expect(nothing.status).toBe(204);
  }, 180_000);
});
