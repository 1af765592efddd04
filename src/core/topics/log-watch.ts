import type { EventLog, LogTopic, LogTopicFacts } from '../ports/event-log.js';
import { type BackgroundWork, createBackgroundWork } from './background-work.js';
import { forEachLimited } from './coalesce.js';
import { newIncarnation } from './creation.js';
import type { TopicLock } from './lock.js';
import { needsLook, type OutsideChange, reconcile } from './reconcile.js';
import type { TopicRegistry } from './registry.js';

/** Keeps topics' records in line with what is changed in the log outside the bus: topics created anew, partitions added, settings changed. */
export interface LogWatch {
  /** Asks the log about these topics, if what it told is not recent, and waits a little until memory agrees. Never rejects: what asks the log next is told why. */
  confirm(names: readonly string[], isNow?: boolean): Promise<void>;
  /** What memory knows of a topic has changed. */
  check(name: string): void;
  /** Changes that could not be taken over so far, in words. */
  troubles(): string[];
  close(): void;
}

export interface LogWatchOptions {
  readonly log: EventLog;
  readonly registry: TopicRegistry;
  readonly signal: AbortSignal;
  readonly onOutsideChange: (change: OutsideChange) => void;
}

/** How long a caller waits for a record to be written. */
const patienceMs = 2_000;
/** How often the settings of a topic in use are compared, which the log does not tell of by itself. */
const settingsMs = 30_000;
const describedAtOnce = 4;

export function createLogWatch({ log, registry, signal, onOutsideChange }: LogWatchOptions): LogWatch {
  const { store } = registry;
  const { clock } = store;
  /** When the settings of a topic were compared last, by the monotonic clock. */
  const compared = new Map<string, number>();
  let comparing: Promise<void> | undefined;

  const work: BackgroundWork = createBackgroundWork({
    registry,
    signal,
    run: takeOver,
    trouble: (name, why) => `topic ${name} was changed in the log, which is not taken over yet: ${why}`,
    isNeeded: () => false,
  });

  async function takeOver(name: string, lock: TopicLock): Promise<void> {
    const found = await store.read(name);
    if (found?.record.state !== 'active') return;
    const topic = await log.describeTopic(name);
    const result = topic && reconcile(found.record, topic, () => newIncarnation(clock));
    if (!result) return;
    lock.check();
    await store.replace(name, result.record, found.version);
    const { changes, warnings } = result;
    if (changes.length > 0) onOutsideChange({ topic: name, changes, warnings });
  }

  function recordOf(name: string) {
    const record = registry.stored(name);
    return record?.state === 'active' ? record : undefined;
  }

  /** Resolves when a change is taken over, or could not be at first. */
  function look(name: string): Promise<void> | undefined {
    const record = recordOf(name);
    const facts = registry.inLog(name);
    return record && facts && needsLook(record, facts) ? work.notice(name) : undefined;
  }

  function learn(name: string, facts: LogTopicFacts): Promise<void> | undefined {
    registry.learn(name, facts);
    return look(name);
  }

  /** Settings are asked for one by one: only now and then, and a few topics at a time. */
  function compareSoon(name: string): void {
    const now = clock.now();
    const last = compared.get(name);
    // The first time is spread out, so that an instance that starts does not ask for all topics at once.
    if (last === undefined) compared.set(name, now - clock.random() * settingsMs);
    if (last === undefined || now - last < settingsMs || comparing !== undefined) return;
    const due = [...compared].filter(([, at]) => now - at >= settingsMs).map(([each]) => each);
    comparing = forEachLimited(due, describedAtOnce, compare).finally(() => {
      comparing = undefined;
    });
  }

  async function compare(name: string): Promise<void> {
    compared.delete(name);
    if (signal.aborted || recordOf(name) === undefined) return;
    const topic: LogTopic | undefined = await log.describeTopic(name).catch(() => undefined);
    const record = recordOf(name);
    if (topic && record && reconcile(record, topic, () => '') !== undefined) await work.notice(name);
  }

  const unlisten = log.onTopicFacts((name, facts) => {
    if (recordOf(name) === undefined) return;
    void learn(name, facts);
    compareSoon(name);
  });

  return {
    async confirm(names, isNow = false) {
      const known = names.filter((name) => recordOf(name) !== undefined);
      if (known.length === 0) return;
      const facts = await log.topicFacts(known, isNow).catch(() => undefined);
      const looks = [...(facts ?? [])].flatMap(([name, each]) => learn(name, each) ?? []);
      if (looks.length === 0) return;
      await Promise.race([Promise.all(looks), clock.sleep(patienceMs)]);
    },
    check: (name) => void look(name),
    troubles: work.troubles,
    close: unlisten,
  };
}
