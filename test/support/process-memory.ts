import { readFileSync, writeFileSync } from 'node:fs';

/**
 * By how many MiB a process's memory (resident set) grows at most while `act` runs; what it holds before counts as nothing. From Linux's
 * /proc: the kernel keeps the peak, so that nothing is missed between two looks.
 */
export async function peakGrowth(pid: number, act: () => Promise<unknown>): Promise<number> {
  const before = memory(pid, 'VmRSS');
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  await act();
  return memory(pid, 'VmHWM') - before;
}

/** The same over the highest that the process has ever held: what repetition adds, after a first time that was costly. */
export async function growthOfPeak(pid: number, act: () => Promise<unknown>): Promise<number> {
  const before = memory(pid, 'VmHWM');
  await act();
  return memory(pid, 'VmHWM') - before;
}

/** A process's resident set in MiB, now or at its peak. */
export function memory(pid: number, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const found = new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (found === undefined) throw new Error(`/proc/${pid}/status has no ${which}`);
  return Number(found) / 1024;
}
