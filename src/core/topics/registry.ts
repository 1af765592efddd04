import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import type { Timer } from '../ports/clock.js';
import type { LogTopicFacts } from '../ports/event-log.js';
import type { SchemaCompiler } from '../ports/schema-compiler.js';
import { Coalesced, forEachLimited } from './coalesce.js';
import { withPartitionsOf } from './reconcile.js';
import { schemasPath, type TopicRecord, topicPath, topicsPath, type Versioned } from './record.js';
import type { StoredSchema } from './schema-record.js';
import { makeSnapshot, type SchemaFacts, SchemaVersions } from './snapshot.js';
import type { TopicStore } from './store.js';
import type { ActiveTopic } from './topic.js';

/** What this process knows of a topic. */
export interface KnownTopic {
  readonly found: Versioned;
  /** The schema versions that exist, in order. */
  readonly versions: readonly number[];
  /** What is known of a version. */
  facts(version: number): SchemaFacts | undefined;
  /** If it is active. */
  readonly snapshot: ActiveTopic | undefined;
}

interface Slot {
  /** As it stands in coordination; `known` may have partitions beyond. */
  stored: { readonly found: Versioned; readonly versions: readonly number[] } | undefined;
  inLog: LogTopicFacts | undefined;
  known: KnownTopic | undefined;
  /** The record is there and cannot be read. */
  unreadable: BusError | undefined;
  schemas: SchemaVersions | undefined;
  unwatch: () => void;
}

/** How many names that are not in memory may be looked up at once; beyond that callers get OVERLOADED. */
const mostLookups = 500;
const loadsAtOnce = 16;
const retryAfterMs = 1_000;

/** The topics in memory, kept fresh by watches. */
export class TopicRegistry {
  /** By name: the hot path's lookup. */
  readonly active = new Map<string, ActiveTopic>();
  readonly #slots = new Map<string, Slot>();
  readonly #loads = new Coalesced((name) => this.#load(name));
  readonly #retries = new Map<string, Timer>();
  #unwatch: (() => void) | undefined;
  #closed = false;

  /** @param changed called after what is known of a topic has changed; `undefined`: there is no such topic any more. */
  constructor(
    readonly store: TopicStore,
    readonly compiler: SchemaCompiler,
    readonly changed: (name: string, known: KnownTopic | undefined) => void,
  ) {}

