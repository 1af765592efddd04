import type { Clock } from './ports/clock.js';
import type { EventLog } from './ports/event-log.js';
import { forEachLimited } from './topics/coalesce.js';

/** How many questions to the log one call has under way, and how long all of them may take: what is not answered by then stays unknown. */
const questionsAtOnce = 16;
const patienceMs = 5_000;

/** Asks the log about each item, bounded in number and time. What fails, or comes too late, is left out of the answer. */
export async function askEach<T, A>(
  { log, clock }: { readonly log: EventLog; readonly clock: Clock },
  items: Iterable<T>,
  ask: (item: T, signal: AbortSignal) => Promise<A>,
): Promise<Map<T, A>> {
  const answers = new Map<T, A>();
  // A log that is known to be away would keep each question for its whole timeout.
  if (log.status.state === 'down') return answers;
  const over = new AbortController();
  const late = new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve()));
  const timer = clock.setTimeout(() => over.abort(), patienceMs);
  const all = forEachLimited(items, questionsAtOnce, async (item) => {
    if (over.signal.aborted) return;
    const answer = ask(item, over.signal).then(
      (value) => void (over.signal.aborted || answers.set(item, value)),
      () => undefined,
    );
    await Promise.race([answer, late]);
  });
  await all.finally(() => void timer.close());
  return answers;
}
