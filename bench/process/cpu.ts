import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) * 1024;
}

/** A moment of the machine's cores. */
export type CoreTimes = readonly { readonly busy: number; readonly all: number }[];

export function coreTimes(): CoreTimes {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  return lines
    .filter((line) => /^cpu\d/.test(line))
    .map((line) => {
      const times = line.split(/\s+/).slice(1, 9).map(Number);
      const all = times.reduce((sum, time) => sum + time, 0);
      return { all, busy: all - (times[3] ?? 0) - (times[4] ?? 0) };
    });
}

/** How busy each core was since then, 0 to 1. */
export function busySince(before: CoreTimes): number[] {
  return coreTimes().map((now, core) => {
    const then = before[core] ?? { busy: 0, all: 0 };
    return (now.busy - then.busy) / Math.max(1, now.all - then.all);
  });
}

/** Binds a running process with all its threads to a core. */
export function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}
