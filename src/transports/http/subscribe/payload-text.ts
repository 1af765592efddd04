import { Buffer } from 'node:buffer';
import type { Delivery } from '../../../core/subscribe/frames.js';
import { lineOf, part } from './encoded-lines.js';

/**
 * A payload on one line, without the line's end; undefined for a tombstone and an event without data. One that is not JSON stands as an object with its base64: as it
 * is it could look like anything, further lines included.
 */
export function payloadText(delivery: Delivery): Buffer | undefined {
  const { record, kind } = delivery;
  if (kind === 'json') {
    const { bytes, to, data } = lineOf(delivery);
    return part(bytes, data, to - 2);
  }
  if (record.value === null) return undefined;
  const { buffer, byteOffset, byteLength } = record.value;
  return Buffer.from(`{"dataBase64":"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"}`);
}
