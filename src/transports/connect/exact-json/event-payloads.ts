import {
  char,
  JsonSyntaxError,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
  text,
  unexpected,
} from '../../../core/json-syntax.js';

/** Where a payload is in a request's bytes: what begins at `start` and goes up to `end` is the JSON value, without space around it. */
export interface PayloadSpan {
  /** Index in `events`, from 0. */
  readonly event: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the value of each member `json` of each element of the outermost `events`, in a publish request's JSON form, in the order of the text.
 * Only the syntax is checked; what is not a publish request is the codec's matter. Throws a JsonSyntaxError.
 */
export function findPayloads(bytes: Uint8Array): PayloadSpan[] {
  const spans: PayloadSpan[] = [];

  function payload(event: number, start: number): number {
    try {
      const end = skipValue(bytes, start);
      spans.push({ event, start, end });
      return end;
    } catch (error) {
      if (error instanceof JsonSyntaxError) error.event = event;
      throw error;
    }
  }
  function events(start: number): number {
    if (bytes[start] !== char.openArray) return skipValue(bytes, start);
    let at = skipSpace(bytes, start + 1);
    if (bytes[at] === char.closeArray) return at + 1;
    for (let event = 0; ; event++) {
      at = eachMember(bytes, at, 'json', (value) => payload(event, value));
      at = skipSpace(bytes, at);
      if (bytes[at] === char.closeArray) return at + 1;
      if (bytes[at] !== char.comma) throw unexpected(bytes, at);
      at = skipSpace(bytes, at + 1);
    }
  }

  let at = skipSpace(bytes, 0);
  at = skipSpace(bytes, eachMember(bytes, at, 'events', events));
  if (at < bytes.length) throw unexpected(bytes, at);
  return spans;
}

/** Skips a value; if it is an object, the values of its members of this name are skipped by `visit`. */
function eachMember(bytes: Uint8Array, start: number, name: string, visit: (value: number) => number): number {
  if (bytes[start] !== char.openObject) return skipValue(bytes, start);
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === char.closeObject) return at + 1;
  for (;;) {
    const afterName = skipString(bytes, at);
    const value = skipColon(bytes, afterName);
    at = skipSpace(bytes, isNamed(bytes, at + 1, afterName - 1, name) ? visit(value) : skipValue(bytes, value));
    if (bytes[at] === char.closeObject) return at + 1;
    if (bytes[at] !== char.comma) throw unexpected(bytes, at);
    at = skipSpace(bytes, at + 1);
  }
}

/** Whether the text between two quotes is this (ASCII) name; it may be written with escapes, each of at most six bytes. */
function isNamed(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  const length = end - start;
  if (length < name.length || length > 6 * name.length) return false;
  if (length > name.length) {
    return bytes.subarray(start, end).includes(0x5c) && JSON.parse(`"${text(bytes, start, end)}"`) === name;
  }
  for (let i = 0; i < length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}
