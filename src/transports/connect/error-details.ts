import { Buffer } from 'node:buffer';
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { SchemaIncompatibleError } from '../../core/compatibility/report.js';
import type { BusError, CursorExpired, Violation } from '../../core/errors.js';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { CursorExpiredSchema, PublishOutcomeSchema } from '../../gen/mainstem/v1/errors_pb.js';
import { SchemaReportSchema } from '../../gen/mainstem/v1/schema_pb.js';
import { cutText, type Detail, type ErrorLimits } from './error-limits.js';
import { storedRuns, toOutcome } from './outcome-mapper.js';
import { toReport } from './schema-report-mapper.js';

/** The domain of every ErrorInfo. */
export const errorDomain = 'mainstem.dev';

/** No list entry is so small that more of them than this would fit anywhere. */
const mostEntries = 1_500;

/** The details of an error: lists are cut until all of it, with the message, fits. */
export function errorDetails(error: BusError, message: string, limits: ErrorLimits): Detail[] {
  const { violations, outcome, expired } = error;
  const report = error instanceof SchemaIncompatibleError ? error.report : undefined;
  const runs = outcome ? storedRuns(outcome.stored) : [];
  const longest = Math.max(
    violations.length,
    runs.length,
    outcome?.unknown.length ?? 0,
    expired?.partitions.length ?? 0,
    report ? Math.max(report.findings.length, report.brokenReaders.length, 10) : 0,
  );

  function build(entries: number, withCursor = true): Detail[] {
    const cut: Record<string, string> = {};
    const details: Detail[] = [];
    if (error.retryAfterMs !== undefined) {
      const retryDelay = durationFromMs(Math.ceil(error.retryAfterMs));
      details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
    }
    if (violations.length > 0) {
      if (violations.length > entries) cut.violations_listed = String(entries);
      const fieldViolations = violations.slice(0, entries).map((each) => toFieldViolation(each, limits));
      details.push({ desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) });
    }
    if (outcome) details.push({ desc: PublishOutcomeSchema, value: toOutcome(outcome, runs, entries) });
    if (expired) {
      if (expired.partitions.length > entries) cut.partitions_total = String(expired.partitions.length);
      if (!withCursor) cut.cursor_omitted = 'true';
      details.push({ desc: CursorExpiredSchema, value: toExpired(expired, entries, withCursor) });
    }
    if (report) {
      if (report.findings.length > entries) cut.findings_total = String(report.findings.length);
      const value = toReport(report, { entries, chars: limits.reportChars });
      details.push({ desc: SchemaReportSchema, value });
    }
    const { metadata, reason } = error;
    const totals = violations.length > 0 ? { violations_total: String(violations.length) } : {};
    const info = create(ErrorInfoSchema, {
      domain: errorDomain,
      reason,
      metadata: { ...shortMetadata({ ...totals, ...metadata }, limits.metadata), ...cut },
    });
    return [{ desc: ErrorInfoSchema, value: info }, ...details];
  }
  const fits = (details: readonly Detail[]) => limits.size(message, details) <= limits.total;

  let best = build(Math.min(longest, mostEntries));
  if (fits(best)) return best;
  // As many entries as fit, found by halving; if it is the cursor that is too long, not even that.
  best = build(0);
  if (!fits(best)) return build(0, false);
  let low = 0;
  let high = Math.min(longest, mostEntries);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const details = build(middle);
    if (fits(details)) {
      best = details;
      low = middle;
    } else {
      high = middle;
    }
  }
  return best;
}

/** `events[2]/address/zip`: the event in the request, and the JSON Pointer into its payload. */
function toFieldViolation({ event, pointer, rule, message }: Violation, { violationChars }: ErrorLimits) {
  return {
    field: cutText(`events[${event}]${pointer}`, violationChars),
    description: cutText(`${message} (${rule})`, violationChars),
    reason: cutText(rule, 63),
  };
}

function toExpired({ partitions, cursor }: CursorExpired, entries: number, withCursor: boolean) {
  return create(CursorExpiredSchema, {
    partitions: partitions.slice(0, entries).map(({ topic, partition, asked, first }) => ({
      topic,
      partition,
      askedOffset: BigInt(asked),
      firstOffset: BigInt(first),
    })),
    cursor: withCursor ? cursor : '',
  });
}

/** Metadata under names that ErrorInfo allows, `[a-z][a-zA-Z0-9-_]+` of up to 64 characters, as much as fits. */
function shortMetadata(metadata: Readonly<Record<string, string>>, bytes: number): Record<string, string> {
  const kept: Record<string, string> = {};
  let left = bytes;
  for (const [name, value] of Object.entries(metadata)) {
    const key = `${name.slice(0, 1).toLowerCase()}${name.slice(1, 64).replace(/[^a-zA-Z0-9_-]/g, '_')}`;
    if (!/^[a-z].+$/.test(key)) continue;
    const text = cutText(value, 200);
    const cost = key.length + Buffer.byteLength(text) + 8;
    if (cost > left) continue;
    left -= cost;
    kept[key] = text;
  }
  return kept;
}
