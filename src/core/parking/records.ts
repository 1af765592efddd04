import { Buffer } from 'node:buffer';
import type { AppendRecord, Header } from '../model.js';
import { readJson } from '../offsets/records.js';

/** Where a record came from: what names it. The incarnation tells it from one of an earlier topic of that name. */
export interface Origin {
  readonly topic: string;
  readonly incarnation: string;
  readonly partition: number;
  readonly offset: number;
}

/** What stands beside a parked record. */
export interface Parked extends Origin {
  /** When the record was stored where it came from. Milliseconds since 1970. */
  readonly time: number;
  readonly reason: string;
  readonly attempts: number;
}

/** What stands beside a record that comes again. */
export type Redriven = Parked;

/** Says that parked records are parked no more. */
export interface Resolution {
  readonly outcome: 'redriven' | 'discarded';
  /** Only what was parked below this offset of the parked topic: a record that is parked again meanwhile stays. */
  readonly before: number;
  readonly positions: readonly Origin[];
}

/** One header holds all of it, as JSON: the record's own key, value and other headers stay as they are. */
const parkedHeader = 'mainstem_parked';
export const redrivenHeader = 'mainstem_redriven';
const resolvedHeader = 'mainstem_resolved';

/** A record as it stands in the parked topic. One that had come again keeps the place that it came from first. */
export function parkedRecord(record: AppendRecord, parked: Parked): AppendRecord {
  const first = readRedriven(record.headers);
  const { topic, incarnation, partition, offset, time } = first ?? parked;
  const { reason, attempts } = parked;
  return withHeader(record, parkedHeader, { topic, incarnation, partition, offset, time, reason, attempts });
}

/** A parked record as it stands in the redrive topic. */
export function redrivenRecord(record: AppendRecord, parked: Parked): AppendRecord {
  return withHeader(record, redrivenHeader, parked);
}

/** A parked record as it was before. */
export function originalHeaders(headers: readonly Header[]): readonly Header[] {
  return headers.filter(([name]) => name !== parkedHeader && name !== redrivenHeader);
}

export function resolutionRecord({ outcome, before, positions }: Resolution): AppendRecord {
  const value = {
    format: 1,
    outcome,
    before,
    positions: positions.map(({ topic, incarnation, partition, offset }) => [topic, incarnation, partition, offset]),
  };
  return { key: null, value: Buffer.from(JSON.stringify(value)), headers: [[resolvedHeader, Buffer.from('1')]] };
}

export const readParked = (headers: readonly Header[]): Parked | undefined => readPlace(headers, parkedHeader);
export const readRedriven = (headers: readonly Header[]): Redriven | undefined => readPlace(headers, redrivenHeader);

/** Undefined where the record is none, or not one that this version writes. */
export function readResolution({ headers, value }: AppendRecord): Resolution | undefined {
  if (value === null || !headers.some(([name]) => name === resolvedHeader)) return undefined;
  const { outcome, before, positions } = readJson(value) ?? {};
  if ((outcome !== 'redriven' && outcome !== 'discarded') || typeof before !== 'number' || !Array.isArray(positions)) {
    return undefined;
  }
  return { outcome, before, positions: positions.flatMap(toOrigin) };
}

function toOrigin(entry: unknown): Origin[] {
  if (!Array.isArray(entry)) return [];
  const [topic, incarnation, partition, offset]: unknown[] = entry;
  const isOrigin =
    typeof topic === 'string' &&
    typeof incarnation === 'string' &&
    typeof partition === 'number' &&
    typeof offset === 'number';
  return isOrigin ? [{ topic, incarnation, partition, offset }] : [];
}

/** Origins are equal where these are. */
export function keyOf({ topic, incarnation, partition, offset }: Origin): string {
  return `${topic}/${incarnation}/${partition}/${offset}`;
}

function withHeader({ key, value, headers }: AppendRecord, name: string, place: Parked): AppendRecord {
  const { topic, incarnation, partition, offset, time, reason, attempts } = place;
  const text = JSON.stringify({ topic, incarnation, partition, offset, time, reason, attempts });
  return { key, value, headers: [...originalHeaders(headers), [name, Buffer.from(text)]] };
}

function readPlace(headers: readonly Header[], wanted: string): Parked | undefined {
  const header = headers.find(([name]) => name === wanted);
  if (!header) return undefined;
  const { topic, incarnation, partition, offset, time, reason, attempts } = readJson(header[1]) ?? {};
  if (
    isText(topic) &&
    isText(incarnation) &&
    isCount(partition, mostInt32) &&
    isCount(offset) &&
    typeof time === 'number' &&
    isText(reason) &&
    isCount(attempts, mostInt32)
  ) {
    return { topic, incarnation, partition, offset, time, reason, attempts };
  }
  return undefined;
}

const mostInt32 = 2 ** 31 - 1;

function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}
