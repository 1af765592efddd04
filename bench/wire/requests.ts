import { sequenceAt, writeSequence } from '../events.js';

/** How a unary call is framed: gRPC puts five bytes before a message, Connect none. */
export type Protocol = 'grpc' | 'connect';

/** A request that is sent again and again: its bytes, and where each event's sequence number stands. */
export interface Template {
  readonly bytes: Buffer;
  readonly sequences: readonly number[];
}

/** A PublishRequest, or a PublishStreamRequest, which begins with the same fields; `enveloped` with five bytes in front. */
export function publishTemplate(topic: string, events: readonly Buffer[], enveloped: boolean): Template {
  const parts: Buffer[] = [field(1, Buffer.from(topic))];
  const sequences: number[] = [];
  let at = (enveloped ? 5 : 0) + (parts[0]?.length ?? 0);
  for (const payload of events) {
    const entry = field(2, field(3, payload));
    at += entry.length;
    sequences.push(at - payload.length + sequenceAt);
    parts.push(entry);
  }
  const message = Buffer.concat(parts);
  return { bytes: enveloped ? envelope(message) : message, sequences };
}

/** The request with these numbers, as bytes of its own: it may still be on its way when the next is made. */
export function numbered({ bytes, sequences }: Template, first: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  bytes.copy(copy);
  for (let i = 0; i < sequences.length; i++) writeSequence(copy, sequences[i] ?? 0, first + i);
  return copy;
}

/** How a SubscribeRequest starts. */
export type SubscribeFrom = 'earliest' | 'latest' | { readonly cursor: string };

export function subscribeRequest(
  topic: string,
  from: SubscribeFrom,
  options: {
    readonly follow: boolean;
    readonly heartbeatSeconds?: number;
    readonly subscriber?: string | undefined;
    /** The server commits what it has delivered. */
    readonly onDelivery?: boolean;
  },
): Buffer {
  const start =
    typeof from === 'object' ? field(6, Buffer.from(from.cursor)) : Buffer.from([5 << 3, from === 'earliest' ? 1 : 2]);
  const subscriber = options.subscriber === undefined ? [] : [field(4, Buffer.from(options.subscriber))];
  const heartbeat = field(11, Buffer.from([1 << 3, options.heartbeatSeconds ?? 60]));
  const message = [
    field(1, Buffer.from(topic)),
    ...subscriber,
    start,
    Buffer.from([9 << 3, options.follow ? 1 : 0]),
    heartbeat,
    ...(options.onDelivery ? [Buffer.from([...varint(19 << 3), 2])] : []),
  ];
  return envelope(Buffer.concat(message));
}

export function envelope(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A field of bytes, text or a message. */
export function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(content.length)]), content]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}
