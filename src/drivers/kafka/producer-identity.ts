import { BusError } from '../../core/errors.js';
import { publishingNeeds, unavailable } from './errors.js';
import type { KafkaClient } from './kafka-client.js';
import { requestTimeoutMs } from './metadata-cache.js';
import { backoff, pause } from './pause.js';
import { codeName, codes } from './protocol/codes.js';
import { initProducerIdRequest } from './protocol/init-producer-id.js';

/** A producer id that the cluster gave to this process. */
export interface Producer {
  readonly id: Uint8Array;
  /** The epoch with which a partition starts: above every epoch of this id that a forgotten partition may have used. */
  firstEpoch: number;
}

/** The producer id of this process. It is asked for when something is first appended, and replaced when a broker does not know it. */
export interface ProducerIdentity {
  /** Throws LOG_UNAVAILABLE after 15 s, or at once where the cluster refuses to give an id. */
  current(): Promise<Producer>;
  /** This producer cannot be used for new partitions any more. */
  retire(producer: Producer): void;
}

/** How long all that wait for an id wait together. A broker on its first boot has none to give for several seconds. */
const patienceMs = 15_000;

const passing = new Set<number>([
  codes.COORDINATOR_LOAD_IN_PROGRESS,
  codes.COORDINATOR_NOT_AVAILABLE,
  codes.REQUEST_TIMED_OUT,
  codes.BROKER_NOT_AVAILABLE,
  codes.NETWORK_EXCEPTION,
  codes.NOT_CONTROLLER,
]);

export function createProducerIdentity(client: KafkaClient, closing: AbortSignal): ProducerIdentity {
  let current: Producer | undefined;
  let asking: Promise<Producer> | undefined;

  async function ask(): Promise<Producer> {
    const deadline = performance.now() + patienceMs;
    for (let attempt = 0; ; attempt++) {
      let trouble: unknown;
      try {
        const answer = await client.ask('any', 'control', initProducerIdRequest(), requestTimeoutMs);
        if (answer.error === codes.NONE) return { id: answer.producerId, firstEpoch: answer.epoch };
        if (!passing.has(answer.error)) throw noProducerId(answer.error);
        trouble = new Error(codeName(answer.error));
      } catch (error) {
        if (error instanceof BusError) throw error;
        trouble = error;
      }
      if (performance.now() >= deadline) throw unavailable('give us a producer id', trouble);
      await pause(backoff(attempt, 1000), closing);
    }
  }

  async function find(): Promise<Producer> {
    if (current) return current;
    // One question for all partitions that wait for the answer.
    asking ??= ask()
      .then((producer) => {
        current = producer;
        return producer;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  return {
    current: find,
    retire: (producer) => {
      if (current === producer) current = undefined;
    },
  };
}

function noProducerId(code: number): BusError {
  const hint = code === codes.CLUSTER_AUTHORIZATION_FAILED ? ` (${publishingNeeds})` : '';
  const message = `Kafka refused to give Mainstem a producer id: ${codeName(code)}${hint}`;
  return new BusError('LOG_UNAVAILABLE', message, { metadata: { kafka_error: codeName(code) } });
}
