import { type EncodedEvents, EventEncoder } from '../../client/index.js';
import { UsageError } from '../usage-error.js';
import type { IdOf } from './identities.js';
import { type LineSink, LineSplitter, maxLineBytes } from './lines.js';

/** Lines on their way to the server. */
export interface LineBatch {
  readonly events: EncodedEvents;
  /** The line number of each event. */
  readonly lines: readonly number[];
}

export interface BatchOptions {
  /** Default 1,000. */
  readonly maxLines: number;
  /** Default 512 KiB; one longer line goes alone. */
  readonly maxBytes: number;
  /** The key of all events. */
  readonly key?: Uint8Array | undefined;
  /** Lines before this one are read over. Default 1. */
  readonly fromLine?: number | undefined;
  /** The identity of each event; it throws where a line has none, and says why. Undefined: events have none. */
  readonly idOf?: IdOf | undefined;
  /** Send what there is whenever the input pauses, as pipes do, instead of waiting for a full batch. */
  readonly flushEachChunk: boolean;
}

export interface InputCounts {
  bytes: number;
  /** All lines, the empty ones included. */
  lines: number;
  empty: number;
  /** Lines before the one where this upload begins. */
  skipped: number;
}

export interface InputObserver {
  tooLong(line: number): void;
  /** The line has no identity where each needs one: it is not sent. */
  unidentified(line: number, why: string): void;
}

/** Turns input into batches of at most the given size; memory is bounded by a batch, a chunk and a line. */
export async function* readBatches(
  input: AsyncIterable<Buffer>,
  options: BatchOptions,
  counts: InputCounts,
  observer: InputObserver,
): AsyncGenerator<LineBatch> {
  const encoder = new EventEncoder(options.key);
  const ready: LineBatch[] = [];
  let lines: number[] = [];
  const flush = () => {
    if (lines.length === 0) return;
    ready.push({ events: encoder.take(), lines });
    lines = [];
  };
  const isSkipped = (number: number) => {
    if (number >= (options.fromLine ?? 1)) return false;
    counts.skipped++;
    return true;
  };
  const sink: LineSink = {
    line(source, start, end, number) {
      counts.lines++;
      if (isSkipped(number)) return;
      let id: string | undefined;
      try {
        id = options.idOf?.(source, start, end, number);
      } catch (error) {
        observer.unidentified(number, error instanceof Error ? error.message : String(error));
        return;
      }
      if (lines.length > 0 && encoder.bytes + end - start > options.maxBytes) flush();
      encoder.add(source, start, end, id);
      lines.push(number);
      if (lines.length >= options.maxLines || encoder.bytes >= options.maxBytes) flush();
    },
    empty(number) {
      counts.lines++;
      if (!isSkipped(number)) counts.empty++;
    },
    tooLong(number) {
      counts.lines++;
      if (!isSkipped(number)) observer.tooLong(number);
    },
  };
  const splitter = new LineSplitter(sink, maxLineBytes);
  for await (const chunk of withoutBom(input)) {
    counts.bytes += chunk.length;
    splitter.push(chunk);
    if (options.flushEachChunk) flush();
    yield* ready.splice(0);
  }
  splitter.end();
  flush();
  yield* ready;
}

/** Refuses a byte order mark at the start, which would silently become part of the first event. */
async function* withoutBom(input: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of input) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    // So long as what came could be the beginning of a mark.
    if (head.length < 3 && Buffer.from([0xef, 0xbb, 0xbf]).subarray(0, head.length).equals(head)) continue;
    if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) {
      throw new UsageError(
        'the input begins with a UTF-8 byte order mark, which JSON does not allow: remove its first 3 bytes',
      );
    }
    if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
      throw new UsageError('the input is UTF-16 (by its byte order mark): convert it to UTF-8 first');
    }
    yield head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}
