import { requestTimeoutMs } from './metadata-cache.js';
import { codes } from './protocol/codes.js';
import { divergenceOf, leaderEpochsRequest } from './protocol/leader-epochs.js';
import { refOf, type TailEntry } from './tail-entry.js';
import type { TailLoopHost, TailParts } from './tail-loop.js';

/**
 * Asks a broker whether it has all that its entries have read, before they are fetched from it: it may have become the leader without having had all records, or come back with an older
 * copy of its log. One question for all of them. Resolves with those that may go on.
 */
export async function verifyEntries(
  node: number,
  entries: readonly TailEntry[],
  parts: TailParts,
  host: TailLoopHost,
): Promise<readonly TailEntry[]> {
  const questions = entries.map(({ topic, partition, epoch = 0 }) => ({ topic, partition, epoch }));
  const answers = await parts.client.ask(node, 'reads', leaderEpochsRequest(questions), requestTimeoutMs);
  const byKey = new Map(answers.map((each) => [`${each.topic}/${each.partition}`, each]));
  const verified: TailEntry[] = [];
  for (const entry of entries) {
    const answer = byKey.get(`${entry.topic}/${entry.partition}`);
    if (!host.isCurrent(entry)) continue;
    if (answer?.error !== codes.NONE) {
      host.displace(entry);
      continue;
    }
    const at = divergenceOf(entry.next, answer);
    if (at === undefined) verified.push(entry);
    else stopTruncated(entry, at, parts, host);
  }
  return verified;
}

/** Tells that records are lost, with the bounds of what is left. */
function stopTruncated(entry: TailEntry, at: number, parts: TailParts, host: TailLoopHost): void {
  entry.node = undefined;
  entry.notBefore = Number.POSITIVE_INFINITY;
  parts.reads.bounds(refOf(entry), entry.partition).then(
    (bounds) => host.stop(entry, { outcome: 'truncated', at, ...bounds }),
    () => host.displace(entry),
  );
}
