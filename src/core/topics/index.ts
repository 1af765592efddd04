import { setMaxListeners } from 'node:events';
import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { SchemaCompiler } from '../ports/schema-compiler.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { createTopicAdmin, notFound, notManaged } from './admin.js';
import { createFinisher } from './finisher.js';
import { createGrace } from './grace.js';
import { createLifecycle } from './lifecycle.js';
import { TopicListeners } from './listeners.js';
import { type Locked, withTopicLock } from './lock.js';
import { checkTopicName } from './names.js';
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
}: TopicsOptions): TopicsService {
  const closing = new AbortController();
  // Every call that waits for a topic's lock listens.
  setMaxListeners(0, closing.signal);
  const store = new TopicStore(coordination, clock);
  const lifecycle = createLifecycle(store, log);
  const grace = createGrace(coordination.status, graceMs, clock);
  const listeners = new TopicListeners();
  const registry = new TopicRegistry(store, compiler, changed);
  const finisher = createFinisher(lifecycle, registry, closing.signal);
  const locked: Locked = (name, run) => withTopicLock(store, name, { ms: lockWaitMs, signal: closing.signal }, run);
  const admin = createTopicAdmin({ store, log, judge, lifecycle }, registry, locked, closing.signal);

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
    ],

    close: async () => {
      closing.abort(new BusError('SHUTTING_DOWN', 'the server is shutting down'));
      grace.close();
      registry.close();
    },
  };

  function changed(name: string, known: KnownTopic | undefined): void {
    if (known !== undefined && known.found.record.state !== 'active') finisher.notice(name);
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
