import type { ConnectLink } from './kafka-link.js';

/** The libraries that can carry connections to Kafka. The driver is the same on each. */
export const kafkaClients = ['kafkajs', 'platformatic'] as const;
export type KafkaClientName = (typeof kafkaClients)[number];

/** Loads this one, and none of the others. */
export async function loadClient(name: KafkaClientName): Promise<ConnectLink> {
  switch (name) {
    case 'kafkajs':
      return (await import('./kafkajs-link.js')).connectKafkajs;
    case 'platformatic':
      return (await import('./platformatic-link.js')).connectPlatformatic;
  }
}
