import { InvalidArgumentError } from 'commander';

/** The id of the event in line `number`, whose payload is `source[start, end)`. */
export type IdOf = (source: Uint8Array, start: number, end: number, number: number) => string;

/** The longest id that the bus takes, in bytes. */
const longestId = 1024;

/** Line 17 of an upload with the key `load-7` has the id `load-7/17`: it depends on nothing but the line's number. */
export function idsFromLines(key: string): IdOf {
  return (_source, _start, _end, number) => `${key}/${number}`;
}

/**
 * The id is what the pointer finds in the payload: a text, or a whole number that JavaScript holds exactly.
 *
 * @param pointer a JSON Pointer (RFC 6901)
 */
export function idsFromPayloads(pointer: string): IdOf {
  const steps = stepsOf(pointer);
  return (source, start, end) => {
    const found = find(
      JSON.parse(Buffer.from(source.buffer, source.byteOffset + start, end - start).toString()),
      steps,
    );
    const id = typeof found === 'number' && Number.isSafeInteger(found) ? String(found) : found;
    if (typeof id !== 'string' || id === '')
      throw new Error(`there is no id at ${pointer}: it takes a text that is not empty, or a whole number below 2^53`);
    if (Buffer.byteLength(id) > longestId) throw new Error(`the id at ${pointer} is longer than ${longestId} bytes`);
    return id;
  };
}

function find(document: unknown, steps: readonly string[]): unknown {
  let value = document;
  for (const step of steps) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** @throws InvalidArgumentError */
function stepsOf(pointer: string): string[] {
  if (!/^(\/([^~]|~[01])*)+$/.test(pointer))
    throw new InvalidArgumentError('It takes a JSON Pointer, such as /id or /order/number.');
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The text as it is, if it is a pointer. @throws InvalidArgumentError */
export function jsonPointer(text: string): string {
  stepsOf(text);
  return text;
}

/** @throws InvalidArgumentError */
export function idempotencyKey(text: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('It takes 1 to 200 visible ASCII characters, such as load-2026-01-31.');
}
