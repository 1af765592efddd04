import { InvalidArgumentError } from 'commander';
import { MainstemError } from '../client/index.js';
import { exitCodes, type Io, note } from './io.js';
import { safeText } from './safe-text.js';
import { reportLines } from './schema/report.js';
import { ExitWith, UsageError } from './usage-error.js';

/** What to do about an error, where that is not plain from its message. */
const hints: Record<string, string> = {
  TOPIC_NOT_FOUND: '`mainstem topics list` shows the topics, `mainstem topics create NAME` makes one',
  TOPIC_NOT_MANAGED: '`mainstem topics create NAME --adopt` lets the bus manage it',
  CURSOR_EXPIRED: '`--on-expired skip` goes on with the first records that are left',
  CURSOR_MALFORMED:
    '--from takes earliest, latest, a time (2026-01-31T09:30:00Z, -15m), or a cursor as this tool printed it',
  CURSOR_TRUNCATED: 'the cursor above goes on where the log may differ; `--from earliest` reads all that is left',
  CURSOR_AHEAD:
    'has the topic lost records, or does the cursor come from another server? `--from latest` starts at the end',
  SHUTTING_DOWN: 'the server is stopping: try again in a moment',
  OVERLOADED: 'the server has more to do than it can: try again in a moment',
  TOPIC_IN_USE: '`--force` ends the streams with the topic',
  SUBSCRIBER_ACTIVE: '`--force` ends the streams, and refuses what they commit from then on',
  PARKING_FULL: 'redrive or discard what is parked, the oldest first',
  UNIMPLEMENTED: 'is this a Mainstem server, of this version, and with the --role for it?',
  UNKNOWN: 'is this the address of a Mainstem server?',
};

/** Codes that blame what was asked, not the server. */
const refusals = new Set([
  'invalid_argument',
  'not_found',
  'already_exists',
  'failed_precondition',
  'out_of_range',
  'permission_denied',
  'unauthenticated',
  'aborted',
]);

/** Tells a person what went wrong, in a few lines on stderr; returns the exit code. */
export function reportError(io: Pick<Io, 'stderr' | 'env'>, error: unknown): number {
  if (error instanceof ExitWith) return error.exitCode;
  if (io.env['MAINSTEM_DEBUG'] && error instanceof Error) note(io, `${error.stack}${causes(error)}`);
  if (error instanceof MainstemError) {
    for (const line of describeError(error)) note(io, line);
    return refusals.has(error.code) ? exitCodes.refused : exitCodes.failed;
  }
  // By name: importing the configuration for its error would slow down every command.
  const isConfig = error instanceof Error && error.name === 'ConfigError';
  if (error instanceof UsageError || error instanceof InvalidArgumentError || isConfig) {
    note(io, `error: ${safeLines(error.message)}`);
    return exitCodes.usage;
  }
  const message = error instanceof Error ? error.message : String(error);
  note(io, `error: ${safeLines(message)}`);
  if (!io.env['MAINSTEM_DEBUG']) note(io, '  MAINSTEM_DEBUG=1 shows where it comes from');
  return exitCodes.failed;
}

/** Message, reason, violations, what a schema's check found, and hint, a line each. */
export function describeError(error: MainstemError): string[] {
  // Some messages show the line in question, and below it the place.
  const lines = `error: ${error.message}`.split('\n').map(safeText);
  if (error.reason !== 'UNREACHABLE') lines.push(`  reason: ${safeText(error.reason)}`);
  for (const violation of error.violations.slice(0, 10)) {
    lines.push(`  ${safeText(violation.pointer)} ${safeText(violation.message)} (${safeText(violation.rule)})`);
  }
  if (error.report) lines.push(...reportLines(error.report).slice(1));
  if (error.expired) lines.push(`  the first cursor that is left: ${safeText(error.expired.cursor)}`);
  const hint = hints[error.reason];
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines;
}

function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n');
}

function causes(error: Error): string {
  let text = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) text += `\ncaused by: ${cause.stack}`;
  return text;
}
