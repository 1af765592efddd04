import { setMaxListeners } from 'node:events';
import { BusError } from '../errors.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { EventResult, PublishCommand, PublishSession } from './command.js';

/** The order that one stream of batches keeps: a partition in which something failed takes no more until the client goes on knowingly. */
export interface Order {
  /** Why nothing may be queued for a partition; undefined if it may. */
  check(topic: string, partition: number): BusError | undefined;
  halt(topic: string, partition: number, cause: BusError): void;
}

interface Admission {
  check(command: PublishCommand): void;
  peek(topic: string): ActiveTopic | undefined;
  require(topic: string): Promise<ActiveTopic>;
  admit(topic: ActiveTopic, command: PublishCommand, order: Order, signal: AbortSignal): Promise<EventResult[]>;
}

/** One PublishStream. Batches are admitted strictly in the order of the calls, also where a topic has to be looked up first. */
export function createPublishSession(admission: Admission): PublishSession {
  const halted = new Map<string, BusError>();
  let lastAdmission: Promise<unknown> | undefined;

  const order: Order = {
    check(topic, partition) {
      const cause = halted.get(`${topic}/${partition}`);
      if (!cause) return undefined;
      return new BusError(
        'STREAM_HALTED',
        `not stored: an earlier event of this stream for partition ${partition} of ${topic} failed (${cause.reason}); set continue_after_failure to go on`,
        { cause },
      );
    },
    halt(topic, partition, cause) {
      // A withdrawal behind a failure is a consequence; the failure itself halted the partition.
      if (cause.reason !== 'STREAM_HALTED') halted.set(`${topic}/${partition}`, cause);
    },
  };

  return {
    async publish(command, signal) {
      admission.check(command);
      // As many batches as are in flight listen to the stream's one signal.
      setMaxListeners(0, signal);
      const known = lastAdmission ? undefined : admission.peek(command.topic);
      if (!known) {
        const before = lastAdmission;
        const found = (async () => {
          await before;
          return admission.require(command.topic);
        })();
        const mine = found.catch(() => undefined);
        lastAdmission = mine;
        await mine;
        if (lastAdmission === mine) lastAdmission = undefined;
        const topic = await found;
        if (command.continueAfterFailure) halted.clear();
        return admission.admit(topic, command, order, signal);
      }
      if (command.continueAfterFailure) halted.clear();
      return admission.admit(known, command, order, signal);
    },
  };
}
