import type { HeldKeys } from '../parking/held-keys.js';
import { keyIdOf } from '../parking/key-id.js';
import { redriveTopicOf } from '../parking/names.js';
import type { StreamParking } from '../parking/parking.js';
import { keyOf, readRedriven } from '../parking/records.js';
import type { Clock } from '../ports/clock.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Delivery } from './frames.js';

export interface KeySequenceOptions {
  readonly parking: Pick<StreamParking, 'heldKeys'>;
  readonly clock: Clock;
  readonly subscriber: string;
  readonly signal: AbortSignal;
}

/** How long a redrive may take to say that it has happened. One that was interrupted by a crash never does, and its records are sent. */
const redriveMs = 2_000;
const redriveCheckMs = 50;

/**
 * The records of a frame that must not be sent now, because an earlier event of their key is parked, or was redriven and is not committed. Asked
 * for each frame, when everything before it is committed: so a record that the consumer has parked, at any instance, is known.
 * Throws LOG_UNAVAILABLE, COORDINATION_UNAVAILABLE, and the signal's reason.
 */
export async function heldDeliveries(
  { parking, clock, subscriber, signal }: KeySequenceOptions,
  topic: ActiveTopic,
  deliveries: readonly Delivery[],
): Promise<ReadonlySet<Delivery>> {
  const isRedrive = topic.name === redriveTopicOf(subscriber);
  const until = clock.now() + redriveMs;
  for (;;) {
    const held = await parking.heldKeys(subscriber);
    // A redriven record comes to the redrive topic first, and is parked no more a moment later: until then nothing can be said of its key.
    const isBegun = isRedrive && deliveries.some((each) => isParked(held, each));
    if (isBegun && clock.now() < until) await clock.sleep(redriveCheckMs, signal);
    else
      return new Set(deliveries.filter((each) => (isRedrive ? isOvertaking(held, each) : isHeld(held, topic, each))));
  }
}

function isHeld({ parked, draining }: HeldKeys, topic: ActiveTopic, { record }: Delivery): boolean {
  if (record.key === null || parked.size + draining.size === 0) return false;
  const id = keyIdOf(topic.name, record.key);
  return parked.has(id) || draining.has(id);
}

function isParked({ origins }: HeldKeys, { record }: Delivery): boolean {
  const origin = readRedriven(record.headers);
  return origin !== undefined && origins.has(keyOf(origin));
}

/** A redriven record goes first, but not before an earlier one of its key that has been parked again. */
function isOvertaking({ parked }: HeldKeys, { record }: Delivery): boolean {
  const origin = readRedriven(record.headers);
  if (record.key === null || !origin) return false;
  const lowest = parked.get(keyIdOf(origin.topic, record.key));
  return lowest !== undefined && lowest < origin.offset;
}
