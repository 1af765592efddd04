import { setMaxListeners } from 'node:events';
import { BusError } from '../errors.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { EventResult, PublishCommand, PublishSession, SessionCommand } from './command.js';

/** The order that one stream of batches keeps: a partition in which something failed takes no more until the client goes on knowingly. */
export interface Order {
  /** Why nothing may be queued for a partition; undefined if it may. */
  check(topic: string, partition: number): BusError | undefined;
  halt(topic: string, partition: number, cause: BusError): void;
  /** An event of the batch that is being admitted is refused. */
  refused(cause: BusError): void;
}

interface Admission {
  readonly draining: AbortSignal;
  check(command: PublishCommand): void;
  peek(command: PublishCommand): ActiveTopic | undefined;
  require(command: PublishCommand): Promise<ActiveTopic>;
  admit(topic: ActiveTopic, command: PublishCommand, order: Order, signal: AbortSignal): Promise<EventResult[]>;
}

/** One PublishStream. Batches are admitted strictly in the order of the calls, also where a topic has to be looked up first. */
export function createPublishSession(admission: Admission): PublishSession {
  const halted = new Map<string, BusError>();
  let lastAdmission: Promise<unknown> | undefined;
  /** Set after a batch that failed as a whole: it may have been for any partition. */
  let haltedAll: BusError | undefined;
  /** Of the batch that is being admitted. */
  let haltOnRefusal = false;

  const order: Order = {
    check(topic, partition) {
      const cause = haltedAll ?? halted.get(`${topic}/${partition}`);
      if (!cause) return undefined;
      return new BusError(
        'STREAM_HALTED',
        `not stored: an earlier batch of this stream failed (${cause.reason}), as far as partition ${partition} of ${topic} is concerned; set continue_after_failure to go on`,
        { cause },
      );
    },
    halt(topic, partition, cause) {
      // A withdrawal behind a failure is a consequence; the failure itself halted the partition.
      if (cause.reason !== 'STREAM_HALTED') halted.set(`${topic}/${partition}`, cause);
    },
    refused(cause) {
      if (haltOnRefusal) haltedAll ??= cause;
    },
  };

  /** Everything up to the queue; what fails here fails for the whole batch. */
  async function admit(command: SessionCommand, signal: AbortSignal) {
    const known = lastAdmission ? undefined : admission.peek(command);
    if (known) return enter(known, command, signal);
    const before = lastAdmission;
    const found = (async () => {
      await before;
      return admission.require(command);
    })();
    const mine = found.catch(() => undefined);
    lastAdmission = mine;
    await mine;
    if (lastAdmission === mine) lastAdmission = undefined;
    return enter(await found, command, signal);
  }

  function enter(
    topic: ActiveTopic,
    command: SessionCommand,
    signal: AbortSignal,
  ): { readonly results: Promise<EventResult[]> } {
    if (command.continueAfterFailure) {
      halted.clear();
      haltedAll = undefined;
    }
    haltOnRefusal = command.haltOnRefusal ?? false;
    return { results: admission.admit(topic, command, order, signal) };
  }

  return {
    draining: admission.draining,
    async publish(command, signal) {
      // As many batches as are in flight listen to the stream's one signal.
      setMaxListeners(0, signal);
      let admitted: Awaited<ReturnType<typeof admit>>;
      try {
        admission.check(command);
        admitted = await admit(command, signal);
      } catch (error) {
        const refused = BusError.from(error);
        haltedAll ??= refused.cause instanceof BusError ? refused.cause : refused;
        throw error;
      }
      return admitted.results;
    },
  };
}
