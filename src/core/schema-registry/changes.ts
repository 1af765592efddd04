import { parseExact, writeExact } from '../numbers/exact-json.js';
import { canonical, isObject } from '../schema/json.js';
import type { SchemaChange } from './commands.js';

/** Beyond this a schema counts as rewritten, and is shown as a whole. */
const mostChanges = 2_000;
/** A place whose pointer is longer is shown as a whole. */
const longestPointer = 1_000;

/**
 * The places in which two schemas differ, by JSON Pointer and in the order of the text: members by name; lists of scalars (`enum`, `required`) by what
 * is in the one and not in the other; other lists by index.
 */
export function changesBetween(before: string, after: string): SchemaChange[] {
  const old = parseExact(before).document;
  const now = parseExact(after).document;
  const changes: SchemaChange[] = [];
  for (const change of differences(old, now, '')) {
    changes.push(change);
    if (changes.length > mostChanges) return [{ pointer: '', before, after }];
  }
  return changes;
}

function* differences(before: unknown, after: unknown, pointer: string): Generator<SchemaChange> {
  if (pointer.length <= longestPointer) {
    if (isObject(before) && isObject(after)) return yield* betweenObjects(before, after, pointer);
    if (Array.isArray(before) && Array.isArray(after)) return yield* betweenLists(before, after, pointer);
  }
  const [old, now] = [before, after].map((value) => (value === undefined ? undefined : writeExact(value)));
  if (old !== now) yield { pointer, before: old, after: now };
}

function* betweenObjects(before: JsonObject, after: JsonObject, pointer: string): Generator<SchemaChange> {
  for (const name of Object.keys(before)) {
    yield* differences(before[name], Object.hasOwn(after, name) ? after[name] : undefined, at(pointer, name));
  }
  for (const name of Object.keys(after)) {
    if (!Object.hasOwn(before, name)) yield* differences(undefined, after[name], at(pointer, name));
  }
}

function* betweenLists(
  before: readonly unknown[],
  after: readonly unknown[],
  pointer: string,
): Generator<SchemaChange> {
  if ([...before, ...after].some((item) => isObject(item) || Array.isArray(item))) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      yield* differences(before[i], after[i], at(pointer, String(i)));
    }
    return;
  }
  const [had, has] = [new Set(before.map(canonical)), new Set(after.map(canonical))];
  for (const [i, item] of before.entries())
    if (!has.has(canonical(item))) yield* differences(item, undefined, at(pointer, String(i)));
  for (const [i, item] of after.entries())
    if (!had.has(canonical(item))) yield* differences(undefined, item, at(pointer, String(i)));
}

type JsonObject = Readonly<Record<string, unknown>>;

function at(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
