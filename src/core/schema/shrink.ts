import { isObject, setMember } from './json.js';

/** A removal is tried so often; documents that are this large stay larger than need be. */
const mostTries = 20_000;

/**
 * Removes members and items, one by one and at all depths, and puts parts in the place of what holds them, for as long as the document
 * stays what it is.
 */
export function shrink(document: unknown, stays: (candidate: unknown) => boolean): unknown {
  let current = document;
  let tries = 0;
  for (let again = true; again; ) {
    again = false;
    // From the end, so that what is still to be tried keeps its place.
    for (const path of [...places(current)].reverse()) {
      if (++tries > mostTries) return current;
      const candidate = without(current, path);
      if (!stays(candidate)) continue;
      current = candidate;
      again = true;
    }
    for (const candidate of hoisted(current)) {
      if (++tries > mostTries) return current;
      if (!stays(candidate)) continue;
      current = candidate;
      again = true;
      break;
    }
  }
  return current;
}

type Path = readonly (string | number)[];

/** Every member and item, those of a container after itself. */
function* places(value: unknown, at: Path = []): Generator<Path> {
  if (!Array.isArray(value) && !isObject(value)) return;
  for (const [key, child] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    yield [...at, key];
    yield* places(child, [...at, key]);
  }
}

/** The document, and each part of it, with one of its grandchildren in its place. */
function* hoisted(document: unknown): Generator<unknown> {
  for (const path of places(document)) {
    if (path.length >= 2) yield changed(document, path.slice(0, -2), at(document, path));
    if (path.length > 2) yield at(document, path);
  }
}

function at(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return value;
  const child = Array.isArray(value) ? value[Number(key)] : isObject(value) ? value[key] : undefined;
  return at(child, rest);
}

const removed = Symbol('removed');

function without(document: unknown, path: Path): unknown {
  return changed(document, path, removed);
}

/** A copy with something else at a place, or nothing. */
function changed(value: unknown, [key, ...rest]: Path, to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index): unknown[] => {
      const kept = index === key ? changed(item, rest, to) : item;
      return kept === removed ? [] : [kept];
    });
  }
  if (!isObject(value)) return value;
  const copy = {};
  for (const [name, child] of Object.entries(value)) {
    const kept = name === key ? changed(child, rest, to) : child;
    if (kept !== removed) setMember(copy, name, kept);
  }
  return copy;
}
