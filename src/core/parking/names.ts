import { createHash } from 'node:crypto';

/** How much of a subscriber's name its topics' names show. */
const longestSlug = 100;

/** The topic that keeps what a subscriber has parked: a valid name, and one of its own, whatever the subscriber is called. */
export const parkedTopicOf = (subscriber: string): string => `mainstem.parked.${tailOf(subscriber)}`;

/** The topic by which parked records come to a subscriber again: every stream of it follows this one too. */
export const redriveTopicOf = (subscriber: string): string => `mainstem.redrive.${tailOf(subscriber)}`;

function tailOf(subscriber: string): string {
  const slug = subscriber.replace(/[^a-zA-Z0-9_-]/gu, '_').slice(0, longestSlug);
  return `${slug}-${createHash('sha256').update(subscriber).digest('hex').slice(0, 16)}`;
}
