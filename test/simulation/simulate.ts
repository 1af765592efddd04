import { offsetPath, readOffsetRecord } from '../../src/core/offsets/records.js';
import type { Mutation } from './bus.js';
import { checkHistory, endOf } from './check.js';
import { createFleet, type Fleet } from './fleet.js';
import type { Recorded } from './history.js';
import { createNemesis, publish } from './nemesis.js';
import { type Plan, planOf } from './plan.js';
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
const healMs = 90_000;
/** How long nothing is done after that, so that assignments settle. */
const settleMs = 15_000;

/** Runs one seed from beginning to end, and judges what happened. The same seed gives the same history. */
export async function simulate(seed: number, mutation: Mutation = {}, plan: Plan = planOf(seed)): Promise<Outcome> {
  const fleet = createFleet(seed, plan, mutation);
  const { scheduler, random } = fleet;
  const nemesis = createNemesis(fleet);
  for (let i = 0; i < plan.buses; i++) fleet.startBus();
  await createTopics(fleet);
  for (const { name, clients } of plan.subscribers) for (let i = 0; i < clients; i++) fleet.startDatamart(name);

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
  if (fleet.buses.length === 0) fleet.startBus();
  for (const { name } of plan.subscribers) {
    if (!fleet.datamarts.some(({ stays, subscriber }) => stays && subscriber === name)) fleet.startDatamart(name);
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

/** Through any instance that takes it, as an operator would. */
async function createTopics(fleet: Fleet): Promise<void> {
  const { scheduler, network, operator, buses, plan } = fleet;
  let created = 0;
  const create = async ({ name, partitions }: Plan['topics'][number]) => {
    for (;;) {
      const core = buses[0]?.core;
      const { host } = buses[0] ?? { host: operator };
      const settings = { partitions, schemaless: true };
      try {
        if (!core) throw new Error('not ready');
        await network.call(operator, host, () => core.topics.create({ name, settings, adopt: false }));
        created++;
        return;
      } catch {
        await operator.clock.sleep(100);
      }
    }
  };
  const creating = Promise.all(plan.topics.map(create));
  await scheduler.run(60_000, () => created === plan.topics.length);
  await creating;
}

/** Everything that is in the log is committed by every subscriber. */
function isDone({ world, plan, publishing }: Fleet): boolean {
  if (publishing.size > 0) return false;
  return plan.subscribers.every(({ name }) =>
    endOf(world, plan).every(({ topic, partition, offset }) => {
      const entry = world.records.get(offsetPath(name, topic, partition));
      return offset === (entry && entry.value.length > 0 ? readOffsetRecord(entry.value).next : 0);
    }),
  );
}
