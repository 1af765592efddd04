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

const ready = new WeakMap<object, readonly Uint8Array[]>();

/**
 * Gives a message its encoding in protobuf's binary form, envelope included, as pieces to be written one after the other. The lane then writes
 * these, to every stream that gets the message, and does not look at the message itself. The pieces never change from now on.
 */
export function encodedAs<T extends Message>(message: T, pieces: readonly Uint8Array[]): T {
  ready.set(message, pieces);
  return message;
}

export const encodingOf = (message: object): readonly Uint8Array[] | undefined => ready.get(message);
