import { connect } from 'node:http2';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HostileBus, startBus } from '../hostile/bus.js';
import { memory } from '../support/process-memory.js';
import { fault, send } from './answers.js';
import { type Call, call } from './calls.js';
import { type Bytes, bytes, throwBytes } from './sockets.js';

// By default about a minute; `npm run fuzz -- --minutes N --seed S` for more, or for the same again.
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 60);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const mostMiB = 1_200;

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

interface Round {
  readonly calls: readonly Call[];
  readonly sockets: readonly Bytes[];
}

const round: fc.Arbitrary<Round> = fc.record({
  calls: fc.array(call, { minLength: 10, maxLength: 30 }),
  sockets: fc.array(bytes, { minLength: 2, maxLength: 8 }),
});

/** All at once: what one connection does must not reach the others. */
async function attack({ calls, sockets }: Round): Promise<string[]> {
  const session = connect(bus.address);
  session.on('error', () => undefined);
  const faults = calls.map(async (each) => {
    const found = await send(each, bus.port, session).then(fault, (error: Error) => error.message);
    return found === undefined ? [] : [`${found}\n  after ${show(each)}`];
  });
  const [found] = await Promise.all([
    Promise.all(faults),
    Promise.all(sockets.map((each) => throwBytes(each, bus.port))),
  ]);
  session.destroy();
  return found.flat();
}

const show = ({ httpVersion, path, headers, body }: Call) =>
  `HTTP/${httpVersion} ${path} ${JSON.stringify(headers)} ${body.length} bytes ${body.subarray(0, 400).toString('base64')}`;

async function tidy(): Promise<void> {
  for (const { name } of await bus.client.topics.list()) {
    if (name !== 'events' && name !== 'control') await bus.client.topics.delete(name).catch(() => undefined);
  }
}

test(
  'no request and no bytes bring the server down, make it grow, or leave it at a loss',
  async () => {
    console.log(
      `fuzz: seed ${seed}, ${seconds} s; again with: npm run fuzz -- --seed ${seed} --minutes ${Math.ceil(seconds / 60)}`,
    );
    let inputs = 0;
    let rounds = 0;
    const property = fc.asyncProperty(round, async (attacks) => {
      const faults = await attack(attacks);
      inputs += attacks.calls.length + attacks.sockets.length;
      expect(faults).toEqual([]);
      await bus.check();
      if (++rounds % 10 === 0) await tidy();
      expect(memory(bus.server.pid)).toBeLessThan(mostMiB);
      expect(bus.server.output()).not.toMatch(/"level":"(error|fatal)"/);
    });
    const limits = {
      interruptAfterTimeLimit: seconds * 1_000,
      markInterruptAsFailure: false,
      numRuns: Number.MAX_SAFE_INTEGER,
    };
    // A smaller example takes as many rounds again, and rounds are not alike: the one that failed is told whole.
    await fc.assert(property, { seed, ...limits, endOnFailure: true });
    console.log(`fuzz: ${inputs} inputs in ${rounds} rounds, ${Math.round(memory(bus.server.pid))} MiB at the end`);
  },
  seconds * 1_000 + 120_000,
);
