import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { createSchemaJudge, type JudgeOptions } from '../../src/drivers/ajv/judge.js';

/** The threads need compiled code. */
const script = pathToFileURL(join(import.meta.dirname, '../../dist/drivers/ajv/judge-thread.js'));
const judges: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(judges.map((judge) => judge.close())));

function judge(options: JudgeOptions = {}) {
  const made = createSchemaJudge({ script, ...options });
  judges.push(made);
  return made;
}

const never = new AbortController().signal;
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => BusError.from(error).reason,
  );

/** Two schemas whose comparison takes far longer than anything here waits for, unless it is stopped. */
function hard() {
  const pick = (n: number) => ({ enum: Array.from({ length: n }, (_, i) => ({ k: i })) });
  const wide = (n: number) => ({
    type: 'object',
    anyOf: Array.from({ length: 40 }, (_, i) => ({
      properties: Object.fromEntries(Array.from({ length: 12 }, (_, j) => [`p${(i * 7 + j) % 40}`, pick(n)])),
    })),
  });
  return { proposed: JSON.stringify(wide(9)), versions: [{ version: 1, definition: JSON.stringify(wide(10)) }] };
}
const comparison = { level: 'FULL', reading: 'declared', ...hard() } as const;

test('answers as the code itself does, and says what is wrong with a schema', async () => {
  const tested = judge();
  const request = {
    level: 'BACKWARD',
    reading: 'strict',
    proposed: '{"minimum":1}',
    versions: [{ version: 1, definition: '{"minimum":0}' }],
  } as const;
  const { verdict, comparisons } = await tested.compare(request, never);
  expect(verdict).toBe('incompatible');
  expect(comparisons[0]?.verdict).toMatchObject({ counterexample: { refusedBy: { pointer: '/minimum' } } });
  await tested.compile('{"type":"object"}', never);
  await expect(tested.compile('{"type":"x"}', never)).rejects.toMatchObject({
    reason: 'SCHEMA_INVALID',
    message: expect.stringContaining('/type'),
  });
  const payloads = ['1', '"x"', '{'].map((text) => Buffer.from(text));
  const rules = {
    definition: '{"type":"number"}',
    topic: 't',
    maxEventBytes: 100,
    keyPointer: undefined,
    needsKey: false,
    explained: 1,
  };
  expect(await tested.validate({ ...rules, payloads }, never)).toMatchObject([
    { event: 1, reason: 'SCHEMA_VIOLATION', violations: [{ event: 1, rule: 'type' }] },
    { event: 2, reason: 'PAYLOAD_NOT_JSON', violations: [] },
  ]);
});

test('a comparison holds up neither this thread nor the next call once it is aborted', async () => {
  const tested = judge({ threads: 1 });
  await tested.compile('true', never);
  const call = new AbortController();
  const outcome = reasonOf(tested.compare({ ...comparison, steps: Number.MAX_SAFE_INTEGER }, call.signal));
  let turns = 0;
  for (; turns < 100; turns++) await new Promise(setImmediate);
  call.abort();
  expect(await outcome).toBe('CANCELLED');
  expect(turns).toBe(100);
  await tested.compile('{"type":"object"}', never);
});

test('more than may wait are refused at once, and a closed judge answers all', async () => {
  const tested = judge({ threads: 1, waiting: 2 });
  const endless = { ...comparison, steps: Number.MAX_SAFE_INTEGER };
  const calls = [1, 2, 3].map(() => reasonOf(tested.compare(endless, never)));
  expect(await reasonOf(tested.compare(endless, never))).toBe('OVERLOADED');
  await tested.close();
  expect(await Promise.all(calls)).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN', 'SHUTTING_DOWN']);
});
