import { basename } from 'node:path';
import { launchersOf, lostLauncher } from './launchers.js';

/** The reason of a process's `interrupted` signal: what asked it to stop. */
export interface StopRequest {
  /** The signal that came, or SIGTERM in place of one that a dead launcher should have passed on. */
  readonly signal: StopSignal;
  /** For the log. */
  readonly because: string;
}

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type StopSignal = keyof typeof numbers;
const stopSignals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/** How often we look whether our launchers live: an npm that is PID 1 takes us with it half a second after its shell has died. */
const lookEveryMs = 200;
/** A terminal or systemd signals the whole group, and npm passes the same signal on: within this time both are one request. */
const forwardedWithinMs = 1_000;

/**
 * Aborts on the first SIGTERM, SIGINT or SIGHUP of this process, and when a process that waits for it (see launchers) is gone: npm
 * passes SIGTERM to its `sh -c`, which dies and leaves us running. A second signal ends the process at once. Under nohup SIGHUP is
 * ignored; Node forgets that by itself.
 */
export function onStopRequest(): AbortSignal {
  const controller = new AbortController();
  const launchers = launchersOf(process.pid);
  const isLaunched = launchers.length > 0 || process.env['npm_execpath'] !== undefined;
  let requestedAt = 0;

  function request(signal: StopSignal, because: string): void {
    clearInterval(looking);
    requestedAt = performance.now();
    controller.abort({ signal, because } satisfies StopRequest);
  }
  for (const signal of stopSignals) {
    const isIgnored = signal === 'SIGHUP' && basename(process.env['_'] ?? '') === 'nohup';
    // bin/mainstem.js has handlers of its own while it starts as PID 1.
    process.removeAllListeners(signal);
    process.on(signal, () => {
      if (isIgnored) return;
      if (!controller.signal.aborted) return request(signal, signal);
      if (isLaunched && performance.now() - requestedAt < forwardedWithinMs) return;
      process.exit(128 + numbers[signal]);
    });
  }
  const looking = setInterval(() => {
    const lost = lostLauncher(process.pid, launchers);
    if (lost) request('SIGTERM', `the process that started this one is gone: ${lost.title} (pid ${lost.pid})`);
  }, lookEveryMs).unref();
  if (launchers.length === 0) clearInterval(looking);
  return controller.signal;
}

/** The exit code of a command that a signal ended, as shells have it. */
export function interruptedCode({ reason }: AbortSignal): number {
  return 128 + numbers[isStopRequest(reason) ? reason.signal : 'SIGINT'];
}

export function isStopRequest(reason: unknown): reason is StopRequest {
  return reason !== null && typeof reason === 'object' && 'signal' in reason && 'because' in reason;
}
