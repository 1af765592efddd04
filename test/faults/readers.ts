import { setTimeout as sleep } from 'node:timers/promises';
import {
  createMainstemClient,
  EndReason,
  type Frame,
  GapReason,
  type MainstemClient,
  MainstemError,
  type StreamRecord,
} from '../../src/client/index.js';
import { decodeCursor, encodeCursor, type TopicCursor } from '../../src/core/cursor.js';
import type { Commit, History, Seen, SeenRecord, Stream } from './history.js';

export interface ReaderOptions {
  readonly history: History;
  readonly topic: string;
  readonly reader: string;
  /** A durable subscriber; undefined: a plain follower, that goes on from its last cursor. */
  readonly subscriber?: string;
  /** Of the instances, by name; it goes on to the next one when one fails. */
  readonly instances: readonly { readonly name: string; readonly address: string }[];
  readonly first: number;
  readonly now: () => number;
  /** Ends it. */
  readonly stop: AbortSignal;
}

/** A reader that runs. */
export interface Reader {
  /** Resolves when it has ended; never rejects. */
  readonly done: Promise<void>;
  /** Leaves the stream, and stays away until the returned function is called. */
  hold(): () => void;
}

const heartbeatMs = 1_000;
const commitTimeoutMs = 8_000;

/** Reads a topic for as long as it may, over any number of streams; commits everything that it got if it is a subscriber's. */
export function startReader(options: ReaderOptions): Reader {
  const { instances, stop } = options;
  const clients = instances.map(({ address }) => createMainstemClient({ address }));
  let held: Promise<void> | undefined;
  let leave = new AbortController();
  const committer = createCommitter(options, clients);

  async function run(): Promise<void> {
    let cursor: string | undefined;
    for (let turn = options.first; !stop.aborted; turn++) {
      await held;
      leave = new AbortController();
      const instance = instances[turn % instances.length];
      const client = clients[turn % clients.length];
      if (!instance || !client) return;
      const stream = openStream(options, instance.name, cursor);
      try {
        const signal = AbortSignal.any([stop, leave.signal]);
        for await (const frame of client.frames(input(options, cursor), { signal })) {
          const seen = toSeen(frame, options.now());
          stream.frames.push(seen);
          if (!options.subscriber && frame.case !== 'assignment') cursor = frame.value.cursor;
          const generation = generationOf(stream);
          if (seen.kind === 'events') committer.processed(seen, generation);
          // One that waits in line does what a former owner must not be able to do.
          else if (generation === undefined && frame.case !== 'end') committer.again();
          if (frame.case === 'end')
            stream.outcome = frame.value.reason === EndReason.SHUTTING_DOWN ? 'end' : 'ENDED_EARLY';
        }
      } catch (thrown) {
        stream.outcome = stop.aborted || leave.signal.aborted ? 'left' : MainstemError.from(thrown).reason;
        if (stream.outcome === 'CURSOR_STALE_TOPIC') cursor = undefined;
      }
      stream.closedAt = options.now();
      if (!stop.aborted) await sleep(100);
    }
  }

  const done = run().then(async () => {
    await committer.idle();
    for (const client of clients) client.close();
  });
  return {
    done,
    hold() {
      let release: () => void = () => undefined;
      held = new Promise((resolve) => {
        release = resolve;
      });
      leave.abort();
      return () => {
        held = undefined;
        release();
      };
    },
  };
}

/** Everything that a topic holds now, by a stream of its own. Rejects with a MainstemError. */
export async function readAll(client: MainstemClient, topic: string): Promise<SeenRecord[]> {
  const records: SeenRecord[] = [];
  for await (const frame of client.frames({ topic, from: 'earliest', follow: false }, { timeoutMs: 60_000 })) {
    const seen = toSeen(frame, 0);
    if (seen.records) records.push(...seen.records);
  }
  return records;
}

function input({ topic, subscriber }: ReaderOptions, cursor: string | undefined) {
  if (subscriber !== undefined) return { topic, subscriber, heartbeatMs };
  return {
    topic,
    from: cursor === undefined ? ('earliest' as const) : { cursor },
    onExpired: 'skip' as const,
    heartbeatMs,
  };
}

