import { Buffer } from 'node:buffer';
import { BusError } from '../../../../core/errors.js';
import type { EventResult, Publishing } from '../../../../core/publish/command.js';
import { keepOwnPace } from '../../../late-bodies.js';
import { readAway } from '../../../unread-body.js';
import { bodyStream } from '../../body.js';
import { type Exchange, idempotencyKey } from '../../exchange.js';
import { problemOf, sendError } from '../../problem.js';
import { resultMembers } from '../answer.js';
import { requestKey } from '../key.js';
import type { PublishQuery } from '../parameters.js';
import { type BodyReader, createBodyReader } from './body-reader.js';
import { createOutput, lastLineMs, type Output } from './output.js';
import { publishAtOnce } from './publish-at-once.js';
import { createSplitter, type Line, maxLineBytes, type Splitter } from './split.js';
import { createTally, lineMessage, type Tally } from './tally.js';
import { createUploader, type Stop, type Uploader } from './uploader.js';

/** How long an upload may be silent between two lines, and within one that has begun. */
const silence = { betweenLinesMs: 600_000, withinLineMs: 120_000 };

/**
 * Publishes a payload a line, of any number, in memory that does not grow with it. A line's result is written when it is known; the last line of the answer
 * is the summary, and an answer without one says that the outcome is unknown. Where nothing was accepted the answer is an error with a status of its own.
 *
 * @param stalledMs how long a client may leave results unread for which there is no room any more
 */
export async function publishLines(
  exchange: Exchange,
  query: PublishQuery,
  publishing: Publishing,
  stalledMs: number,
): Promise<void> {
  const { request, response } = exchange;
  const name = requestKey(exchange, query.key);
  const key = name === undefined ? undefined : Buffer.from(name);
  const source = bodyStream(exchange);
  keepOwnPace(request);
  const session = publishing.openStream();
  const reader = createBodyReader(source, request, session.draining);
  try {
    if (query.mode === 'all_or_nothing') {
      await publishAtOnce(exchange, query, key, (splitter) => batches(reader, splitter), publishing);
      return;
    }
    const output = createOutput(response, stalledMs);
    const tally = createTally();
    const all = query.results === 'all';
    const onResult = (line: Line, result: EventResult) => {
      tally.add(line, result);
      if (result.status === 'stored') output.begin();
      if (all || result.status !== 'stored') output.line(lineText(line, result));
    };
    const uploader = createUploader(session, {
      topic: exchange.params.topic ?? '',
      schemaVersion: query.schema_version,
      idempotencyKey: idempotencyKey(exchange),
      key,
      stopAtRefusal: query.on_invalid === 'stop',
      onResult,
      onWarning: tally.warn,
    });
    const splitter = createSplitter();
    await upload(reader, splitter, uploader, output, stalledMs);
    await uploader.finish();
    finish(exchange, { splitter, uploader, tally, output });
  } finally {
    reader.close();
  }
}

/** Reads and publishes to the end, or to what ends it earlier: then `uploader.stopped` says what. */
async function upload(
  reader: BodyReader,
  splitter: Splitter,
  uploader: Uploader,
  output: Output,
  stalledMs: number,
): Promise<void> {
  try {
    for await (const lines of batches(reader, splitter)) {
      await uploader.add(lines);
      if (uploader.stopped) return;
      if (await output.room()) continue;
      throw new BusError(
        'DEADLINE_EXCEEDED',
        `the results were not read for ${stalledMs / 1000} s: read while you write, or ask for results=errors`,
      );
    }
  } catch (error) {
    uploader.stop(BusError.from(error), splitter.at);
  }
}

/** The lines as they come. Throws EVENT_TOO_LARGE where one is longer than any payload may be, after those in front of it. */
async function* batches(reader: BodyReader, splitter: Splitter): AsyncGenerator<readonly Line[], void, undefined> {
  for (let start = true; ; start = false) {
    const chunk = await reader.read(splitter.midLine ? silence.withinLineMs : silence.betweenLinesMs);
    if (start && chunk) refuseMark(chunk);
    const lines = chunk === undefined ? splitter.end() : splitter.push(chunk);
    if (lines.length > 0) yield lines;
    if (splitter.tooLong) {
      const { line, byte } = splitter.at;
      throw new BusError(
        'EVENT_TOO_LARGE',
        `line ${line}, which begins at byte ${byte}, is longer than ${maxLineBytes} bytes; nothing after it was read`,
      );
    }
    if (chunk === undefined) return;
  }
}

function refuseMark(chunk: Buffer): void {
  const utf8 = chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
  const utf16 = (chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff);
  if (utf8 || utf16) {
    throw new BusError('PAYLOAD_NOT_JSON', 'the upload begins with a byte order mark; send UTF-8 without one');
  }
}

interface Outcome {
  readonly splitter: Splitter;
  readonly uploader: Uploader;
  readonly tally: Tally;
  readonly output: Output;
}

function finish({ request, response, signal }: Exchange, { splitter, uploader, tally, output }: Outcome): void {
  if (signal.aborted || response.destroyed) return;
  const { stopped } = uploader;
  const summary = tally.summary(stopped ? uploader.lastLine : splitter.at.line - 1);
  if (!output.begun) {
    const error = tally.refusal ?? stopped?.error ?? new BusError('INVALID_REQUEST', 'the upload has no line');
    const slow = error.reason === 'DEADLINE_EXCEEDED' && { status: 408 };
    const { violations } = tally;
    sendError(response, error, {
      summary: withStop(summary, stopped),
      ...(violations.length > 0 && { violations }),
      ...slow,
    });
    return;
  }
  output.end(JSON.stringify({ summary: withStop(summary, stopped) }));
  // A client that reads only when it has sent everything has to be let send it.
  if (stopped) readAway(request, { bytes: 64 * 1024 * 1024, ms: lastLineMs });
}

function withStop(summary: object, stopped: Stop | undefined): object {
  if (stopped === undefined) return summary;
  const { error, line, byte } = stopped;
  const { type, title, detail, reason, retryable } = problemOf(error);
  return { ...summary, stopped: { line, byte, type, title, reason, detail: lineMessage(error) || detail, retryable } };
}

function lineText({ number }: Line, result: EventResult): string {
  return `{"line":${number},${resultMembers(result, lineMessage)}}`;
}
