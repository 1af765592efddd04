import { Buffer } from 'node:buffer';
import type { Frame, SubscribeCommand, Subscriptions } from '../../src/core/subscribe/frames.js';

type FrameOf<K extends Frame['kind']> = Extract<Frame, { kind: K }>;

/** A stream as a test reads it. */
export interface TestStream {
  /** The next frame that is not a heartbeat. */
  next(): Promise<Frame>;
  /** The next frame, which must be of this kind. */
  expect<K extends Frame['kind']>(kind: K): Promise<FrameOf<K>>;
  /** Reads until so many records have come; other frames are kept in `others`. */
  records(count: number): Promise<{ partition: number; offset: number; text: string; cursor: string }[]>;
  readonly others: Frame[];
  /** Disconnects. */
  close(): void;
}

export function openStream(subscriptions: Subscriptions, command: SubscribeCommand): TestStream {
  const call = new AbortController();
  const frames = subscriptions.subscribe(command, call.signal)[Symbol.asyncIterator]();
  const others: Frame[] = [];

  async function next(): Promise<Frame> {
    for (;;) {
      const { value, done } = await frames.next();
      if (done) throw new Error('the stream is over');
      if (value.kind !== 'heartbeat') return value;
    }
  }

  return {
    next,
    others,
    async expect(kind) {
      const frame = await next();
      if (isKind(frame, kind)) return frame;
      throw new Error(`expected a frame ${kind}, got ${JSON.stringify(frame)}`);
    },
    async records(count) {
      const got: { partition: number; offset: number; text: string; cursor: string }[] = [];
      while (got.length < count) {
        const frame = await next();
        if (frame.kind !== 'events') {
          others.push(frame);
          if (frame.kind === 'end') break;
          continue;
        }
        for (const { partition, record } of frame.deliveries) {
          const text = Buffer.from(record.value ?? []).toString();
          got.push({ partition, offset: record.offset, text, cursor: frame.cursor });
        }
      }
      return got;
    },
    close: () => call.abort(),
  };
}

function isKind<K extends Frame['kind']>(frame: Frame, kind: K): frame is FrameOf<K> {
  return frame.kind === kind;
}
