import { Buffer } from 'node:buffer';
import type { Message } from '@bufbuild/protobuf';

/** Flags and length in front of a message. */
export const envelopeBytes = 5;

/** A message with its envelope in front. Flags 0: not compressed, not the end. */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const bytes = Buffer.allocUnsafe(envelopeBytes + message.length);
  writeEnvelope(bytes, message.length, flags);
  bytes.set(message, envelopeBytes);
  return bytes;
}

export function writeEnvelope(target: Buffer, length: number, flags = 0, at = 0): void {
  target[at] = flags;
  target.writeUInt32BE(length, at + 1);
}

/** A message's encoding in protobuf's binary form, envelope included, as pieces to be written one after the other. */
export interface Encoding {
  readonly pieces: readonly Uint8Array[];
  /** To be called when the pieces have been sent, and are not needed any more; if they are not sent, never. */
  readonly sent: (() => void) | undefined;
}

const ready = new WeakMap<object, Encoding>();

/**
 * Gives a message its encoding. The lane then writes its pieces, to every stream that gets the message, and does not look at the message itself.
 * The pieces never change until they are sent.
 *
 * @param sent see `Encoding`: such a message is for one stream.
 */
export function encodedAs<T extends Message>(message: T, pieces: readonly Uint8Array[], sent?: () => void): T {
  ready.set(message, { pieces, sent });
  return message;
}

export const encodingOf = (message: object): Encoding | undefined => ready.get(message);
