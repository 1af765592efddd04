import type { Coordination } from './ports/coordination.js';

/**
 * Looks into coordination, and where the answer would be a final refusal looks again after a `sync`: what another instance was
 * acknowledged a moment ago may not be visible here yet. The usual case costs no more than the look itself.
 *
 * @param refuses says that what was found leads to a refusal that no retry would change
 */
export async function confirmed<T>(
  coordination: Pick<Coordination, 'sync'>,
  look: () => Promise<T>,
  refuses: (found: T) => boolean,
): Promise<T> {
  const found = await look();
  if (!refuses(found)) return found;
  await coordination.sync();
  return look();
}