function openStream(
  { history, reader, subscriber, now }: ReaderOptions,
  instance: string,
  cursor: string | undefined,
): Stream {
  const stream: Stream = {
    reader,
    subscriber,
    instance,
    heartbeatMs,
    openedAt: now(),
    resumed: placeOf(cursor),
    frames: [],
    closedAt: Number.POSITIVE_INFINITY,
    outcome: 'left',
  };
  history.streams.push(stream);
  return stream;
}

function generationOf(stream: Stream): number | undefined {
  return stream.frames.findLast(({ kind }) => kind === 'ready' || kind === 'assignment')?.generation;
}

function toSeen(frame: Frame, at: number): Seen {
  const { value } = frame;
  const cursor = placeOf(
    frame.case === 'ready' ? (frame.value.assignment?.cursor ?? frame.value.cursor) : value.cursor,
  );
  switch (frame.case) {
    case 'ready':
      return { kind: 'ready', at, cursor, generation: toNumber(frame.value.assignment?.generation) };
    case 'assignment':
      return { kind: 'assignment', at, cursor, generation: toNumber(frame.value.generation) };
    case 'events':
      return { kind: 'events', at, cursor, records: frame.value.records.map(toRecord) };
    case 'gap': {
      const { partition = -1, fromOffset = -1n, toOffset = -1n, reason } = frame.value;
      const gap = { partition, from: Number(fromOffset), to: Number(toOffset), reason: GapReason[reason] };
      return { kind: 'gap', at, cursor, gap };
    }
    case 'end':
      return { kind: 'end', at, cursor, reason: EndReason[frame.value.reason] };
    case 'heartbeat':
      return { kind: 'heartbeat', at, cursor };
  }
}

function toRecord(record: StreamRecord): SeenRecord {
  const event: unknown = JSON.parse(Buffer.from(record.jsonBytes).toString());
  const { producer, sequence } = Object.assign({ producer: -1, sequence: -1 }, event);
  return { partition: record.partition ?? -1, offset: Number(record.offset ?? -1n), producer, sequence };
}

const toNumber = (value: bigint | undefined) => (value === undefined ? undefined : Number(value));

function placeOf(cursor: string | undefined): TopicCursor | undefined {
  return cursor ? decodeCursor(cursor)[0] : undefined;
}

/** Commits the latest position, one commit at a time, on one instance after the other. */
function createCommitter({ history, subscriber, now, stop }: ReaderOptions, clients: readonly MainstemClient[]) {
  let pending: { readonly cursor: string; readonly generation: number } | undefined;
  let last: typeof pending;
  let running: Promise<void> | undefined;
  let turn = 0;

  async function run(name: string): Promise<void> {
    for (let next = pending; next && !stop.aborted; next = pending) {
      pending = undefined;
      const asked = placeOf(next.cursor);
      const client = clients[turn++ % clients.length];
      if (!asked || !client) break;
      const startedAt = now();
      const commit: Commit = {
        subscriber: name,
        generation: next.generation,
        asked,
        startedAt,
        endedAt: Number.POSITIVE_INFINITY,
        status: 'unknown',
        reason: 'STOPPED',
        answered: [],
      };
      history.commits.push(commit);
      try {
        const positions = await client.commit(
          { subscriber: name, cursor: next.cursor, generation: BigInt(next.generation) },
          { timeoutMs: commitTimeoutMs },
        );
        commit.status = 'ok';
        commit.answered = positions.map(
          ({ partition = -1, nextOffset = -1n }) => [partition, Number(nextOffset)] as const,
        );
      } catch (thrown) {
        commit.reason = MainstemError.from(thrown).reason;
        commit.status = commit.reason === 'FENCED' ? 'failed' : 'unknown';
        await sleep(50);
      }
      commit.endedAt = now();
    }
    running = undefined;
  }

  return {
    processed(seen: Seen, generation: number | undefined): void {
      if (subscriber === undefined || generation === undefined || !seen.cursor) return;
      pending = { cursor: encodeCursor([seen.cursor]), generation };
      last = pending;
      running ??= run(subscriber);
    },
    /** Tries the last commit once more. */
    again(): void {
      if (subscriber === undefined || last === undefined) return;
      pending ??= last;
      running ??= run(subscriber);
    },
    idle: async () => running,
  };
}
