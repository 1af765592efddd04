import { BusError } from '../../../core/errors.js';
import type { Frame, SubscribeCommand, Subscriptions } from '../../../core/subscribe/frames.js';
import type { Pull, Pulled } from '../../../core/subscribe/pulled.js';
import type { OpenStreams } from '../../open-streams.js';
import type { OnInternalError } from '../../served.js';
import { watchStalls } from '../../stalled-client.js';
import { addVary } from '../../vary.js';
import { acceptsCoding } from '../accept.js';
import { type Exchange, headerOf } from '../exchange.js';
import { ndjsonType } from './ndjson.js';
import type { StreamFormat } from './stream-format.js';
import { type StreamOutput, streamOutput } from './stream-output.js';

export interface StreamServer {
  readonly subscriptions: Subscriptions;
  /** See Served. */
  readonly stalledMs: number | undefined;
  readonly streams: OpenStreams;
  readonly onInternalError: OnInternalError;
}

/**
 * Answers with a stream, as fast as the client reads: nothing is pulled while it does not. The status is known with the first frame; what goes wrong before is thrown, unless the
 * format wants it said otherwise. HEAD gets the headers alone, and joins no subscriber.
 */
export async function answerStream(
  server: StreamServer,
  exchange: Exchange,
  command: SubscribeCommand,
  format: StreamFormat,
): Promise<void> {
  const { request, response } = exchange;
  const isHead = request.method === 'HEAD';
  // Everything that the stream holds hangs on this signal.
  const over = new AbortController();
  exchange.signal.addEventListener('abort', () => over.abort(exchange.signal.reason), { once: true });
  try {
    const frames = server.subscriptions.subscribe(isHead ? withoutSubscriber(command) : command, over.signal);
    const begun = await beginningOf(frames, format, command, Boolean(headerOf(exchange, 'last-event-id')));
    if (exchange.signal.aborted) return;
    if (begun === 'over') {
      response.writeHead(204, { 'cache-control': 'no-store' });
      response.end();
      return;
    }
    const gzip = sendHeaders(exchange, format);
    if (isHead) {
      response.end();
      return;
    }
    const output = streamOutput(response, gzip, server.streams);
    if ('text' in begun) {
      output.write(begun.text);
      output.end();
      return;
    }
    await pump({ server, exchange, format, output }, begun.pulls, frames);
  } finally {
    over.abort(new BusError('CANCELLED', 'the answer is over'));
  }
}

/** The first of what was pulled; or what is answered in its place; or that there is nothing left for a client that would come again and again. */
type Beginning = { readonly pulls: readonly Pull<Frame>[] } | { readonly text: string } | 'over';

async function beginningOf(
  frames: Pulled<Frame>,
  format: StreamFormat,
  { subscriber, follow }: SubscribeCommand,
  resumes: boolean,
): Promise<Beginning> {
  try {
    const first = await arrived(frames);
    if (subscriber === undefined) checkCursor(first, format);
    if (!format.comesAgain || !resumes || subscriber !== undefined) return { pulls: [first] };
    // What does not follow tells at once what is next. What may have to wait is not waited for: its head goes out now.
    const second = follow === false ? await arrived(frames) : frames.pull();
    return isEnd(second) ? 'over' : { pulls: [first, second] };
  } catch (error) {
    const known = BusError.from(error);
    const text = format.refusal(known);
    if (text === undefined) throw known;
    return { text };
  }
}

/** Refuses a stream whose client could not come back: it would hear of that only when its connection breaks. */
function checkCursor({ value }: IteratorResult<Frame, undefined>, { longestCursor }: StreamFormat): void {
  if (longestCursor === undefined || value?.kind !== 'ready' || value.cursor.length <= longestCursor) return;
  const partitions = value.assignment.topics.reduce((sum, topic) => sum + topic.partitions.length, 0);
  throw new BusError(
    'CURSOR_TOO_LARGE',
    `the id of this event stream has ${value.cursor.length} characters, because it covers ${partitions} partitions; clients can come back with at most ` +
      `${longestCursor}. Name a subscriber, whose position the server keeps; read fewer partitions; or read NDJSON, whose cursor does not travel in a header`,
    {
      metadata: {
        characters: String(value.cursor.length),
        most: String(longestCursor),
        partitions: String(partitions),
      },
    },
  );
}

async function arrived(frames: Pulled<Frame>): Promise<IteratorResult<Frame, undefined>> {
  for (;;) {
    const pull = frames.pull();
    if (!(pull instanceof Promise)) return pull;
    await pull;
  }
}

function isEnd(pull: Pull<Frame>): boolean {
  if (pull instanceof Promise || pull.done === true || pull.value.kind !== 'end') return false;
  return pull.value.reason === 'caught_up' || pull.value.reason === 'until';
}

interface Pump {
  readonly server: StreamServer;
  readonly exchange: Exchange;
  readonly format: StreamFormat;
  readonly output: StreamOutput;
}

async function pump(
  { server, exchange, format, output }: Pump,
  begun: readonly Pull<Frame>[],
  frames: Pulled<Frame>,
): Promise<void> {
  const { request, response, signal } = exchange;
  const client = watchStalls(request, response, server.stalledMs);
  try {
    for (let pulls = 0; ; pulls++) {
      const next = begun[pulls] ?? frames.pull();
      if (next instanceof Promise) {
        await next;
        if (output.gone) return;
        continue;
      }
      if (next.done === true) break;
      const frame = next.value;
      // Only with a generation does it own partitions, which others would wait for.
      if ('assignment' in frame) client.expectReading(frame.assignment.generation !== undefined);
      for (const part of frame.kind === 'events' ? format.slice(frame) : [format.control(frame)]) {
        if (part.length > 0 && !output.write(part)) await output.room();
        if (output.gone) return;
      }
    }
  } catch (error) {
    if (signal.aborted || output.gone) return;
    const known = BusError.from(error);
    if (known.reason === 'INTERNAL') server.onInternalError(known.cause ?? known, `GET ${request.url?.split('?')[0]}`);
    const lastWords = format.failure(known);
    if (lastWords === undefined) {
      output.cut();
      return;
    }
    output.write(lastWords);
  }
  output.end();
}

/** Returns whether the answer is compressed. */
function sendHeaders(exchange: Exchange, { contentType }: StreamFormat): boolean {
  // Not for EventSource, which always asks, without its page's doing.
  const gzip = contentType === ndjsonType && acceptsCoding(headerOf(exchange, 'accept-encoding'), 'gzip');
  const { response } = exchange;
  addVary(response, 'Accept');
  addVary(response, 'Accept-Encoding');
  response.writeHead(200, {
    'content-type': contentType,
    'cache-control': 'no-store',
    // For nginx, which else would collect the stream.
    'x-accel-buffering': 'no',
    ...(gzip && { 'content-encoding': 'gzip' }),
  });
  // HTTP/1.1 would send them with the first bytes, which may come only later.
  if ('flushHeaders' in response) response.flushHeaders();
  return gzip;
}

/** The stream that a look at it needs: nobody's partitions move. */
function withoutSubscriber(command: SubscribeCommand): SubscribeCommand {
  const {
    subscriber: _,
    commitMode: _mode,
    maxUncommitted: _most,
    maxUncommittedBytes: _bytes,
    commitTimeoutMs: _timeout,
    positionsFrom: _positions,
    maxDeliveries: _deliveries,
    parkKeySequence: _sequence,
    readerSchemaVersion: _version,
    ...rest
  } = command;
  return rest;
}
