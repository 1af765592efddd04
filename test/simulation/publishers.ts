import { Buffer } from 'node:buffer';
import { BusError } from '../../src/core/errors.js';
import type { EventInput } from '../../src/core/publish/command.js';
import type { Fleet } from './fleet.js';
import { payloadOf } from './remains.js';

/** An event as a publisher means it: `id` is its payload, `identity` what it is to be recognised by. */
interface Meant {
  readonly id: number;
  readonly identity: string | undefined;
  readonly input: EventInput;
}

const source = '/sim';
/** How often a publisher tries. */
const mostTries = 4;

/** A batch from a publisher that sends it to any instance; what is not acknowledged may be there or not. */
export function publish(fleet: Fleet): void {
  if (fleet.random.between(1, 3) === 1) void publishAgain(fleet);
  else
    void send(
      fleet,
      pickTopic(fleet),
      batch(fleet, () => undefined),
    ).catch(() => undefined);
}

/**
 * A batch from a publisher that gives its events ids, and sends it until all is acknowledged, and perhaps once more: each time to any instance, and now and then
 * to two at once. Sometimes another publisher uses the same ids for something else.
 */
async function publishAgain(fleet: Fleet): Promise<void> {
  const { underWay } = fleet;
  const token = {};
  // Between two tries, too: what the last one stores is still to be processed.
  underWay.add(token);
  try {
    await tryOften(fleet);
  } finally {
    underWay.delete(token);
  }
}

async function tryOften(fleet: Fleet): Promise<void> {
  const { random, operator } = fleet;
  const topic = pickTopic(fleet);
  const events = batch(fleet, (id) => `e${id}`);
  const other = events.map(({ identity, input: { key } }) => {
    const id = fleet.nextEvent();
    return { id, identity, input: inputOf(id, identity, key) };
  });
  const isContested = random.between(1, 5) === 1;
  const attempt = () => send(fleet, topic, isContested && random.between(1, 2) === 1 ? other : events);
  for (let tries = 1; tries <= mostTries; tries++) {
    const attempts = random.between(1, 3) === 1 ? [attempt(), attempt()] : [attempt()];
    const outcomes = await Promise.allSettled(attempts);
    const isDone = outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value);
    if (isDone && random.between(1, 2) === 1) return;
    await operator.clock.sleep(random.between(0, random.pick([20, 2_000])));
  }
}

function batch({ random, nextEvent }: Fleet, identityOf: (id: number) => string | undefined): Meant[] {
  return Array.from({ length: random.between(1, 6) }, () => {
    const id = nextEvent();
    const identity = identityOf(id);
    const isKeyed = identity === undefined || random.between(1, 2) === 1;
    return {
      id,
      identity,
      input: inputOf(id, identity, isKeyed ? Buffer.from(`k${random.between(0, 9)}`) : undefined),
    };
  });
}

function inputOf(id: number, identity: string | undefined, key: Uint8Array | undefined): EventInput {
  return { payload: Buffer.from(payloadOf(id)), key, ...(identity === undefined ? {} : { id: identity, source }) };
}

const pickTopic = ({ random, topics }: Fleet): string => topics[random.between(0, topics.length - 1)] ?? '';

/** Sends a batch once, and writes down what is said of each event. Answers whether all were stored. */
async function send(fleet: Fleet, topic: string, events: readonly Meant[]): Promise<boolean> {
  const { random, network, operator, history, buses, underWay } = fleet;
  const bus = buses[random.between(0, buses.length - 1)];
  if (!bus) return false;
  underWay.add(events);
  try {
    const results = await network.call(operator, bus.host, async () => {
      if (!bus.core) throw new Error('not ready');
      const inputs = events.map(({ input }) => input);
      return bus.core.publisher.publish({ topic, mode: 'independent', events: inputs }, new AbortController().signal);
    });
    results.forEach((result, i) => {
      const { id = 0, identity } = events[i] ?? {};
      if (result.status === 'stored') {
        const { partition, offset } = result;
        history.add({ kind: 'published', topic, partition, offset, id, identity });
      } else if (BusError.from(result.error).reason === 'EVENT_ID_REUSED' && identity !== undefined) {
        history.add({ kind: 'reused', topic, id, identity });
      }
    });
    return results.every(({ status }) => status === 'stored');
  } finally {
    underWay.delete(events);
  }
}
