import { createHash } from 'node:crypto';

/** Names a key of a topic: short, whatever the key's length (up to 64 KiB). */
export function keyIdOf(topic: string, key: Uint8Array): string {
  return `${topic}/${createHash('sha256').update(key).digest('base64url')}`;
}
