import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { type MainstemClient, MainstemError } from '../../client/index.js';
import { exitCodes, type Io, isClosedPipe, isTty, note, writeOut } from '../io.js';
import { interruptedCode } from '../process/stop-request.js';
import { reportError } from '../report-error.js';
import { safeText } from '../safe-text.js';
import { ExitWith, UsageError } from '../usage-error.js';
import { plural } from '../values.js';
import { type InputCounts, readBatches } from './batches.js';
import { howToGoOn } from './go-on.js';
import { type IdOf, idsFromLines, idsFromPayloads } from './identities.js';
import { maxLineBytes } from './lines.js';
import type { PublishOptions } from './options.js';
import { publishOrdered } from './ordered-publisher.js';
import { startProgress } from './progress.js';
import { Rejections, rejectionOf } from './rejections.js';
import { jsonSummary, type PublishTotals, textSummary } from './summary.js';

const maxBatchBytes = 512 * 1024;

/** Publishes each line of a file (or of stdin, for `-`) as one event; ends with ExitWith unless every line is stored. */
export async function runPublish(
  io: Io,
  client: MainstemClient,
  topic: string,
  file: string,
  options: PublishOptions,
): Promise<void> {
  const { interrupted } = io;
  const idOf = identitiesOf(options);
  await checkTopic(client, topic, interrupted);
  const input = openInput(io, file);
  const counts: InputCounts = { bytes: 0, lines: 0, empty: 0, skipped: 0 };
  const progress = startProgress(io, input.bytes);
  const rejections = new Rejections(options.maxErrors, (text) => progress.say(text));
  let stored = 0;
  const started = performance.now();
  const batches = readBatches(
    input.stream,
    {
      maxLines: options.batch,
      maxBytes: maxBatchBytes,
      key: options.key === undefined ? undefined : new TextEncoder().encode(options.key),
      flushEachChunk: input.bytes === undefined,
      fromLine: options.fromLine,
      idOf,
    },
    counts,
    {
      tooLong: (line) =>
        rejections.add({
          line,
          reason: 'EVENT_TOO_LARGE',
          message: `longer than ${maxLineBytes} bytes, more than any topic takes`,
          violations: [],
        }),
      unidentified: (line, message) => rejections.add({ line, reason: 'INVALID_REQUEST', message, violations: [] }),
    },
  );
  let lastReason = '';
  const warnings = new Set<string>();
  let end: Awaited<ReturnType<typeof publishOrdered>>;
  try {
    end = await publishOrdered(
      client,
      batches,
      {
        topic,
        schemaVersion: options.schemaVersion,
        stop: interrupted,
        patienceMs: options.retryFor,
        isIdentified: idOf !== undefined,
      },
      {
        stored(count) {
          stored += count;
          lastReason = '';
          progress.update(counts.bytes, stored);
        },
        rejected: (line, result) => rejections.add(rejectionOf(line, result)),
        retrying(reason, delayMs) {
          if (reason !== lastReason) progress.say(`${reason}: sending again what was not stored (in ${delayMs} ms)`);
          lastReason = reason;
        },
        warned(warning) {
          if (!warnings.has(warning)) progress.say(`warning: ${safeText(warning)}`);
          warnings.add(warning);
        },
      },
    );
  } finally {
    progress.stop();
    input.stream.destroy();
  }
  const seconds = (performance.now() - started) / 1000;
  await report(io, options, { topic, file, stored, rejections, counts, end, seconds });
}

function identitiesOf({ idPointer, idempotencyKey }: PublishOptions): IdOf | undefined {
  if (idPointer === undefined) return idempotencyKey === undefined ? undefined : idsFromLines(idempotencyKey);
  if (idempotencyKey === undefined) return idsFromPayloads(idPointer);
  throw new UsageError('--id-pointer and --idempotency-key each give the events their ids: choose one');
}

/**
 * Says at once, before anything is read, that there is no such topic or no server. Publishing itself needs less than this call (it goes on
 * without coordination, and where TopicService is not offered), so what else goes wrong here is left for it to find out.
 */
async function checkTopic(client: MainstemClient, topic: string, signal: AbortSignal): Promise<void> {
  try {
    await client.topics.get(topic, { signal });
  } catch (thrown) {
    const error = MainstemError.from(thrown);
    const gone = error.reason === 'UNREACHABLE' || error.reason === 'CONNECTION_LOST';
    if (gone || !(error.retryable || error.reason === 'UNIMPLEMENTED')) throw error;
  }
}

async function report(io: Io, options: PublishOptions, totals: PublishTotals): Promise<void> {
  const { end, rejections, stored } = totals;
  const rest = rejections.rest();
  if (rest !== undefined) note(io, rest);
  const summary = options.output === 'json' ? jsonSummary(totals) : textSummary(totals);
  await writeOut(io.stdout, `${summary}\n`).catch((error: unknown) => {
    // The exit code still tells how it went, to whoever does not read the summary.
    if (!isClosedPipe(error)) throw error;
  });
  if (end.error || io.interrupted.aborted) for (const line of howToGoOn(totals, options)) note(io, line);
  if (end.error) {
    const code = reportError(io, end.error);
    // Lines are stored already in most cases: this is no mere refusal of a call any more.
    throw new ExitWith(code === exitCodes.refused ? exitCodes.failed : code);
  }
  if (io.interrupted.aborted) {
    note(io, `interrupted after ${plural(stored, 'stored event')}`);
    throw new ExitWith(interruptedCode(io.interrupted));
  }
  if (rejections.count > 0) throw new ExitWith(exitCodes.refused);
}

/** The input and, for a regular file, its size. */
function openInput(io: Io, file: string): { readonly stream: Readable; readonly bytes: number | undefined } {
  if (file === '-') {
    if (isTty(io.stdin)) note(io, 'reading events from the terminal: one JSON document per line, Ctrl-D ends');
    return { stream: io.stdin, bytes: undefined };
  }
  const path = resolve(io.cwd, file);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`there is no file ${file}`);
  if (stats.isDirectory()) throw new UsageError(`${file} is a directory; publish takes a file of JSON lines`);
  return {
    stream: createReadStream(path, { highWaterMark: 256 * 1024 }),
    bytes: stats.isFile() ? stats.size : undefined,
  };
}
