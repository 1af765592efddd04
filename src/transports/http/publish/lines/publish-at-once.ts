import { BusError } from '../../../../core/errors.js';
import { defaultPublishLimits, type Publishing } from '../../../../core/publish/command.js';
import { type Exchange, idempotencyKey } from '../../exchange.js';
import { sendError } from '../../problem.js';
import { resultMembers } from '../answer.js';
import type { PublishQuery } from '../parameters.js';
import { createOutput } from './output.js';
import { createSplitter, type Line, lineEvent, type Splitter } from './split.js';
import { createTally } from './tally.js';

/** Lines as one batch, all or nothing: as many as a call may bring. The answer has the same lines as that of a longer upload. */
export async function publishAtOnce(
  exchange: Exchange,
  query: PublishQuery,
  key: Uint8Array | undefined,
  read: (splitter: Splitter) => AsyncIterable<readonly Line[]>,
  publishing: Publishing,
): Promise<void> {
  const { params, response, signal } = exchange;
  if (query.on_invalid !== undefined) {
    throw new BusError('INVALID_REQUEST', 'on_invalid goes with mode=independent only', {
      metadata: { field: 'on_invalid' },
    });
  }
  const splitter = createSplitter();
  const lines = await collect(read(splitter));
  const tally = createTally();
  const command = {
    topic: params.topic ?? '',
    mode: 'all_or_nothing',
    schemaVersion: query.schema_version,
    idempotencyKey: idempotencyKey(exchange),
    events: lines.map((line) => lineEvent(line, key)),
    onWarning: tally.warn,
  } as const;
  let results: Awaited<ReturnType<Publishing['publish']>>;
  try {
    results = await publishing.publish(command, signal);
  } catch (error) {
    const refused = BusError.from(error);
    // Its cause is for the log, which the router writes.
    if (refused.reason === 'INTERNAL') throw error;
    const violations = refused.violations.map((violation) => ({ line: lines[violation.event]?.number, ...violation }));
    sendError(response, refused, violations.length > 0 ? { violations } : {});
    return;
  }
  const output = createOutput(response, 30_000);
  results.forEach((result, i) => {
    const line = lines[i];
    if (line === undefined) return;
    tally.add(line, result);
    if (query.results === 'all') output.line(`{"line":${line.number},${resultMembers(result)}}`);
  });
  output.end(JSON.stringify({ summary: tally.summary(splitter.at.line - 1) }));
}

async function collect(batches: AsyncIterable<readonly Line[]>): Promise<Line[]> {
  const { eventsPerCall, bytesPerCall } = defaultPublishLimits;
  const lines: Line[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    for (const line of batch) {
      lines.push(line);
      bytes += line.payload?.length ?? 0;
    }
    if (lines.length > eventsPerCall || bytes > bytesPerCall) {
      throw new BusError(
        'BATCH_TOO_LARGE',
        `mode=all_or_nothing takes ${eventsPerCall} lines and ${bytesPerCall} bytes; mode=independent takes any number`,
      );
    }
  }
  return lines;
}
