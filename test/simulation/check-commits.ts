import type { Happening, Recorded } from './history.js';
import { type Position, placeOf } from './positions.js';
import type { Report } from './violation.js';

type OffsetRecord = Extract<Happening, { kind: 'record' }> & { readonly at: number };
type Commit = Extract<Happening, { kind: 'commit' }> & { readonly at: number };

/** What the offset records were at each time. */
export interface OffsetRecords {
  now(subscriber: string, place: Omit<Position, 'offset'>): OffsetRecord | undefined;
}

/** Whether the holder of a generation may commit by this record. */
export const accepts = (record: OffsetRecord | undefined, generation: number): boolean =>
  record?.next !== undefined && (record.generation === generation || record.earlier.includes(generation));

/** Judges what happens to committed positions; also tells the other checks what they are. */
export function commitChecks(
  report: Report,
  isExplicit: (subscriber: string) => boolean,
): OffsetRecords & { see(happening: Recorded): void } {
  /** By subscriber and place: every state that the record had, the last one being the present one. */
  const records = new Map<string, OffsetRecord[]>();
  const open = new Map<number, Commit>();
  /** By subscriber and place: what was asked for. */
  const asked = new Map<string, Commit[]>();

  const keyOf = (subscriber: string, place: Omit<Position, 'offset'>) => `${subscriber}\0${placeOf(place)}`;
  const statesOf = (key: string): OffsetRecord[] => {
    const states = records.get(key) ?? [];
    records.set(key, states);
    return states;
  };

  /** The states that a record had from some time on: the one it had then, and those after it. */
  const statesSince = (key: string, at: number): (OffsetRecord | undefined)[] => {
    const states = statesOf(key);
    const later = states.filter((state) => state.at > at);
    return [states[states.length - later.length - 1], ...later];
  };

  function written(now: OffsetRecord): void {
    const key = keyOf(now.subscriber, now);
    const states = statesOf(key);
    const before = states.at(-1);
    states.push(now);
    const name = `${placeOf(now)} of ${now.subscriber}`;
    if (before?.next === undefined || now.next === undefined) return;
    if (now.generation < before.generation) {
      report('generation', now.at, `${name} went back from generation ${before.generation} to ${now.generation}`);
    }
    if (now.incarnation !== before.incarnation) return;
    if (now.next < before.next) {
      report('commit_back', now.at, `${name} went back from ${before.next} to ${now.next}`);
    }
    if (now.next <= before.next || !isExplicit(now.subscriber)) return;
    const { next } = now;
    const wanted = asked
      .get(key)
      ?.some(
        (commit) =>
          accepts(now, commit.generation) &&
          commit.positions.some((position) => placeOf(position) === placeOf(now) && position.offset === next),
      );
    if (!wanted) report('unasked', now.at, `${name} was moved from ${before.next} to ${next}`);
  }

  function committed(at: number, commit: Commit, positions: readonly Position[]): void {
    for (const position of commit.positions) {
      const states = statesSince(keyOf(commit.subscriber, position), commit.at);
      const name = `commit ${commit.commit} of ${placeOf(position)} up to ${position.offset}, generation ${commit.generation},`;
      const last = states.at(-1);
      if (last?.next === undefined || last.next < position.offset) {
        report('unwritten', at, `${name} was answered while the record is at ${last?.next}`);
      }
      if (!states.some((state) => accepts(state, commit.generation))) {
        report('fence', at, `${name} succeeded, but the record has generation ${last?.generation}`);
      }
      const told = positions.find((one) => placeOf(one) === placeOf(position));
      if (told === undefined || told.offset < position.offset) {
        report('unwritten', at, `${name} was answered with ${told?.offset}`);
      }
    }
  }

  function fenced(at: number, commit: Commit, topic: string, partition: number): void {
    const key = keyOf(commit.subscriber, { topic, partition });
    const states = statesSince(key, commit.at);
    const name = `commit ${commit.commit} of ${topic}/${partition}, generation ${commit.generation},`;
    if (states.every((state) => accepts(state, commit.generation) && state?.owner !== undefined)) {
      report('refused', at, `${name} was refused as FENCED, though its stream was the owner all the time`);
    }
    const offset = commit.positions.find((position) => placeOf(position) === placeOf({ topic, partition }))?.offset;
    const others = (asked.get(key) ?? []).filter((other) => other !== commit);
    const wrote = states
      .slice(1)
      .some(
        (state, i) =>
          state?.next === offset &&
          state?.next !== states[i]?.next &&
          !others.some((other) =>
            other.positions.some((one) => one.offset === offset && placeOf(one) === placeOf({ topic, partition })),
          ),
      );
    if (wrote) report('fence', at, `${name} was refused as FENCED, and written all the same`);
  }

  return {
    now: (subscriber, place) => records.get(keyOf(subscriber, place))?.at(-1),
    see(happening) {
      if (happening.kind === 'record') written(happening);
      if (happening.kind === 'commit') {
        open.set(happening.commit, happening);
        for (const position of happening.positions) {
          const key = keyOf(happening.subscriber, position);
          asked.set(key, [...(asked.get(key) ?? []), happening]);
        }
      }
      if (happening.kind !== 'committed' && happening.kind !== 'refused') return;
      const commit = open.get(happening.commit);
      open.delete(happening.commit);
      if (!commit) return;
      if (happening.kind === 'committed') committed(happening.at, commit, happening.positions);
      else if (happening.reason !== 'FENCED') {
        if (!passing.has(happening.reason)) {
          report('failure', happening.at, `commit ${commit.commit} failed with ${happening.reason}`);
        }
      } else if (happening.topic !== undefined && happening.partition !== undefined) {
        fenced(happening.at, commit, happening.topic, happening.partition);
      }
    },
  };
}

/** Failures that come and go. */
export const passing: ReadonlySet<string> = new Set([
  'COORDINATION_UNAVAILABLE',
  'LOG_UNAVAILABLE',
  'SHUTTING_DOWN',
  'CANCELLED',
  'TOPIC_NOT_READY',
]);
