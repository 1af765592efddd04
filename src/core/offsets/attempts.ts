/**
 * How often records were sent from a committed position on without a commit, as the offset record keeps it. Only streams with
 * `max_deliveries` count.
 */
export interface DeliveryAttempts {
  /** How many streams have ended, or lost the partition, with the record at the committed position sent and uncommitted. */
  readonly count: number;
  /** The records from the committed position up to this offset were among them: each may be the one that fails. */
  readonly until: number;
  /** The offset of the record that was sent by itself and not committed either. */
  readonly alone?: number | undefined;
}

/** Undefined where the record has none, or none that this version writes. */
export function readAttempts(value: unknown): DeliveryAttempts | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { count, until, alone }: { count?: unknown; until?: unknown; alone?: unknown } = value;
  if (!isOffset(count) || !isOffset(until)) return undefined;
  return { count, until, ...(isOffset(alone) ? { alone } : {}) };
}

/** The attempts that still count once everything below `next` is committed. */
export function attemptsAfterCommit(
  attempts: DeliveryAttempts | undefined,
  next: number,
): DeliveryAttempts | undefined {
  if (attempts === undefined || next >= attempts.until) return undefined;
  const { count, until, alone } = attempts;
  return { count, until, ...(alone !== undefined && alone >= next ? { alone } : {}) };
}

/** How a stream's ownership of a partition has ended. */
export interface Departure {
  /** The attempts as they stood when the stream claimed the partition. */
  readonly before: DeliveryAttempts | undefined;
  /** The committed position then, and now. */
  readonly claimedAt: number;
  readonly next: number;
  /** Everything before this offset was sent. */
  readonly sent: number;
  /** The offset of the record that was sent by itself, if the stream sent one at a time. */
  readonly alone: number | undefined;
}

/** The attempts after an ownership that ends with records uncommitted. A commit in between shows that an earlier record was not the one. */
export function attemptsAfterDeparture({
  before,
  claimedAt,
  next,
  sent,
  alone,
}: Departure): DeliveryAttempts | undefined {
  if (sent <= next) return attemptsAfterCommit(before, next);
  if (alone !== undefined && before !== undefined) {
    const { count, until } = before;
    return alone < next ? attemptsAfterCommit(before, next) : { count: count + 1, until: Math.max(until, sent), alone };
  }
  if (next > claimedAt || before === undefined) return { count: 1, until: sent };
  return { count: before.count + 1, until: Math.max(before.until, sent) };
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
