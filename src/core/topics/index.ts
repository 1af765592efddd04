import { setMaxListeners } from 'node:events';
import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { SchemaCompiler } from '../ports/schema-compiler.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { createTopicAdmin, notFound, notManaged } from './admin.js';
import { createBackgroundWork } from './background-work.js';
import { createGrace } from './grace.js';
import { createLifecycle } from './lifecycle.js';
import { TopicListeners } from './listeners.js';
import { type Locked, withTopicLock } from './lock.js';
import { createLogWatch } from './log-watch.js';
import { checkTopicName } from './names.js';
import type { OutsideChange } from './reconcile.js';
import { type KnownTopic, TopicRegistry } from './registry.js';
import { durabilityWarning } from './settings.js';
import { TopicStore } from './store.js';
import type { ActiveTopic, TopicAdmin, Topics } from './topic.js';
import { createTopicSchemas, type TopicSchemas } from './versions.js';

export interface TopicsOptions {
  readonly log: EventLog;
  readonly coordination: Coordination;
  readonly compiler: SchemaCompiler;
  readonly judge: SchemaJudge;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** How long topics and schemas in memory are used while coordination is away. Milliseconds; default 15 min. */
  readonly graceMs?: number | undefined;
  /** Told by the instance that has taken over what was changed in the log outside the bus. */
  readonly onOutsideChange?: ((change: OutsideChange) => void) | undefined;
}

/** The topics of one instance: their snapshots for the hot paths, and their management. */
export interface TopicsService extends Topics, TopicAdmin {
  /** Reads all topics, and follows them from then on. Throws COORDINATION_UNAVAILABLE, and may then be called again. */
  start(): Promise<void>;
  /** Their schema versions, for the schema registry. */
  readonly schemas: TopicSchemas;
  /** What an operator should know: topics that are weaker than they could be, or left half-way. In words, by name. */
  warnings(): string[];
  /** Ends watches and waits; management calls that wait for a topic's lock fail with SHUTTING_DOWN. */
  close(): Promise<void>;
}

const defaultGraceMs = 15 * 60 * 1000;
/** How long a change of a topic waits for another one. */
const lockWaitMs = 10_000;

export function createTopics({
  log,
  coordination,
  compiler,
  judge,
  clock = systemClock,
  graceMs = defaultGraceMs,
  onOutsideChange = () => undefined,
}: TopicsOptions): TopicsService {
  const closing = new AbortController();
  // Every call that waits for a topic's lock listens.
  setMaxListeners(0, closing.signal);
  const store = new TopicStore(coordination, clock);
  const lifecycle = createLifecycle(store, log);
  const grace = createGrace(coordination.status, graceMs, clock);
  const listeners = new TopicListeners();
  const registry = new TopicRegistry(store, compiler, changed);
  const isHalfWay = (name: string) => (registry.known(name)?.found.record.state ?? 'active') !== 'active';
  const finisher = createBackgroundWork({
    registry,
    signal: closing.signal,
    run: lifecycle.settle,
    trouble: (name, why) => `topic ${name} is left half-way: ${why}`,
    isNeeded: isHalfWay,
  });
  const logWatch = createLogWatch({ log, registry, signal: closing.signal, onOutsideChange });
  const locked: Locked = (name, run) => withTopicLock(store, name, { ms: lockWaitMs, signal: closing.signal }, run);
  const admin = createTopicAdmin({ store, log, judge, lifecycle }, registry, locked, logWatch.confirm, closing.signal);

  return {
    ...admin,
    schemas: createTopicSchemas({ store, lifecycle, locked, refresh: refreshed, active: use }),

    start: async () => {
      try {
        await registry.start();
      } catch (error) {
        throw toBusError(error);
      }
    },

    peek: (name) => {
      grace.check();
      if (closing.signal.aborted) throw closing.signal.reason;
      return registry.active.get(name);
    },

    require: async (name, schemaVersion) => {
      grace.check();
      const known = registry.known(name);
      if (known?.snapshot !== undefined && (schemaVersion === undefined || known.versions.includes(schemaVersion))) {
        return known.snapshot;
      }
      return use(name, await refreshed(name));
    },

    confirm: logWatch.confirm,

    refresh: async (name) => use(name, await refreshed(name)),

    watch: (topic, listener) => listeners.add(topic, () => registry.known(topic.name), listener),

    all: () => registry.active.values(),

    watchAll: (listener) => listeners.addForAll(listener),

    warnings: () => [
      ...registry.all().flatMap(([name, { snapshot }]) => {
        const warning = snapshot === undefined ? undefined : durabilityWarning(name, snapshot.settings, log.driver);
        return warning === undefined ? [] : [warning];
      }),
      ...finisher.troubles(),
      ...logWatch.troubles(),
    ],

    close: async () => {
      closing.abort(new BusError('SHUTTING_DOWN', 'the server is shutting down'));
      grace.close();
      logWatch.close();
      registry.close();
    },
  };

  function changed(name: string, known: KnownTopic | undefined): void {
    // What another call has left half-way is finished.
    if (isHalfWay(name)) void finisher.notice(name);
    logWatch.check(name);
    listeners.changed(name, known);
  }

  async function refreshed(name: string): Promise<KnownTopic | undefined> {
    checkTopicName(name);
    grace.checkUp(`topic ${name}`);
    return registry.refresh(name);
  }

  async function use(name: string, known: KnownTopic | undefined): Promise<ActiveTopic> {
    if (known?.snapshot !== undefined) return known.snapshot;
    switch (known?.found.record.state) {
      case 'creating':
        throw new BusError('TOPIC_NOT_READY', `topic ${name} is being created; try again shortly`);
      case undefined:
        // Whether the log has it only makes the answer more helpful.
        throw (await log.describeTopic(name).catch(() => undefined)) === undefined ? notFound(name) : notManaged(name);
      default:
        throw notFound(name);
    }
  }
}
