import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** What is waited for, as the failure names it: `the record to arrive`. */
  readonly what: string;
  /** How long at most; default 30 s. Generous: it is only spent when the test fails. */
  readonly timeoutMs?: number;
  /** How often to look; default every 10 ms. */
  readonly everyMs?: number;
}

/**
 * Waits until `condition` returns something truthy, and resolves with it. For what announces nothing (another process, a
 * server's answer); where there is an event, wait for the event. A condition that throws has not come true yet; the last
 * error is the failure's cause. Looks are never concurrent, and a look that hangs does not outlive the timeout.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 30_000, everyMs = 10 }: UntilOptions,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = AbortSignal.timeout(timeoutMs);
  let last: unknown = 'nothing: the first look took too long';
  const given = new Promise<never>((_, reject) => {
    deadline.addEventListener('abort', () => {
      const seen = last instanceof Error ? `it threw ${last.name}: ${last.message}` : `it gave ${show(last)}`;
      reject(new Error(`waited ${timeoutMs} ms in vain for ${what}; at the last look ${seen}`, { cause: last }));
    });
  });
  const look = async () => {
    while (!deadline.aborted) {
      try {
        const value = await condition();
        last = value;
        // Truthy: none of the values that the type leaves out.
        if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      } catch (error) {
        last = error;
      }
      await sleep(everyMs);
    }
    return given;
  };
  return Promise.race([look(), given]);
}

function show(value: unknown): string {
  const text =
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
