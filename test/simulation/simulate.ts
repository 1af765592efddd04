import { offsetPath, readOffsetRecord } from '../../src/core/offsets/records.js';
import type { Mutation } from './bus.js';
import { checkHistory } from './check.js';
import { createFleet, type Fleet } from './fleet.js';
import type { Recorded } from './history.js';
import { createNemesis, createTopic } from './nemesis.js';
import { type Plan, planOf } from './plan.js';
import { publish } from './publishers.js';
import { endOf } from './remains.js';
import type { Violation } from './violation.js';

export interface Outcome {
  readonly seed: number;
  readonly plan: Plan;
  readonly history: readonly Recorded[];
  readonly violations: readonly Violation[];
  /** Virtual time, in milliseconds. */
  readonly took: number;
  readonly steps: number;
}

/** How long everything may take to be processed once all is healed, in virtual milliseconds. */
const healMs = 300_000;
/** How long nothing is done after that, so that assignments settle. */
const settleMs = 10_000;

/** Runs one seed from beginning to end, and judges what happened. The same seed gives the same history. */
export async function simulate(seed: number, mutation: Mutation = {}): Promise<Outcome> {
  const { stackTraceLimit } = Error;
  // Refusals are many here, and nobody reads where they were made.
  Error.stackTraceLimit = 0;
  try {
    const plan = planOf(seed);
    return await run(seed, mutation, mutation.plan?.(plan) ?? plan);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function run(seed: number, mutation: Mutation, plan: Plan): Promise<Outcome> {
  const fleet = createFleet(seed, plan, mutation);
  const { scheduler, random } = fleet;
  const nemesis = createNemesis(fleet);
  for (let i = 0; i < plan.buses; i++) fleet.startBus();
  await createTopics(fleet);
  for (const subscriber of plan.subscribers) {
    for (let i = 0; i < subscriber.clients; i++) fleet.startDatamart(subscriber);
  }

  const roughUntil = scheduler.now() + plan.roughMs;
  const every = (ms: number, act: () => void) => {
    scheduler.after(random.next() * 2 * ms, () => {
      if (scheduler.now() >= roughUntil) return;
      act();
      every(ms, act);
    });
  };
  every(plan.publishEveryMs, () => publish(fleet));
  every(plan.everyMs, () => nemesis.act(plan.actions[random.between(0, plan.actions.length - 1)] ?? 'publish'));
  await scheduler.run(roughUntil);

  fleet.note('everything is healed');
  nemesis.heal();
  fleet.network.calmDown();
  if (fleet.buses.length === 0) fleet.startBus();
  for (const each of plan.subscribers) {
    if (!fleet.datamarts.some(({ stays, subscriber }) => stays && subscriber === each.name)) fleet.startDatamart(each);
  }
  await scheduler.run(scheduler.now() + 1_000);
  publish(fleet);
  const deadline = scheduler.now() + healMs;
  while (scheduler.now() < deadline && !isDone(fleet)) await scheduler.run(scheduler.now() + 250);
  fleet.note('everything is processed');
  await scheduler.run(scheduler.now() + settleMs);
  for (const [stream, { host, askedAt }] of fleet.open) {
    if (askedAt === undefined) continue;
    fleet.history.add({ kind: 'waiting', stream, waitedMs: Math.round(host.unpausedMs() - askedAt) });
  }
  return {
    seed,
    plan,
    history: fleet.history.all,
    violations: checkHistory(fleet.history.all, fleet),
    took: scheduler.now(),
    steps: scheduler.steps,
  };
}

async function createTopics(fleet: Fleet): Promise<void> {
  const { scheduler, plan } = fleet;
  const creating = Promise.all(plan.topics.map(({ name, partitions }) => createTopic(fleet, name, partitions)));
  await scheduler.run(60_000, () => fleet.topics.length === plan.topics.length);
  await creating;
}

/** Everything that is in the log is committed by every subscriber. */
function isDone({ world, topics, plan, underWay }: Fleet): boolean {
  if (underWay.size > 0) return false;
  return plan.subscribers.every(({ name, command }) =>
    endOf(world, topics, command).every(({ topic, partition, offset }) => {
      const entry = world.records.get(offsetPath(name, topic, partition));
      return offset === (entry && entry.value.length > 0 ? readOffsetRecord(entry.value).next : 0);
    }),
  );
}
