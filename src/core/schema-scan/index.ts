import { isUtf8 } from 'node:buffer';
import { parsePointer } from '../publish/key-pointer.js';
import type { ParsedSchema } from '../schema/form/parse.js';
import { compileScan } from './compile.js';
import { KeyPath } from './key.js';
import { text } from './text.js';

/**
 * Looks through a payload without making a document of it. Undefined: it takes a parser and a validator to tell what it is. Otherwise these would
 * accept it, and the answer is the key that it carries, null where it carries none.
 */
export type PayloadScan = (payload: Uint8Array) => Uint8Array | null | undefined;

/** After so many payloads in a row that it could not decide, it lets so many pass undecided. */
const patience = { tries: 32, pause: 1_000 };

/**
 * A scan for the payloads of a schema in normal form; without a schema, of any JSON. It decides in a third of the time that parsing takes.
 *
 * @param keyPointer a JSON Pointer to where the key stands
 */
export function payloadScan(schema: ParsedSchema, keyPointer?: string): PayloadScan {
  const tokens = keyPointer === undefined ? undefined : parsePointer(keyPointer);
  // The key is the whole payload.
  if (tokens?.length === 0) return () => undefined;
  const path = tokens && new KeyPath(tokens);
  const scan = compileScan(schema, path);
  let failures = 0;
  let pause = 0;

  function decide(payload: Uint8Array): Uint8Array | null | undefined {
    if (!text.load(payload)) return undefined;
    path?.start();
    const end = scan(text, text.tokenAt(0), 0);
    if (end < 0 || text.tokenAt(end) !== payload.length) return undefined;
    // Beside its strings, and what stands in the schema, an accepted text is ASCII.
    if (text.isBeyondAscii && !isUtf8(payload)) return undefined;
    return path === undefined ? null : path.found(payload);
  }

  return (payload) => {
    if (pause > 0) {
      pause--;
      return undefined;
    }
    const found = decide(payload);
    if (found !== undefined) failures = 0;
    else if (++failures === patience.tries) {
      failures = 0;
      pause = patience.pause;
    }
    return found;
  };
}
