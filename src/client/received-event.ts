import { PayloadKind, type Record as StreamRecord } from '../gen/mainstem/v1/event_pb.js';
import type { StreamPosition } from './subscribe.js';

/** Where a parked record that comes again had come from, and what was said when it was parked. */
export interface RedrivenFrom {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly reason: string;
  readonly attempts: number;
}

const utf8 = new TextDecoder();

/** An event as a subscriber gets it: the publisher's bytes, and where they stand. */
export class ReceivedEvent {
  #data: { readonly value: unknown } | undefined;

  constructor(
    readonly topic: string,
    /** The record as it came; `bytes`, `key` and the rest below are views of it. */
    readonly record: StreamRecord,
    /** The life of the topic: with topic, partition and offset it names the event for ever. Empty from a server older than the client. */
    readonly incarnation: string,
  ) {}

  get partition(): number {
    return this.record.partition ?? 0;
  }

  get offset(): bigint {
    return this.record.offset ?? 0n;
  }

  /** The position after this event in its partition. */
  get next(): StreamPosition {
    const { topic, incarnation, partition } = this;
    return { topic, incarnation, partition, nextOffset: this.offset + 1n };
  }

  /** When the log stored it. */
  get time(): Date {
    const { time } = this.record;
    return new Date(time === undefined ? 0 : Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6));
  }

  /** `none`: an event without data. `not_json` comes only from other producers of the log, `tombstone` from them and on compacted topics. */
  get kind(): 'json' | 'not_json' | 'tombstone' | 'none' {
    if (this.record.kind === PayloadKind.TOMBSTONE) return 'tombstone';
    if (this.record.kind === PayloadKind.NONE) return 'none';
    return this.record.kind === PayloadKind.NOT_JSON ? 'not_json' : 'json';
  }

  /** The payload, byte for byte as it was published. */
  get bytes(): Uint8Array {
    return this.record.jsonBytes;
  }

  /**
   * The payload as JSON.parse reads it, when it is first asked for: numbers become doubles; `bytes` has them as they were written. Undefined
   * where the payload is not JSON, and where there is none.
   */
  get data(): unknown {
    if (this.kind !== 'json') return undefined;
    this.#data ??= { value: JSON.parse(utf8.decode(this.record.jsonBytes)) };
    return this.#data.value;
  }

  get key(): Uint8Array | undefined {
    return this.record.key;
  }

  /** The key as text; undefined where there is none. */
  get keyText(): string | undefined {
    return this.record.key && utf8.decode(this.record.key);
  }

  /** Undefined on schemaless topics and for foreign records. */
  get schemaVersion(): number | undefined {
    return this.record.schemaVersion;
  }

  /** Set where the subscriber had parked the event, and it was sent again. */
  get redriven(): RedrivenFrom | undefined {
    const { redriven } = this.record;
    if (redriven === undefined) return undefined;
    const { topic, partition = 0, offset = 0n, reason, attempts } = redriven;
    return { topic, partition, offset, reason, attempts };
  }
}
