import { Buffer } from 'node:buffer';
import { BusError } from '../../src/core/errors.js';
import type { AssignmentInfo, Frame, SubscribeCommand, Subscriptions } from '../../src/core/subscribe/frames.js';
import { until } from './until.js';

/** A record as a reader got it. */
export interface Got {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: number;
}

/** A client that reads its stream all the time, and commits what it got if it is to. */
export interface Reader {
  readonly frames: Frame[];
  readonly got: Got[];
  /** As the last frame that said so told it. */
  readonly assignment: AssignmentInfo | undefined;
  /** `topic/partition`, in order. */
  readonly owned: string[];
  /** The cursor and generation to commit everything that it has got. */
  readonly position: { readonly cursor: string; readonly generation: number } | undefined;
  /** The reasons of commits that were refused. */
  readonly refused: string[];
  /** `end`, or the reason of the error, when the stream is over. */
  readonly over: string | undefined;
  /** Waits, for as long as the test may run, until this is so. */
  until(condition: (reader: Reader) => boolean): Promise<void>;
  /** Reads no more frames until the returned function is called. */
  pause(): () => void;
  /** Disconnects. */
  close(): void;
}

export interface ReaderOptions {
  /** Commits after each frame of records, here: any instance will do. */
  readonly commitAt?: Subscriptions;
}

export function startReader(
  subscriptions: Subscriptions,
  command: SubscribeCommand,
  options: ReaderOptions = {},
): Reader {
  const call = new AbortController();
  const waiting = until();
  const never = new AbortController().signal;
  let paused: Promise<void> | undefined;
  let over: string | undefined;

  async function run(): Promise<void> {
    for await (const frame of subscriptions.subscribe(command, call.signal)) {
      reader.frames.push(frame);
      if (frame.kind === 'events') {
        for (const { partition, record } of frame.deliveries) {
          const value = Number(Buffer.from(record.value ?? []).toString());
          reader.got.push({ topic: frame.topic, partition, offset: record.offset, value });
        }
        commit();
      }
      waiting.changed();
      await paused;
    }
  }

  function commit(): void {
    const { position } = reader;
    if (!options.commitAt || !position || command.subscriber === undefined) return;
    options.commitAt.commit({ subscriber: command.subscriber, ...position }, never).catch((error: unknown) => {
      reader.refused.push(BusError.from(error).reason);
      waiting.changed();
    });
  }

  const reader: Reader = {
    frames: [],
    got: [],
    refused: [],
    get assignment() {
      const last = reader.frames.findLast(({ kind }) => kind === 'ready' || kind === 'assignment');
      return last && 'assignment' in last ? last.assignment : undefined;
    },
    get owned() {
      const { topics = [] } = reader.assignment ?? {};
      return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}/${partition}`));
    },
    get position() {
      const last = reader.frames.findLast((frame) => frame.kind !== 'end' && frame.kind !== 'heartbeat');
      if (!last) return undefined;
      const cursor = 'assignment' in last ? last.assignment.cursor : 'cursor' in last ? last.cursor : '';
      const { generation } = reader.assignment ?? {};
      return cursor === '' || generation === undefined ? undefined : { cursor, generation };
    },
    get over() {
      return over;
    },
    until: (condition) => waiting.until(() => condition(reader)),
    pause() {
      let resume: () => void = () => undefined;
      paused = new Promise((resolve) => {
        resume = resolve;
      });
      return () => {
        paused = undefined;
        resume();
      };
    },
    close: () => call.abort(),
  };
  run().then(
    () => {
      over = 'end';
      waiting.changed();
    },
    (error: unknown) => {
      over = BusError.from(error).reason;
      waiting.changed();
    },
  );
  return reader;
}

/** Until something holds over several readers. */
export async function untilAll(readers: readonly Reader[], condition: () => boolean): Promise<void> {
  await Promise.race(readers.map((reader) => reader.until(condition)));
}
