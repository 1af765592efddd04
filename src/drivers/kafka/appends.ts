import { BusError } from '../../core/errors.js';
import type { AppendRecord } from '../../core/model.js';
import type { Appended } from '../../core/ports/event-log.js';
import { isPassing, messageOf, outcomeUnknown, publishingNeeds, refused, unavailable } from './errors.js';
import type { KafkaClient, Lane } from './kafka-client.js';
import { LinkFailure } from './kafka-link.js';
import type { Leaders } from './leaders.js';
import { requestTimeoutMs } from './metadata-cache.js';
import type { PartitionSequences } from './partition-sequences.js';
import { backoff, inTime, pause, TimeUp } from './pause.js';
import { codeName, codes } from './protocol/codes.js';
import { type Produced, produceRequest } from './protocol/produce.js';
import type { BatchStamp } from './protocol/record-batch.js';
import type { KafkaRequest } from './protocol/requests.js';
import type { Reads } from './reads.js';
import { findStoredBatch } from './stored-batch.js';

/** How long the leader may wait for the other replicas. */
const replicasTimeoutMs = 4000;
/** No question to a broker takes longer, with the connection that it may need first. */
const longestAskMs = requestTimeoutMs + 4000;
/** Appends to one broker wait for each other within a lane only: each waits for all replicas. */
const produceLanes = 4;

export interface AppendParts {
  readonly client: KafkaClient;
  readonly leaders: Leaders;
  readonly reads: Reads;
  readonly sequences: PartitionSequences;
  readonly closing: AbortSignal;
  /** Told why an attempt has failed; undefined once the batch is stored. */
  readonly report: (topic: string, partition: number, trouble: string | undefined) => void;
}

export interface Batch {
  readonly topic: string;
  /** The topic's id: another topic of its name is not written to. Undefined: any topic of that name. */
  readonly logId: string | undefined;
  readonly partition: number;
  readonly records: readonly AppendRecord[];
  readonly isWanted?: (() => boolean) | undefined;
  /** How long to try, in milliseconds. */
  readonly patienceMs: number;
}

/** A batch as it is sent, each time in the same bytes. */
interface Sealed {
  readonly stamp: BatchStamp;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly request: KafkaRequest<Produced>;
}

/**
 * Appends one batch with acks=all, and tries again until its time is up: after a lost connection, a move of the leader, or while replicas are missing. The
 * broker recognises a batch by producer id, epoch and sequence, so that a batch which was sent twice is stored once. At most one append per partition
 * may run at a time.
 *
 * Throws STORE_OUTCOME_UNKNOWN if an attempt may have stored the batch and none has confirmed it. The partition then starts a new epoch with its next
 * batch: copies of this one which arrive later are refused. Every other error means that the batch is not stored.
 */
export async function append(parts: AppendParts, batch: Batch): Promise<Appended> {
  const { topic, partition } = batch;
  const run = new AppendRun(parts, batch);
  try {
    const appended = await run.attempts();
    parts.sequences.stored(topic, partition, batch.records.length);
    parts.report(topic, partition, undefined);
    return appended;
  } catch (error) {
    parts.report(topic, partition, messageOf(error));
    // Sequences that were sent are never used again, whatever became of them.
    if (run.wasSent) parts.sequences.restart(topic, partition);
    throw error;
  }
}

class AppendRun {
  wasSent = false;
  readonly #what: string;
  readonly #lane: Lane;
  readonly #deadline: number;
  #sealed: Sealed | undefined;
  /** Why the batch may be stored although no attempt has confirmed it. */
  #doubt: unknown;
  /** The last attempt's trouble. */
  #trouble: unknown = new Error('its leader was not found');
  #isDiskBroken = false;
  #isOver = false;

  constructor(
    private readonly parts: AppendParts,
    private readonly batch: Batch,
  ) {
    this.#what = `append to ${batch.topic}/${batch.partition}`;
    this.#lane = `produce-${batch.partition % produceLanes}`;
    this.#deadline = performance.now() + batch.patienceMs;
  }

