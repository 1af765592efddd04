import { Buffer, isUtf8 } from 'node:buffer';
import { type ExactDocument, parseExact } from '../numbers/exact-json.js';

/** How deep a payload may be nested. */
export const maxDepth = 100;

/** Why a payload is refused. */
interface Refused {
  readonly rule: string;
  readonly message: string;
}

/**
 * Parses a payload: JSON text in UTF-8, without a BOM, nested at most 100 deep. Of duplicate members the last one is what
 * validation sees. Numbers that no double holds are ExactNumbers. The bytes are carried as they are.
 */
export function parsePayload(payload: Uint8Array): ExactDocument | Refused {
  return read(payload, parseExact);
}

/** Whether a payload is JSON, as parsePayload takes it. */
export function isJsonPayload(payload: Uint8Array): boolean {
  return !('rule' in read(payload, (text) => ({ document: JSON.parse(text), exact: false })));
}

function read(payload: Uint8Array, parse: (text: string) => ExactDocument): ExactDocument | Refused {
  if (payload.length === 0) return { rule: 'json', message: 'the payload is empty; JSON text is required' };
  if (payload[0] === 0xef && payload[1] === 0xbb && payload[2] === 0xbf) {
    return { rule: 'json', message: 'the payload begins with a byte order mark; send JSON without one' };
  }
  if (!isUtf8(payload)) return { rule: 'json', message: 'the payload is not valid UTF-8' };
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
  if (tooDeep(text)) return { rule: 'depth', message: `the payload is nested deeper than ${maxDepth}` };
  try {
    return parse(text);
  } catch (error) {
    return { rule: 'json', message: `the payload is not JSON: ${reasonOf(error)}` };
  }
}

/** Brackets are counted without parsing: a text with few of them, nearly all, is done by a few native searches, and a short one by its length. */
function tooDeep(text: string): boolean {
  if (text.length <= maxDepth) return false;
  let opening = 0;
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at >= 0 && opening <= maxDepth; at = text.indexOf(bracket, at + 1)) opening++;
  }
  return opening > maxDepth && depthOf(text) > maxDepth;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      depth++;
      if (depth > deepest) deepest = depth;
      if (deepest > maxDepth) return deepest;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return deepest;
}

/** The parser's own words, without the quoted payload that V8 adds: payloads do not belong in messages and logs. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = /at position \d+/.exec(message)?.[0];
  const what =
    /^(Unexpected end of JSON input|Unterminated string|Bad (control|escaped) character|Expected (?:(?! in JSON)[^,(])+|Unexpected (token|number|string|non-whitespace))/.exec(
      message,
    )?.[0];
  return [what ?? 'not parseable', position].filter(Boolean).join(' ');
}
