import { ExactNumber, isJsonNumber, numberOf, numberText } from './exact-number.js';

/** A JSON text, parsed. */
export interface ExactDocument {
  readonly document: unknown;
  /** Whether there are ExactNumbers in it. */
  readonly exact: boolean;
}

/** A number of fewer characters, without an exponent, is a double for sure. */
const leastCharacters = 16;
const exponent = /\d[eE][-+\d]/;

/** Whether there may be ExactNumbers; also true for strings that look like them. It takes a tenth of the time that parsing takes. */
function mayBeExact(text: string): boolean {
  // Of 16 characters in a row two are looked at.
  for (let at = leastCharacters / 2; at < text.length; at += leastCharacters / 2) {
    if (!isDigitOrPoint(text.charCodeAt(at))) continue;
    let start = at;
    while (isDigitOrPoint(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (isDigitOrPoint(text.charCodeAt(end))) end++;
    if (end - start >= leastCharacters) return true;
  }
  return exponent.test(text);
}

function isDigitOrPoint(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || c === 0x2e;
}

/** Parses as JSON.parse does, but makes an ExactNumber of each number that no double holds. Other texts are looked through once. */
export function parseExact(text: string): ExactDocument {
  const document: unknown = JSON.parse(text);
  if (!mayBeExact(text)) return { document, exact: false };
  const found = findExact(text);
  return found.length === 0 ? { document, exact: false } : { document: put(document, text, found), exact: true };
}

/**
 * As JSON.stringify writes it, and ExactNumbers as they were written.
 *
 * @param space put before each member and item, once per level, on a line of its own; empty: all in one line
 */
export function writeExact(value: unknown, space = '', indent = ''): string {
  if (isJsonNumber(value)) return numberText(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const inner = indent + space;
  const colon = space === '' ? ':' : ': ';
  const parts = Array.isArray(value)
    ? value.map((item) => writeExact(item, space, inner))
    : Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => `${JSON.stringify(name)}${colon}${writeExact(member, space, inner)}`);
  const [opening, closing] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0 || space === '') return `${opening}${parts.join()}${closing}`;
  return `${opening}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${closing}`;
}

interface Found {
  readonly number: ExactNumber;
  readonly start: number;
  readonly end: number;
}

const quote = 0x22;
const backslash = 0x5c;

/** @param text well-formed JSON */
function findExact(text: string): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < text.length; ) {
    const c = text.charCodeAt(at);
    if (c === quote) at = stringEnd(text, at);
    else if (c === 0x2d || isDigitOrPoint(c)) {
      const start = at;
      while (ofNumber(text.charCodeAt(at))) at++;
      const number = numberOf(text.slice(start, at));
      if (number instanceof ExactNumber) found.push({ number, start, end: at });
    } else at++;
  }
  return found;
}

function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end + 1;
  }
}

/** Digits, `.`, `+`, `-`, `e` and `E`. */
function ofNumber(c: number): boolean {
  return isDigitOrPoint(c) || c === 0x2b || c === 0x2d || (c | 0x20) === 0x65;
}

/**
 * Puts the numbers into the document. Their places are those where the parser finds a string once each of them is replaced by one, so that duplicate
 * members and escaped names need no second thought.
 */
function put(document: unknown, text: string, found: readonly Found[]): unknown {
  const pieces: string[] = [];
  let at = 0;
  for (const [index, { start, end }] of found.entries()) {
    pieces.push(text.slice(at, start), `"${index}"`);
    at = end;
  }
  pieces.push(text.slice(at));
  const root = { document };
  const open: [object, object][] = [[root, { document: JSON.parse(pieces.join('')) }]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [holder, marked] = pair;
    for (const key of Object.keys(marked)) {
      const value: unknown = Reflect.get(holder, key);
      const mark: unknown = Reflect.get(marked, key);
      if (typeof value === 'number' && typeof mark === 'string') Reflect.set(holder, key, found[Number(mark)]?.number);
      else if (isContainer(value) && isContainer(mark)) open.push([value, mark]);
    }
  }
  return root.document;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
