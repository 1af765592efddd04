import { recordBytes } from '../model.js';
import type { Clock } from '../ports/clock.js';
import type { RecordFilter } from '../ports/filter-compiler.js';
import type { ActiveTopic } from '../topics/topic.js';
import { createAllowance } from './allowance.js';
import type { Delivery, FilterErrors } from './frames.js';
import type { Projection } from './projection.js';
import type { Taken } from './ring.js';
import type { Sample } from './sample.js';
import type { Turns } from './turns.js';

/** Which records of a stream are sent, and what of them: its `sample`, `filter` and `fields`, and a time that they have to be before. */
export interface Selection {
  /** What is sent of that which comes next, and how far it was looked at: no further than there is time for now. When there is again, the stream is woken. */
  select(topic: ActiveTopic, taken: Taken, maxRecords: number): Taken;
  /** Why the filter may not go on; undefined while it may. The stream stands before the record that was too much. */
  readonly tooCostly: string | undefined;
  /** What there is to say of records for which the filter gave no answer. */
  readonly note: string | undefined;
  /** The same for a stream that goes on: undefined while the filter has answered for every record. */
  readonly filterErrors: FilterErrors | undefined;
}

/** Of what a heartbeat and the end say of the first failure, in characters. */
const longestFailure = 500;

export interface SelectionOptions {
  readonly filter: RecordFilter | undefined;
  readonly projection: Projection | undefined;
  readonly sample: Sample | undefined;
  /** Records of this time (milliseconds since 1970) or later are left out. */
  readonly before: number | undefined;
  readonly turns: Turns;
  readonly clock: Clock;
  wake(): void;
  readonly signal: AbortSignal;
}

export function createSelection(options: SelectionOptions): Selection {
  const { filter, projection, sample, before, turns, clock, wake, signal } = options;
  const allowance = createAllowance();
  const samples = new Map<string, (offset: number) => boolean>();
  let waiting: (() => void) | undefined;
  let granted = false;
  let tooCostly: string | undefined;
  let asked = 0;
  let failed = 0;
  let firstFailure: string | undefined;
  signal.addEventListener('abort', () => waiting?.(), { once: true });

  function hasTurn(): boolean {
    if (waiting || signal.aborted) return false;
    if (!granted) {
      waiting = turns.ask(() => {
        waiting = undefined;
        granted = true;
        wake();
      });
    }
    granted = false;
    return waiting === undefined;
  }

  function sampleOf({ incarnation }: ActiveTopic, partition: number): ((offset: number) => boolean) | undefined {
    if (!sample) return undefined;
    const key = `${incarnation}/${partition}`;
    const known = samples.get(key) ?? sample.partition(incarnation, partition);
    samples.set(key, known);
    return known;
  }

  /** Undefined: it took too much, and is to be asked about again by a better filter. */
  function matches(topic: string, { partition, record, kind }: Delivery, by: RecordFilter): boolean | undefined {
    const verdict = by.matches({ topic, partition, record, kind });
    asked++;
    if (typeof verdict === 'boolean') return verdict;
    const where = `${topic}/${partition}@${record.offset}`;
    if (verdict.outcome === 'stopped') {
      tooCostly = `the filter took too much on one record, ${where}: ${verdict.message}; ${advice}`;
      return undefined;
    }
    failed++;
    firstFailure ??= `${where}: ${verdict.message}`.slice(0, longestFailure).toWellFormed();
    return false;
  }

  function projected(delivery: Delivery): Delivery {
    const { partition, record, kind, schemaVersion } = delivery;
    if (!projection || kind !== 'json' || record.value === null) return delivery;
    const value = projection.project(record.value);
    if (!value) return delivery;
    const part = { ...record, value };
    // Another one, made anew: encodings are shared by all streams, and this one has a payload of its own.
    return { partition, record: part, kind, schemaVersion, bytes: recordBytes(part), wire: undefined };
  }

  return {
    select(topic, taken, maxRecords) {
      const { deliveries } = taken;
      const [first] = deliveries;
      if (!first) return taken;
      if (!hasTurn()) return { deliveries: [], nextOffset: first.record.offset, bytes: 0 };
      const isSampled = sampleOf(topic, first.partition);
      const deadline = turns.deadline();
      const begun = clock.now();
      const cpuBegun = clock.cpuTime();
      const chosen: Delivery[] = [];
      let now = begun;
      let bytes = 0;
      let filtered = 0;
      let payloadBytes = 0;
      let at = 0;
      // At least one, however little time there is.
      for (; at < deliveries.length && chosen.length < maxRecords && (at === 0 || now < deadline); at++) {
        const delivery = deliveries[at];
        if (!delivery || tooCostly !== undefined) break;
        if (before !== undefined && delivery.record.timestamp >= before) continue;
        if (isSampled && !isSampled(delivery.record.offset)) continue;
        if (filter) {
          const isMatch = matches(topic.name, delivery, filter);
          if (isMatch === undefined) break;
          now = clock.now();
          filtered++;
          payloadBytes += delivery.record.value?.length ?? 0;
          if (!isMatch) continue;
        }
        const sent = projected(delivery);
        if (projection) now = clock.now();
        chosen.push(sent);
        bytes += sent.bytes;
      }
      if (filtered > 0 && tooCostly === undefined) {
        // The process's processor time has other threads in it, the clock's has other processes.
        const spent = Math.min(clock.now() - begun, clock.cpuTime() - cpuBegun);
        const excess = allowance.take(spent, filtered, payloadBytes);
        if (excess !== undefined) tooCostly = `${excess}; ${advice}`;
      }
      turns.used(begun);
      return { deliveries: chosen, nextOffset: deliveries[at]?.record.offset ?? taken.nextOffset, bytes };
    },
    get tooCostly() {
      return tooCostly;
    },
    get filterErrors() {
      return firstFailure === undefined ? undefined : { failed, firstError: firstFailure };
    },
    get note() {
      if (firstFailure === undefined) return undefined;
      const which = failed === asked ? `all ${asked} records` : `${failed} of ${asked} records`;
      return `the filter gave no answer for ${which}, which were not sent; the first was ${firstFailure}; has(payload.name) tells whether there is a field`;
    },
  };
}

const advice =
  'go on at the cursor with a cheaper one: let what is cheap come first (size(payload.items) < 100 && …), and loop over less';
