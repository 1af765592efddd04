import { Buffer, isUtf8 } from 'node:buffer';
import { type CelInput, celMap } from '@bufbuild/cel';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type EventMetadata, readHeaders } from '../../core/event-headers.js';
import type { Candidate } from '../../core/ports/filter-compiler.js';
import { parsedPayload } from './payloads.js';

/** What takes long to make of a record is made once for all the times an expression names it: a loop may do so in each round. */
class Asked {
  #payload: CelInput | undefined;
  #key: string | Uint8Array | null | undefined;
  #metadata: EventMetadata | undefined;
  #headers: CelInput | undefined;
  #attributes: CelInput | undefined;

  constructor(readonly candidate: Candidate) {}

  get payload(): CelInput {
    this.#payload ??= parsedPayload(this.candidate.record);
    return this.#payload;
  }

  get key(): string | Uint8Array | null {
    if (this.#key === undefined) {
      const { key } = this.candidate.record;
      this.#key = key && textOf(key);
    }
    return this.#key;
  }

  get metadata(): EventMetadata {
    this.#metadata ??= readHeaders(this.candidate.record.headers);
    return this.#metadata;
  }

  get headers(): CelInput {
    this.#headers ??= celMap(
      new Map(this.metadata.rest.map(([name, value]): [string, CelInput] => [name, textOf(value)])),
    );
    return this.#headers;
  }

  get attributes(): CelInput {
    this.#attributes ??= celMap(new Map(Object.entries(this.metadata.attributes)));
    return this.#attributes;
  }
}

/** What each variable of an expression is, of one record. Nothing of it is looked into before it is asked for. */
const readers: Readonly<Record<string, (asked: Asked) => CelInput>> = {
  payload: (asked) => {
    const { kind, record } = asked.candidate;
    if (kind === 'json') return asked.payload;
    return kind === 'not_json' ? record.value : null;
  },
  key: (asked) => asked.key,
  headers: (asked) => asked.headers,
  topic: ({ candidate }) => candidate.topic,
  partition: ({ candidate }) => BigInt(candidate.partition),
  offset: ({ candidate }) => BigInt(candidate.record.offset),
  time: ({ candidate }) => timestampFromMs(candidate.record.timestamp),
  id: ({ metadata }) => metadata.id ?? '',
  source: ({ metadata }) => metadata.source ?? '',
  type: ({ metadata }) => metadata.type ?? '',
  subject: ({ metadata }) => metadata.subject ?? '',
  attributes: (asked) => asked.attributes,
};

/** The variables of an expression, of one record after the other. */
export interface Variables {
  /** The same object for all records, because making one costs as much as a comparison. */
  readonly values: Record<string, CelInput>;
  begin(candidate: Candidate): void;
  /** Lets go of the record, which may be large. */
  end(): void;
}

export function createVariables(): Variables {
  let asked: Asked | undefined;
  const values: Record<string, CelInput> = Object.create(null);
  const current = () => {
    if (!asked) throw new Error('no record is asked about');
    return asked;
  };
  for (const [name, read] of Object.entries(readers)) {
    Object.defineProperty(values, name, { enumerable: true, get: () => read(current()) });
  }
  return {
    values,
    begin(candidate) {
      asked = new Asked(candidate);
    },
    end() {
      asked = undefined;
    },
  };
}

/** Text, or bytes where it is none in UTF-8. */
function textOf(bytes: Uint8Array): string | Uint8Array {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : bytes;
}
