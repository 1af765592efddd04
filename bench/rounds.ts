import type { Measured } from './process/child.js';
import { busySince, coreTimes } from './process/cpu.js';
import { type Spread, spread } from './stats.js';

/** Something that is measured in turns with others. */
export interface Subject {
  /** The pinned process. */
  readonly child: Measured;
  /** Before each slice, outside the measurement. */
  prepare?(): Promise<void>;
  /** One slice. All that it causes in the process is over when it resolves. */
  run(): Promise<{ readonly events: number; readonly seconds: number }>;
}

/** What is done around each slice of a process, by its id: for profiles. */
export const aroundSlices = new Map<number, { begin(): Promise<void>; end(): Promise<void> }>();

export interface Sample {
  readonly events: number;
  readonly seconds: number;
  readonly cpuMicros: number;
  /** How busy each core was, 0 to 1. */
  readonly busy: readonly number[];
}

/** The samples of each subject, round by round. */
export type Samples<K extends string> = { readonly [N in K]: readonly Sample[] };

/** For about so long V8 compiles what a process does again and again: up to half of its CPU time at first. */
export const warmSeconds = 3;
/** For so long at least a subject runs uncounted, be its process as warm as it may: another protocol is other code. */
const warmSubjectSeconds = 1.5;
/** How long each process has run in slices, by its id. */
const ran = new Map<number, number>();

/**
 * Runs all subjects once per round, in alternating order, so that whatever else happens on the machine falls on all of them. Rounds before
 * the others are not counted, until every process and every subject is warm.
 */
export async function inRounds<K extends string>(
  rounds: number,
  subjects: { readonly [N in K]: Subject },
): Promise<Samples<K>> {
  // The keys of a mapped type are its names; Object.keys does not say so.
  const names = Object.keys(subjects) as K[];
  const samples = new Map<K, Sample[]>(names.map((name) => [name, []]));
  const uncounted = new Map<K, number>();
  const isWarm = (name: K) =>
    (ran.get(subjects[name].child.pid) ?? 0) >= warmSeconds && (uncounted.get(name) ?? 0) >= warmSubjectSeconds;
  for (let round = 0, counted = 0; counted < rounds; round++) {
    const counts = names.every(isWarm);
    if (counts) counted++;
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await measure(subjects[name]);
      if (counts) samples.get(name)?.push(sample);
      else uncounted.set(name, (uncounted.get(name) ?? 0) + sample.seconds);
    }
  }
  // Each name has its list.
  return Object.fromEntries(samples) as unknown as Samples<K>;
}

async function measure(subject: Subject): Promise<Sample> {
  const { child } = subject;
  await subject.prepare?.();
  await aroundSlices.get(child.pid)?.begin();
  const [cpu, cores] = [await child.cpuMicros(), coreTimes()];
  const { events, seconds } = await subject.run();
  const busy = busySince(cores);
  ran.set(child.pid, (ran.get(child.pid) ?? 0) + seconds);
  const sample = { events, seconds, cpuMicros: (await child.cpuMicros()) - cpu, busy };
  await aroundSlices.get(child.pid)?.end();
  return sample;
}

export const perEvent = (samples: readonly Sample[]): number[] => samples.map((one) => one.cpuMicros / one.events);
export const eventsPerSecond = (samples: readonly Sample[]): number[] => samples.map((one) => one.events / one.seconds);
export const eventsOf = (samples: readonly Sample[]): number => samples.reduce((sum, one) => sum + one.events, 0);

/** Round by round, a number of the one by the number of the other. */
export function ratios(above: readonly number[], below: readonly number[]): Spread {
  return spread(above.map((value, i) => value / (below[i] ?? Number.NaN)));
}

/** Which core was the limit: those that were busy for more than 90 % of the time, as the median of the rounds. */
export function saturated(samples: readonly Sample[]): string {
  const cores = samples[0]?.busy ?? [];
  const busy = cores.map((_, core) => spread(samples.map((one) => one.busy[core] ?? 0)).median);
  const full = busy.flatMap((value, core) => (value > 0.9 ? [core] : []));
  return `${full.length === 0 ? 'none' : full.join('+')} (${busy.map((value) => `${Math.round(value * 100)} %`).join(', ')})`;
}
