import type { Position } from './positions.js';

/** What happened, in order: enough to judge every promise by, and to read what went wrong. */
export type Happening =
  /** Something was done to the fleet: a fault, its end, a join, a leave. */
  | { readonly kind: 'note'; readonly what: string }
  /** A publisher was told that its event is stored. */
  | {
      readonly kind: 'published';
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      readonly id: number;
      /** What the event is to be recognised by, if anything. */
      readonly identity: string | undefined;
    }
  /** A publisher was told that its event's identity belongs to another. */
  | { readonly kind: 'reused'; readonly topic: string; readonly id: number; readonly identity: string }
  /** An offset record was written; `next` undefined: deleted. */
  | {
      readonly kind: 'record';
      readonly subscriber: string;
      readonly topic: string;
      readonly partition: number;
      readonly next: number | undefined;
      readonly incarnation: string;
      readonly generation: number;
      readonly earlier: readonly number[];
      readonly owner: string | undefined;
    }
  /** A stream's ephemeral came or went. */
  | { readonly kind: 'place'; readonly subscriber: string; readonly streamId: string; readonly there: boolean }
  | {
      readonly kind: 'opened';
      readonly stream: number;
      readonly subscriber: string;
      readonly client: string;
      readonly bus: string;
      readonly heartbeatMs: number;
    }
  /** An instance handed a frame to its transport, `waitedMs` of unpaused time after it was asked for. */
  | {
      readonly kind: 'frame';
      readonly stream: number;
      readonly streamId: string;
      readonly frame: string;
      readonly waitedMs: number;
      /** The generation that the client has been told of by now. */
      readonly generation: number | undefined;
      /** Where the stream is after it. */
      readonly positions: readonly Position[];
      /** The records of an events frame. */
      readonly records: readonly Position[];
      /** Where a gap ends. */
      readonly gap?: { readonly topic: string; readonly partition: number; readonly from: number; readonly to: number };
    }
  /** A stream that is still open at the end has been asked for a frame for so long. */
  | { readonly kind: 'waiting'; readonly stream: number; readonly waitedMs: number }
  | { readonly kind: 'over'; readonly stream: number; readonly why: string }
  /** A client has done all that it does with a record. */
  | { readonly kind: 'processed'; readonly client: string; readonly subscriber: string; readonly record: Position }
  | {
      readonly kind: 'commit';
      readonly commit: number;
      readonly subscriber: string;
      readonly client: string;
      readonly streamId: string;
      readonly bus: string;
      readonly generation: number;
      readonly positions: readonly Position[];
    }
  /** The instance's answer, at the moment when it was given. */
  | { readonly kind: 'committed'; readonly commit: number; readonly positions: readonly Position[] }
  | {
      readonly kind: 'refused';
      readonly commit: number;
      readonly reason: string;
      readonly topic: string | undefined;
      readonly partition: number | undefined;
    };

export type Recorded = Happening & { readonly at: number };

export interface History {
  add(happening: Happening): void;
  readonly all: readonly Recorded[];
}

export function createHistory(now: () => number): History {
  const all: Recorded[] = [];
  return { all, add: (happening) => void all.push({ at: Math.round(now() * 1000) / 1000, ...happening }) };
}

/** One line for people. */
export function describe({ at, kind, ...facts }: Recorded): string {
  const parts = Object.entries(facts).flatMap(([name, value]) => {
    const text = textOf(value);
    return text === '' ? [] : [name === 'what' ? text : `${name}=${text}`];
  });
  return `${at.toFixed(1).padStart(9)} ms  ${kind.padEnd(9)} ${parts.join(' ')}`;
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(textOf).join(',');
  if (isPosition(value)) return `${value.topic}/${value.partition}@${value.offset}`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isPosition(value: unknown): value is Position {
  return typeof value === 'object' && value !== null && 'offset' in value && 'partition' in value && 'topic' in value;
}