  /** Reads all topics. Rejects where coordination does not answer, and may then be called again. */
  async start(): Promise<void> {
    this.#unwatch ??= this.store.coordination.watch(topicsPath, 'children', () =>
      this.#inBackground('', () => this.#loadAll()),
    );
    await this.#loadAll();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch?.();
    for (const slot of this.#slots.values()) slot.unwatch();
    for (const timer of this.#retries.values()) timer.close();
    this.#slots.clear();
    this.active.clear();
  }

  known(name: string): KnownTopic | undefined {
    return this.#slots.get(name)?.known;
  }

  all(): [name: string, known: KnownTopic][] {
    return [...this.#slots].flatMap(([name, { known }]) => (known === undefined ? [] : [[name, known]]));
  }

  /** The record as it stands in coordination, as far as is known. */
  stored(name: string): TopicRecord | undefined {
    return this.#slots.get(name)?.stored?.found.record;
  }

  /** What the log has told of a topic last. */
  inLog(name: string): LogTopicFacts | undefined {
    return this.#slots.get(name)?.inLog;
  }

  /** The log has told of a topic: partitions that it has beyond the record count at once. */
  learn(name: string, facts: LogTopicFacts): void {
    const slot = this.#slots.get(name);
    if (this.#closed || slot === undefined) return;
    slot.inLog = facts;
    const { known, stored } = slot;
    if (stored?.found.record.state !== 'active' || known === undefined) return;
    const { partitions } = withPartitionsOf(stored.found.record, facts).settings;
    if (partitions > known.found.record.settings.partitions) this.#show(name, slot, stored);
  }

  /** Reads a topic anew, after a sync. What was acknowledged to anybody before the call is seen. Throws BusErrors; INTERNAL if unreadable. */
  async refresh(name: string): Promise<KnownTopic | undefined> {
    if (this.#closed) throw shuttingDown();
    if (this.#loads.size >= mostLookups && !this.#slots.has(name)) {
      throw new BusError('OVERLOADED', 'too many unknown topics are being looked up; try again shortly');
    }
    try {
      await this.store.coordination.sync();
      await this.#loads.run(name);
    } catch (error) {
      throw toBusError(error);
    }
    // What was known is dropped then: that there is no such topic would be a lie.
    if (this.#closed) throw shuttingDown();
    const slot = this.#slots.get(name);
    if (slot?.unreadable !== undefined) throw slot.unreadable;
    return slot?.known;
  }

  /** Reads the topics that came or went; the others have watches of their own. Throws CoordinationErrors. */
  async #loadAll(): Promise<void> {
    const there = new Set(await this.store.coordination.children(topicsPath));
    const came = [...there].filter((name) => !this.#slots.has(name));
    const names = [...came, ...[...this.#slots.keys()].filter((name) => !there.has(name))];
    await forEachLimited(names, loadsAtOnce, (name) => this.#loads.run(name));
  }

  async #load(name: string): Promise<void> {
    if (this.#closed) return;
    try {
      if (!this.#slots.has(name) && (await this.store.read(name)) === undefined) return;
      const slot = this.#slotOf(name);
      for (;;) {
        // Watched before it is read; and what is read belongs together, or is read again.
        const found = await this.store.read(name);
        if (found === undefined) return this.#forget(name);
        const versions = await this.#loadSchemas(name, slot, found.record.incarnation);
        if (versions !== undefined) return this.#settle(name, slot, found, versions);
      }
    } catch (error) {
      if (!(error instanceof BusError) || error.reason !== 'INTERNAL') throw error;
      this.#slotOf(name).unreadable = error;
      this.#slotOf(name).known = undefined;
      this.#slotOf(name).stored = undefined;
      this.active.delete(name);
    }
  }

  /** The versions that exist; undefined where the topic became another one meanwhile. */
  async #loadSchemas(name: string, slot: Slot, incarnation: string): Promise<number[] | undefined> {
    if (slot.schemas?.incarnation !== incarnation) slot.schemas = new SchemaVersions(incarnation);
    const { schemas } = slot;
    const versions = await this.store.schemaVersions(name);
    const missing = versions.filter((version) => !schemas.has(version));
    if (missing.length === 0) return versions;
    const found = new Map<number, StoredSchema | undefined>();
    await forEachLimited(missing, loadsAtOnce, async (version) => {
      found.set(version, await this.store.schema(name, version));
    });
    const now = await this.store.read(name);
    if (now?.record.incarnation !== incarnation) return undefined;
    for (const schema of found.values()) if (schema !== undefined) schemas.add(schema);
    return versions.filter((version) => schemas.has(version));
  }

  #settle(name: string, slot: Slot, found: Versioned, versions: readonly number[]): void {
    const before = slot.known;
    if (this.#closed || (before !== undefined && isSame(before, found.record, found.version, versions))) return;
    slot.unreadable = undefined;
    slot.stored = { found, versions };
    this.#show(name, slot, slot.stored);
  }

  #show(name: string, slot: Slot, { found: stored, versions }: NonNullable<Slot['stored']>): void {
    const record = stored.record.state === 'active' ? withPartitionsOf(stored.record, slot.inLog) : stored.record;
    const found = { record, version: stored.version };
    const snapshot =
      record.state === 'active' && slot.schemas !== undefined
        ? makeSnapshot(name, record, versions, slot.schemas, this.compiler)
        : undefined;
    const { schemas } = slot;
    slot.known = { found, versions, facts: (version) => schemas?.facts(version), snapshot };
    if (snapshot === undefined) this.active.delete(name);
    else this.active.set(name, snapshot);
    this.changed(name, slot.known);
  }

  #slotOf(name: string): Slot {
    const existing = this.#slots.get(name);
    if (existing !== undefined) return existing;
    const { coordination } = this.store;
    const reload = () => this.#inBackground(name, () => this.#loads.run(name));
    const unwatchers = [
      coordination.watch(topicPath(name), 'value', reload),
      coordination.watch(schemasPath(name), 'children', reload),
    ];
    const unwatch = () => {
      for (const stop of unwatchers) stop();
    };
    const slot: Slot = {
      stored: undefined,
      inLog: undefined,
      known: undefined,
      unreadable: undefined,
      schemas: undefined,
      unwatch,
    };
    this.#slots.set(name, slot);
    return slot;
  }

  #forget(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    slot.unwatch();
    this.#slots.delete(name);
    this.active.delete(name);
    this.changed(name, undefined);
  }

  /** A watch has no caller to fail: tries until it succeeds, once a second at most. */
  #inBackground(key: string, work: () => Promise<void>): void {
    if (this.#closed || this.#retries.has(key)) return;
    work().catch(() => {
      if (this.#closed || this.#retries.has(key)) return;
      const again = () => {
        this.#retries.delete(key);
        this.#inBackground(key, work);
      };
      this.#retries.set(key, this.store.clock.setTimeout(again, retryAfterMs).unref());
    });
  }
}

function shuttingDown(): BusError {
  return new BusError('SHUTTING_DOWN', 'the server is shutting down');
}

function isSame(known: KnownTopic, record: TopicRecord, version: number, versions: readonly number[]): boolean {
  return (
    known.found.record.incarnation === record.incarnation &&
    known.found.version === version &&
    known.versions.length === versions.length &&
    known.versions.at(-1) === versions.at(-1)
  );
}
