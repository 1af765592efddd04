import { char, JsonSyntaxError, skipColon, skipSpace, skipString, skipValue, text, unexpected } from './json-syntax.js';

/** A value in a JSON text's bytes: from `start` up to `end`, without space around it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Whether a text's value is an array. */
export function isArray(bytes: Uint8Array): boolean {
  return bytes[skipSpace(bytes, 0)] === char.openArray;
}

/** Whether a text that is no JSON begins with a whole value, and has another one in a later line. */
export function isLines(bytes: Uint8Array): boolean {
  try {
    const end = skipValue(bytes, skipSpace(bytes, 0));
    const next = skipSpace(bytes, end);
    const between = bytes.subarray(end, next);
    return next < bytes.length && between.includes(char.lineFeed) && bytes[next] !== char.comma;
  } catch {
    return false;
  }
}

/** A JSON text that is one value, without the space around it. Throws a JsonSyntaxError. */
export function wholeValue(bytes: Uint8Array): Span {
  const start = skipSpace(bytes, 0);
  const end = skipValue(bytes, start);
  atEnd(bytes, end);
  return { start, end };
}

/**
 * The elements of a text that is an array, in order. Throws a JsonSyntaxError, whose `event` is the index of the element it happened in.
 *
 * @param tooMany called with the number of elements so far, one for each: may throw where they become too many
 */
export function elementsOf(bytes: Uint8Array, tooMany: (count: number) => void): Span[] {
  const spans: Span[] = [];
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== char.openArray) throw unexpected(bytes, at);
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === char.closeArray) {
    atEnd(bytes, at + 1);
    return spans;
  }
  for (;;) {
    const start = at;
    const end = elementEnd(bytes, start, spans.length);
    spans.push({ start, end });
    tooMany(spans.length);
    at = skipSpace(bytes, end);
    if (bytes[at] === char.closeArray) break;
    if (bytes[at] !== char.comma) throw unexpected(bytes, at);
    at = skipSpace(bytes, at + 1);
  }
  atEnd(bytes, at + 1);
  return spans;
}

function elementEnd(bytes: Uint8Array, start: number, index: number): number {
  try {
    return skipValue(bytes, start);
  } catch (error) {
    if (error instanceof JsonSyntaxError) error.event = index;
    throw error;
  }
}

/** The members of an object that begins at `span.start`: each name, as it reads, and where its value is. Undefined where it is no object. */
export function membersOf(
  bytes: Uint8Array,
  { start }: Span,
): { readonly name: string; readonly value: Span }[] | undefined {
  if (bytes[start] !== char.openObject) return undefined;
  const members: { name: string; value: Span }[] = [];
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === char.closeObject) return members;
  for (;;) {
    const afterName = skipString(bytes, at);
    // A JSON text between quotes, checked just now.
    const name: string = JSON.parse(text(bytes, at, afterName));
    const valueStart = skipColon(bytes, afterName);
    const valueEnd = skipValue(bytes, valueStart);
    members.push({ name, value: { start: valueStart, end: valueEnd } });
    at = skipSpace(bytes, valueEnd);
    if (bytes[at] === char.closeObject) return members;
    if (bytes[at] !== char.comma) throw unexpected(bytes, at);
    at = skipSpace(bytes, at + 1);
  }
}

function atEnd(bytes: Uint8Array, after: number): void {
  const at = skipSpace(bytes, after);
  if (at < bytes.length) throw unexpected(bytes, at);
}
