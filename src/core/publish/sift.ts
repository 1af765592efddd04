import type { Identity } from '../dedupe/identity.js';
import type { PartitionWindow } from '../dedupe/partition-window.js';
import { createSegment } from '../dedupe/segment.js';
import { BusError } from '../errors.js';
import type { AppendRecord } from '../model.js';
import type { Appended } from '../ports/event-log.js';
import type { Part, Run, Stretch } from './run.js';

/** What is left of a batch to append, when what is there already is taken out. */
export interface Sifted {
  readonly records: readonly AppendRecord[];
  /** Calls, or parts of them, that are stored whole or not at all, and why they are not. */
  readonly refused: readonly { readonly part: Stretch; readonly error: BusError }[];
  /** Settles what was appended. Resolves when it is known of each event whether it was the first of its identity. */
  settle(appended: Appended): Promise<void>;
}

interface Kept {
  readonly run: Run;
  readonly index: number;
  readonly identity: Identity | undefined;
}

/** Settles at once the events whose identity is in the window, and puts aside those that another one of the batch has too. */
export function sift(parts: readonly Part[], window: PartitionWindow, partition: number): Sifted {
  const refused: { part: Stretch; error: BusError }[] = [];
  /** Groups of which something is refused, and why what is behind it is: they keep their order. */
  const halted = new Map<object, BusError>();
  const kept: Kept[] = [];
  const twins: (Kept & { readonly identity: Identity })[] = [];
  /** The batch's own identities; in place of an offset, which of those kept it is. */
  const batch = createSegment(2 ** Math.ceil(Math.log2(parts.reduce((sum, { from, to }) => sum + to - from, 1))));

  /** Why records that are stored together or not at all are refused. */
  function conflict({ run: { identified }, from, to }: Stretch): BusError | undefined {
    for (let index = from; index < to; index++) {
      const identity = identified?.identities[index];
      if (!identified || !identity) continue;
      const seen = window.find(identity);
      if (seen?.same === false) return identified.reused(index, seen);
      const place = seen ? -1 : batch.find(identity);
      if (place >= 0 && !batch.hasPayload(place, identity)) return identified.reused(index, undefined);
    }
    return undefined;
  }

  function keep(run: Run, index: number): void {
    const identity = run.identified?.identities[index];
    const seen = identity && window.find(identity);
    if (seen) run.identified?.found(index, seen, undefined);
    else if (identity && batch.find(identity) >= 0) twins.push({ run, index, identity });
    else {
      if (identity) batch.add(identity, kept.length, 0);
      kept.push({ run, index, identity });
    }
  }

  function refuse(part: Stretch, error: BusError): void {
    refused.push({ part, error });
    const behind = part.run.behind(partition, error);
    if (behind && !halted.has(part.run.group)) halted.set(part.run.group, behind);
  }

  for (const { run, from, to } of parts) {
    for (let start = from; start < to; ) {
      const behind = halted.get(run.group);
      if (behind) {
        refuse({ run, from: start, to }, behind);
        break;
      }
      const wholeTo = run.identified?.wholeTo(start);
      const part = { run, from: start, to: Math.min(to, wholeTo ?? start + 1) };
      const error = wholeTo === undefined ? undefined : conflict(part);
      if (error) refuse(part, error);
      else for (let index = start; index < part.to; index++) keep(run, index);
      start = part.to;
    }
  }

  async function settle({ baseOffset, timestamp }: Appended): Promise<void> {
    const store = ({ run, index }: Kept, i: number) =>
      run.done(index, index + 1, { baseOffset: baseOffset + i, timestamp });
    // Events without an identity do not wait, and are certain whatever becomes of those beside them.
    kept.forEach((each, i) => {
      if (!each.identity) store(each, i);
    });
    try {
      const earlier = await window.appended(
        baseOffset,
        timestamp,
        kept.map(({ identity }) => identity),
      );
      kept.forEach((each, i) => {
        const first = earlier?.[i];
        if (first) each.run.identified?.found(each.index, first, baseOffset + i);
        else if (each.identity) store(each, i);
      });
      for (const { run, index, identity } of twins) {
        const place = batch.find(identity);
        // A window that was closed meanwhile knows nothing.
        const own = { offset: baseOffset + batch.offset(place), timestamp, same: batch.hasPayload(place, identity) };
        run.identified?.found(index, window.find(identity) ?? own, undefined);
      }
    } catch (cause) {
      const error = unreadable(BusError.from(cause));
      for (const { run, index, identity } of [...kept, ...twins]) if (identity) run.done(index, index + 1, error);
    }
  }

  const records = kept.flatMap(({ run, index }) => run.records[index] ?? []);
  return { records, refused, settle };
}

function unreadable(cause: BusError): BusError {
  return new BusError(
    'STORE_OUTCOME_UNKNOWN',
    `the events are written, but it could not be seen whether others with the same identity were before them (${cause.message}); the same call again tells`,
    { cause },
  );
}
