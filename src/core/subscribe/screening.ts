import { BusError } from '../errors.js';
import { keyOf, type PartitionOf } from '../offsets/hand-over.js';
import type { StreamParking } from '../parking/parking.js';
import type { Clock } from '../ports/clock.js';
import { retry } from '../retry.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Delivery } from './frames.js';
import { heldDeliveries } from './key-sequence.js';
import type { Suspects } from './suspects.js';

export interface ScreeningOptions {
  readonly parking: StreamParking;
  readonly suspects: Suspects | undefined;
  /** `park_key_sequence`. */
  readonly inSequence: boolean;
  readonly subscriber: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What is left of a frame. */
export interface Screened {
  readonly deliveries: readonly Delivery[];
  /** Partitions that another stream owns by now. */
  readonly lost: readonly PartitionOf[];
}

/** Parks records in place of sending them: those that have failed too often, and those whose key waits for an earlier one. */
export interface Screening {
  /** Whether the next frame may have such records. */
  readonly isActive: boolean;
  /**
   * Undefined: all of them are to be sent, and nothing was waited for. Otherwise waits out coordination and the log, and resolves once what
   * is not to be sent is parked. Rejects with the signal's reason, and with errors that waiting does not cure, such as PARKING_FULL.
   */
  screen(topic: ActiveTopic, deliveries: readonly Delivery[], generation: number): Promise<Screened> | undefined;
}

const longestPauseMs = 2_000;

export function createScreening(options: ScreeningOptions): Screening {
  const { parking, suspects, inSequence, subscriber, clock, signal } = options;
  const patiently = <T>(act: () => Promise<T>) =>
    retry(act, { clock, signal, maxMs: longestPauseMs, retries: isPassing });

  /** Acts on a partition's records; false where another stream owns it by now. */
  async function owning(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await patiently(act);
      return true;
    } catch (error) {
      if (isReason(error, 'FENCED', 'CURSOR_STALE_TOPIC', 'SUBSCRIBER_NOT_FOUND')) return false;
      throw error;
    }
  }

  async function parkFailed(
    topic: ActiveTopic,
    { partition, record }: Delivery,
    attempts: number,
    generation: number,
  ): Promise<Screened> {
    const reason = `sent ${attempts} times and never committed (max_deliveries is ${suspects?.maxDeliveries})`;
    const { offset } = record;
    const command = { subscriber, topic: topic.name, partition, offset, reason, attempts, generation };
    const isOwner = await owning(() =>
      parking.park(command, signal).catch((error: unknown) => {
        // Retention has removed it: nothing is left to be parked.
        if (!isReason(error, 'RECORD_NOT_FOUND')) throw error;
      }),
    );
    return { deliveries: [], lost: isOwner ? [] : [{ topic, partition }] };
  }

  async function holdBack(topic: ActiveTopic, deliveries: readonly Delivery[], generation: number): Promise<Screened> {
    const held = await patiently(() => heldDeliveries(options, topic, deliveries));
    const lost: PartitionOf[] = [];
    for (const partition of new Set([...held].map((each) => each.partition))) {
      const records = [...held].filter((each) => each.partition === partition);
      const isOwner = await owning(() => parking.hold({ subscriber, topic, generation, records }, signal));
      if (!isOwner) lost.push({ topic, partition });
    }
    const isLost = (partition: number) => lost.some((each) => each.partition === partition);
    return { deliveries: deliveries.filter((each) => !held.has(each) && !isLost(each.partition)), lost };
  }

  return {
    get isActive() {
      return suspects?.any === true || inSequence;
    },
    screen(topic, deliveries, generation) {
      // A stream with suspects sends one record at a time.
      const [first] = deliveries;
      const attempts = first && suspects?.failedAlone(keyOf(topic, first.partition), first.record.offset);
      if (first && attempts !== undefined) return parkFailed(topic, first, attempts, generation);
      return inSequence ? holdBack(topic, deliveries, generation) : undefined;
    },
  };
}

function isReason(error: unknown, ...reasons: readonly BusError['reason'][]): boolean {
  return error instanceof BusError && reasons.includes(error.reason);
}

function isPassing(error: unknown): boolean {
  return error instanceof BusError && error.retryable;
}