  async attempts(): Promise<Appended> {
    const { leaders, closing } = this.parts;
    const { topic, partition } = this.batch;
    try {
      for (let attempt = 0; ; attempt++) {
        const appended = await this.#attempt();
        if (appended) return appended;
        this.parts.report(topic, partition, messageOf(this.#trouble));
        leaders.forget(topic);
        await inTime(pause(backoff(attempt, 1000), closing), this.#deadline);
      }
    } catch (error) {
      this.#isOver = true;
      throw this.#failure(error);
    }
  }

  /** Sends the batch once. Undefined if it makes sense to try again; throws what is final. */
  async #attempt(): Promise<Appended | undefined> {
    const { topic, logId, partition } = this.batch;
    const { leaders } = this.parts;
    const to = { name: topic, logId };
    const leader =
      leaders.known(to, partition) ?? (await inTime(leaders.find(to, partition, this.#deadline), this.#deadline));
    this.#sealed ??= await inTime(this.#seal(), this.#deadline);
    const answer = await this.#send(leader.node, this.#sealed.request);
    return answer && this.#judge(answer, this.#sealed, leader.replicas);
  }

  async #seal(): Promise<Sealed> {
    const { topic, partition, records } = this.batch;
    const stamp = await this.parts.sequences.next(topic, partition, records.length);
    const madeAt = Date.now();
    return { stamp, madeAt, request: produceRequest(topic, partition, records, stamp, madeAt, replicasTimeoutMs) };
  }

  /** Undefined if there was no answer. */
  async #send(node: number, request: KafkaRequest<Produced>): Promise<Produced | undefined> {
    const { topic, isWanted } = this.batch;
    let isDeleted = false;
    let isUnderWay = false;
    const mayBeSent = () => {
      // While we looked for the leader or connected to it, the topic may have been deleted, and created again with the same name.
      isDeleted = isWanted?.() === false;
      isUnderWay = !isDeleted && !this.#isOver;
      this.wasSent ||= isUnderWay;
      return isUnderWay;
    };
    try {
      return await inTime(
        this.parts.client.ask(node, this.#lane, request, requestTimeoutMs, mayBeSent),
        this.#deadline,
        longestAskMs,
      );
    } catch (error) {
      if (isDeleted) throw BusError.topicDeleted(topic);
      if (isUnderWay && !(error instanceof LinkFailure && !error.sent)) this.#doubt = error;
      if (error instanceof TimeUp) throw error;
      this.#trouble = error;
      return undefined;
    }
  }

  #judge(answer: Produced, sealed: Sealed, replicas: number): Appended | Promise<Appended> | undefined {
    const { topic, partition } = this.batch;
    const { error, baseOffset, logAppendTime } = answer;
    if (error === codes.NONE) {
      return { baseOffset, timestamp: logAppendTime < 0 ? sealed.madeAt : logAppendTime };
    }
    this.#trouble = new Error(codeName(error));
    this.#isDiskBroken = error === codes.KAFKA_STORAGE_ERROR;
    switch (error) {
      case codes.DUPLICATE_SEQUENCE_NUMBER:
        return this.#findStored(sealed);
      case codes.OUT_OF_ORDER_SEQUENCE_NUMBER:
        // The log has lost batches before this one (an unclean election), and so does not hold this one: it would continue their sequence.
        this.#doubt = undefined;
        this.parts.sequences.restart(topic, partition);
        this.#sealed = undefined;
        return undefined;
      case codes.UNKNOWN_PRODUCER_ID:
      case codes.INVALID_PRODUCER_EPOCH:
        this.parts.sequences.renew(topic, partition);
        // An earlier attempt may have been stored, and its producer forgotten since.
        if (this.#doubt !== undefined) throw this.#doubt;
        this.#sealed = undefined;
        return undefined;
      case codes.NOT_LEADER_OR_FOLLOWER:
      case codes.REQUEST_TIMED_OUT:
      case codes.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        // A leader that is deposed while it waits for the replicas has appended the batch, and they may have copied it.
        this.#doubt = this.#trouble;
        return undefined;
      case codes.KAFKA_STORAGE_ERROR:
        if (replicas > 1) this.#doubt = this.#trouble;
        return undefined;
      default:
        if (isPassing(error)) return undefined;
        throw refused(
          error,
          this.#what,
          topic,
          error === codes.CLUSTER_AUTHORIZATION_FAILED ? publishingNeeds : undefined,
        );
    }
  }

  async #findStored({ stamp, madeAt }: Sealed): Promise<Appended> {
    const { topic, logId, partition } = this.batch;
    this.#doubt = new Error('the broker has stored the batch already, but it was not found in the log');
    const found = await findStoredBatch(this.parts, { name: topic, logId }, partition, stamp, madeAt, this.#deadline);
    if (found === undefined) throw this.#doubt;
    return found;
  }

  #failure(error: unknown): BusError {
    if (this.#doubt !== undefined) return outcomeUnknown(this.#doubt);
    if (error instanceof BusError) return error;
    const cause = error instanceof TimeUp ? this.#trouble : error;
    if (!this.#isDiskBroken) return unavailable(this.#what, cause);
    const message = `Kafka could not ${this.#what}: its disk is full or broken`;
    return new BusError('STORAGE_FULL', message, { cause });
  }
}
