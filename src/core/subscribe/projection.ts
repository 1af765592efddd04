import { Buffer } from 'node:buffer';
import { BusError } from '../errors.js';
import { char, skipColon, skipSpace, skipString, skipValue, text, unexpected } from '../json-syntax.js';

const mostPointers = 100;
const longestPointer = 1_000;

/** What is kept of a value: all of it, or what its members or elements keep. */
interface Node {
  whole: boolean;
  readonly children: Map<string, Node>;
}

/** Keeps parts of JSON texts. */
export interface Projection {
  /**
   * The kept parts of a JSON text, in a text of the same shape: names and values with their own bytes, in their order, doubled names too; without the
   * space between them. What is absent is left out: of an array the elements that are not asked for, so that others move up. Of a payload without any of the
   * parts an empty object is left, or array. Undefined: the whole text is kept.
   *
   * @throws JsonSyntaxError where the text is not JSON
   */
  project(json: Uint8Array): Buffer | undefined;
}

/** Of JSON Pointers (RFC 6901). Throws INVALID_REQUEST. */
export function createProjection(pointers: readonly string[]): Projection {
  if (pointers.length > mostPointers) {
    throw new BusError(
      'INVALID_REQUEST',
      `fields has ${pointers.length} pointers; at most ${mostPointers} are possible`,
    );
  }
  const root: Node = { whole: false, children: new Map() };
  pointers.forEach((pointer, i) => {
    let node = root;
    for (const token of tokensOf(pointer, i)) {
      const child: Node = node.children.get(token) ?? { whole: false, children: new Map() };
      node.children.set(token, child);
      node = child;
    }
    node.whole = true;
  });
  return {
    project(json) {
      if (root.whole) return undefined;
      const start = skipSpace(json, 0);
      const kept = { bytes: Buffer.allocUnsafe(json.length), length: 0 };
      keep(json, start, root, kept);
      if (kept.length === 0) return Buffer.from(json[start] === char.openArray ? '[]' : '{}');
      // Little may be kept of much.
      return Buffer.from(kept.bytes.subarray(0, kept.length));
    },
  };
}

function tokensOf(pointer: string, index: number): string[] {
  const refuse = (why: string) =>
    new BusError('INVALID_REQUEST', `fields[${index}] ${why}`, { metadata: { field: `fields[${index}]` } });
  if (pointer.length > longestPointer) {
    throw refuse(`has ${pointer.length} characters; a JSON Pointer has at most ${longestPointer} here`);
  }
  if (pointer === '') return [];
  const shown = JSON.stringify(pointer.length > 60 ? `${pointer.slice(0, 60)}…` : pointer);
  if (!pointer.startsWith('/')) throw refuse(`is ${shown}: a JSON Pointer begins with /, as in /customer/name`);
  if (/~(?![01])/.test(pointer)) throw refuse(`is ${shown}: in a JSON Pointer ~ is written ~0, and / in a name ~1`);
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What is kept so far. */
interface Kept {
  readonly bytes: Buffer;
  length: number;
}

/** Adds what a node keeps of the value that begins at `start`, if anything. Returns the place after the value. */
function keep(json: Uint8Array, start: number, node: Node, kept: Kept): number {
  if (node.whole) {
    const end = skipValue(json, start);
    copy(json, start, end, kept);
    return end;
  }
  if (json[start] === char.openObject) return keepMembers(json, start, node, kept);
  if (json[start] === char.openArray) return keepElements(json, start, node, kept);
  return skipValue(json, start);
}

function keepMembers(json: Uint8Array, start: number, { children }: Node, kept: Kept): number {
  const before = kept.length;
  let at = skipSpace(json, start + 1);
  if (json[at] === char.closeObject) return at + 1;
  for (;;) {
    const afterName = skipString(json, at);
    const value = skipColon(json, afterName);
    const child = children.get(nameOf(json, at + 1, afterName - 1));
    if (child) {
      const member = kept.length;
      put(kept, member === before ? char.openObject : char.comma);
      copy(json, at, afterName, kept);
      put(kept, char.colon);
      const empty = kept.length;
      at = keep(json, value, child, kept);
      if (kept.length === empty) kept.length = member;
    } else at = skipValue(json, value);
    at = skipSpace(json, at);
    if (json[at] === char.closeObject) break;
    if (json[at] !== char.comma) throw unexpected(json, at);
    at = skipSpace(json, at + 1);
  }
  if (kept.length > before) put(kept, char.closeObject);
  return at + 1;
}

function keepElements(json: Uint8Array, start: number, { children }: Node, kept: Kept): number {
  const before = kept.length;
  let at = skipSpace(json, start + 1);
  if (json[at] === char.closeArray) return at + 1;
  for (let index = 0; ; index++) {
    const child = children.get(String(index));
    if (child) {
      const element = kept.length;
      put(kept, element === before ? char.openArray : char.comma);
      const empty = kept.length;
      at = keep(json, at, child, kept);
      if (kept.length === empty) kept.length = element;
    } else at = skipValue(json, at);
    at = skipSpace(json, at);
    if (json[at] === char.closeArray) break;
    if (json[at] !== char.comma) throw unexpected(json, at);
    at = skipSpace(json, at + 1);
  }
  if (kept.length > before) put(kept, char.closeArray);
  return at + 1;
}

/** A name as it reads: what is between two quotes, checked already. */
function nameOf(json: Uint8Array, start: number, end: number): string {
  const name = text(json, start, end);
  return name.includes('\\') ? JSON.parse(`"${name}"`) : name;
}

function put(kept: Kept, byte: number): void {
  kept.bytes[kept.length++] = byte;
}

function copy(json: Uint8Array, start: number, end: number, kept: Kept): void {
  kept.bytes.set(json.subarray(start, end), kept.length);
  kept.length += end - start;
}
