import { accepts, type OffsetRecords, passing } from './check-commits.js';
import type { Happening, Recorded } from './history.js';
import { type Position, placeOf } from './positions.js';
import type { Report } from './violation.js';

type Opened = Extract<Happening, { kind: 'opened' }>;
type FrameSeen = Extract<Happening, { kind: 'frame' }> & { readonly at: number };

/** A stream as far as it has been seen. */
export interface StreamSeen extends Opened {
  streamId: string;
  generation: number | undefined;
  /** By place: the next offset of each partition that it serves. */
  next: Map<string, number>;
  over: boolean;
  /** It waits for its client to read. */
  stuck: boolean;
}

/** How much longer than its heartbeat a stream may be silent: timers are late. */
const slackMs = 50;

/** Judges what streams deliver. */
export function streamChecks(
  records: OffsetRecords,
  report: Report,
  isAtMostOnce: (subscriber: string) => boolean,
): { see(happening: Recorded): void; readonly streams: ReadonlyMap<number, StreamSeen> } {
  const streams = new Map<number, StreamSeen>();
  /** By stream id: how many ephemerals of it are there. */
  const places = new Map<string, number>();
  /** By subscriber: the records that may be sent once only, and were. */
  const sent = new Set<string>();
  /** By subscriber and generation: whose it is. */
  const generations = new Map<string, string>();

  function assigned(stream: StreamSeen, { at, streamId, generation, positions, stream: number }: FrameSeen): void {
    const { subscriber } = stream;
    if (generation !== undefined) {
      const key = `${subscriber}\0${generation}`;
      const other = generations.get(key);
      if (other !== undefined && other !== streamId) {
        report('generation', at, `generation ${generation} of ${subscriber} was given to ${other} and ${streamId}`);
      }
      generations.set(key, streamId);
    }
    const before = stream.next;
    for (const position of positions) {
      const name = `stream ${number}, ${placeOf(position)}`;
      const expected = before.get(placeOf(position));
      const committed = records.now(subscriber, position)?.next ?? 0;
      if (position.offset > Math.max(expected ?? 0, committed)) {
        report('skipped', at, `${name}: begins at ${position.offset}, committed is ${committed}, sent ${expected}`);
      }
      if (expected !== undefined && position.offset < expected && generation === stream.generation) {
        report('order', at, `${name}: goes back from ${expected} to ${position.offset} without a new generation`);
      }
    }
    stream.next = new Map(positions.map((position) => [placeOf(position), position.offset]));
    stream.generation = generation;
  }

  function delivered(stream: StreamSeen, frame: FrameSeen, record: Position): void {
    const { at, stream: number, streamId } = frame;
    const place = placeOf(record);
    const name = `stream ${number} (generation ${stream.generation}), ${place}@${record.offset}`;
    const expected = stream.next.get(place);
    if (expected === undefined) report('unowned', at, `${name}: it does not serve that partition`);
    else if (record.offset > expected) report('skipped', at, `${name}: ${expected} was due`);
    else if (record.offset < expected) report('order', at, `${name}: ${expected} was due`);
    stream.next.set(place, record.offset + 1);
    const key = `${stream.subscriber}\0${place}@${record.offset}`;
    if (sent.has(key)) report('repeated', at, `${name}: it was sent before, though it is committed before it is sent`);
    if (isAtMostOnce(stream.subscriber)) sent.add(key);
    const owned = records.now(stream.subscriber, record);
    const { generation = 0 } = stream;
    if (owned === undefined || owned.generation < generation) {
      report('unowned', at, `${name}: not claimed yet, the record has generation ${owned?.generation}`);
    }
    // What is committed before it is sent is sent by the stream that has committed it, also late: nobody else sends it.
    const isItsOwn = isAtMostOnce(stream.subscriber) && owned !== undefined && record.offset < (owned.next ?? 0);
    const isTaken = owned !== undefined && owned.generation > generation && !accepts(owned, generation);
    if (places.get(streamId) === 0 && isTaken && !isItsOwn) {
      report('zombie', at, `${name}: generation ${owned.generation} has taken over, and its place is gone`);
    }
  }

  function seen(stream: StreamSeen, frame: FrameSeen): void {
    const first = stream.streamId === '';
    stream.streamId = frame.streamId;
    if (!first && frame.waitedMs > stream.heartbeatMs + slackMs) {
      report('silent', frame.at, `stream ${frame.stream} was silent for ${frame.waitedMs} ms`);
    }
    if (frame.frame === 'ready' || frame.frame === 'assignment') {
      assigned(stream, frame);
      return;
    }
    for (const record of frame.records) delivered(stream, frame, record);
    const { gap } = frame;
    if (gap) stream.next.set(placeOf(gap), gap.to);
    for (const position of frame.positions) {
      const expected = stream.next.get(placeOf(position));
      if (expected === position.offset) continue;
      const name = `stream ${frame.stream}, ${frame.frame}`;
      report(
        'skipped',
        frame.at,
        `${name}: ${placeOf(position)} is said to be at ${position.offset}, sent is ${expected}`,
      );
    }
  }

  return {
    streams,
    see(happening) {
      if (happening.kind === 'place') {
        const { streamId, there } = happening;
        places.set(streamId, (places.get(streamId) ?? 0) + (there ? 1 : -1));
      }
      if (happening.kind === 'opened') {
        streams.set(happening.stream, {
          ...happening,
          streamId: '',
          generation: undefined,
          next: new Map(),
          over: false,
          stuck: true,
        });
      }
      if (happening.kind !== 'frame' && happening.kind !== 'over' && happening.kind !== 'waiting') return;
      const stream = streams.get(happening.stream);
      if (!stream) return;
      if (happening.kind === 'frame') seen(stream, happening);
      else if (happening.kind === 'waiting') {
        stream.stuck = false;
        if (stream.streamId !== '' && happening.waitedMs > stream.heartbeatMs + slackMs) {
          report('silent', happening.at, `stream ${happening.stream} has been silent for ${happening.waitedMs} ms`);
        }
      } else {
        stream.over = true;
        if (!passing.has(happening.why) && !/^[a-z]/.test(happening.why)) {
          report('failure', happening.at, `stream ${happening.stream} failed with ${happening.why}`);
        }
      }
    },
  };
}
