import { CoordinationError, type Entry, type Path } from '../../core/ports/coordination.js';

const maxValueBytes = 900 * 1024;
const maxNameLength = 250;

interface Node {
  value: Uint8Array;
  version: number;
  readonly children: Map<string, Node>;
  /** The session of an ephemeral. */
  readonly owner: string | undefined;
}

/** A write that was done, for whoever watches the world from outside. */
export interface Written {
  readonly path: Path;
  /** Undefined: deleted. */
  readonly value: Uint8Array | undefined;
}

/** The records themselves: every operation happens at once, and throws CoordinationErrors. */
export interface Records {
  get(path: Path): Entry | undefined;
  create(path: Path, value: Uint8Array, owner?: string): void;
  set(path: Path, value: Uint8Array, version: number): number;
  delete(path: Path, version?: number): void;
  children(path: Path): string[];
  /** Called at once with each change. */
  watch(path: Path, what: 'value' | 'children', listener: () => void): () => void;
  /** Takes away all that a session owns. */
  vanish(owner: string): void;
}

/** @param written told of each write right after it */
export function createRecords(written: (write: Written) => void): Records {
  const node = (value: Uint8Array, owner?: string): Node => ({ value, version: 0, children: new Map(), owner });
  const root = node(new Uint8Array());
  const owned = new Map<string, Path[]>();
  const watchers = new Map<string, Set<() => void>>();

  function find(path: Path): Node | undefined {
    let at: Node | undefined = root;
    for (const name of path) at = at?.children.get(name);
    return at;
  }

  function changed(path: Path, what: 'value' | 'children'): void {
    for (const call of [...(watchers.get(watchKey(path, what)) ?? [])]) call();
  }

  function requireNode(path: Path, version: number | undefined): Node {
    const found = find(path);
    if (found === undefined) throw new CoordinationError('missing', `there is no ${show(path)}`);
    if (version === undefined || version === found.version) return found;
    throw new CoordinationError('conflict', `${show(path)} has version ${found.version}, not ${version}`);
  }

  function remove(path: Path): void {
    find(path.slice(0, -1))?.children.delete(path.at(-1) ?? '');
    written({ path, value: undefined });
    changed(path, 'value');
    changed(path.slice(0, -1), 'children');
  }

  return {
    get(path) {
      const found = find(path);
      return found && { value: Uint8Array.from(found.value), version: found.version };
    },

    create(path, given, owner) {
      const value = checked(path, given);
      if (find(path) !== undefined) throw new CoordinationError('exists', `${show(path)} exists already`);
      let parent = root;
      for (const [depth, name] of path.entries()) {
        if (parent.owner !== undefined) {
          throw new CoordinationError(
            'conflict',
            `${show(path.slice(0, depth))} is ephemeral and can have no children`,
          );
        }
        const known = parent.children.get(name);
        if (known !== undefined) {
          parent = known;
          continue;
        }
        const at = path.slice(0, depth + 1);
        const last = at.length === path.length;
        const made = last ? node(value, owner) : node(new Uint8Array());
        parent.children.set(name, made);
        parent = made;
        written({ path: at, value: made.value });
        changed(at.slice(0, -1), 'children');
        changed(at, 'value');
      }
      if (owner !== undefined) owned.set(owner, [...(owned.get(owner) ?? []), path]);
    },

    set(path, given, version) {
      const value = checked(path, given);
      const found = requireNode(path, version);
      found.value = value;
      found.version += 1;
      written({ path, value });
      changed(path, 'value');
      return found.version;
    },

    delete(path, version) {
      if (requireNode(path, version).children.size > 0) {
        throw new CoordinationError('not_empty', `${show(path)} has children`);
      }
      remove(path);
    },

    children: (path) => [...(find(path)?.children.keys() ?? [])],

    watch(path, what, listener) {
      const key = watchKey(path, what);
      const listeners = watchers.get(key) ?? new Set();
      // Each registration counts for itself, even with the same function.
      const registered = () => listener();
      watchers.set(key, listeners.add(registered));
      return () => {
        if (listeners.delete(registered) && listeners.size === 0) watchers.delete(key);
      };
    },

    vanish(owner) {
      const paths = owned.get(owner) ?? [];
      owned.delete(owner);
      for (const path of paths) if (find(path)?.owner === owner) remove(path);
    },
  };
}

const watchKey = (path: Path, what: string): string => JSON.stringify([what, ...path]);

const show = (path: Path): string => `record ${path.map((name) => JSON.stringify(name)).join(' / ') || '(root)'}`;

/** A copy of the value: the caller may change its array. */
function checked(path: Path, value: Uint8Array): Uint8Array {
  if (path.length === 0 || path.some((name) => name.length === 0 || name.length > maxNameLength)) {
    throw new CoordinationError('too_large', `a record's name has components of 1 to ${maxNameLength} characters`);
  }
  if (value.length <= maxValueBytes) return Uint8Array.from(value);
  throw new CoordinationError('too_large', `${show(path)}: ${value.length} bytes, at most ${maxValueBytes} fit`);
}
