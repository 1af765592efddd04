import { CoordinationError, type Path } from '../../core/ports/coordination.js';
import { type CoordinationTree, type Node, type Owner, pathKey } from './coordination-tree.js';
import type { Store } from './store.js';
import { whenCommitted } from './when-committed.js';
import type { WriteFailure } from './write-failure.js';
import type { Mutation } from './write-queue.js';

const MAX_VALUE_BYTES = 900 * 1024;
const MAX_NAME_LENGTH = 250;

/** The writes of coordination records. Each is decided on what is committed, when no other write of the same record is in flight. */
export interface CoordinationWrites {
  create(path: Path, value: Uint8Array): Promise<void>;
  /** The record does not come to be where the session has ended meanwhile: `session_lost`. */
  createEphemeral(path: Path, value: Uint8Array, owner: Owner): Promise<void>;
  set(path: Path, value: Uint8Array, version: number): Promise<number>;
  delete(path: Path, version?: number): Promise<void>;
  /** Takes ephemerals away at once. */
  vanish(path: Path, node: Node): void;
}

/** What one write touches and does; `undefined` while something that it touches is in flight. */
interface Plan {
  readonly writes: readonly Path[];
  /** What must stay as it is. */
  readonly needs: readonly Path[];
  readonly mutations: readonly Mutation[];
  apply(): void;
}

export function coordinationWrites(store: Store, tree: CoordinationTree): CoordinationWrites {
  const fits = ({ writes, needs }: Plan): boolean =>
    writes.every((path) => !tree.writing.has(pathKey(path)) && !tree.needing.has(pathKey(path))) &&
    needs.every((path) => !tree.writing.has(pathKey(path)));

  const hold = ({ writes, needs }: Plan): void => {
    for (const path of writes) tree.writing.add(pathKey(path));
    for (const path of needs) tree.needing.set(pathKey(path), (tree.needing.get(pathKey(path)) ?? 0) + 1);
  };

  const letGo = ({ writes, needs }: Plan): void => {
    for (const path of writes) tree.writing.delete(pathKey(path));
    for (const path of needs) {
      const left = (tree.needing.get(pathKey(path)) ?? 1) - 1;
      if (left === 0) tree.needing.delete(pathKey(path));
      else tree.needing.set(pathKey(path), left);
    }
  };

  /** Runs a write; `decide` throws the CoordinationError that refuses it. */
  const run = (bytes: number, decide: () => Plan): Promise<void> => {
    let plan: Plan | undefined;
    return whenCommitted(store.queue, {
      bytes: bytes + 200,
      plan() {
        const decided = decide();
        if (!fits(decided)) return 'later';
        plan = decided;
        hold(decided);
        return decided.mutations;
      },
      committed() {
        if (plan === undefined) return;
        letGo(plan);
        plan.apply();
      },
      failed() {
        if (plan !== undefined) letGo(plan);
      },
      error: coordinationFailure,
    });
  };

  /** Plans a new record with the parents that are missing. */
  const planCreate = (path: Path, value: Uint8Array, owner?: Owner): Plan => {
    if (tree.find(path) !== undefined) throw new CoordinationError('exists', `${show(path)} exists already`);
    let depth = path.length - 1;
    while (tree.find(path.slice(0, depth)) === undefined) depth -= 1;
    const from = path.slice(0, depth);
    let parent = tree.find(from);
    if (parent === undefined || parent.ephemeral !== undefined) {
      throw new CoordinationError('conflict', `${show(from)} is ephemeral and can have no children`);
    }
    const made: Node[] = [];
    for (const [index, name] of path.slice(depth).entries()) {
      const last = index === path.length - depth - 1;
      parent = tree.make(parent, name, last && owner !== undefined ? { owner, value } : undefined);
      made.push(parent);
    }
    const durable = made.filter((node) => node.ephemeral === undefined);
    const empty = new Uint8Array(0);
    const contentOf = (node: Node) => (node === parent ? value : empty);
    return {
      writes: made.map((_, index) => path.slice(0, depth + index + 1)),
      needs: [from],
      mutations: durable.flatMap((node) => [tree.place(node), tree.write(node, contentOf(node), 0)]),
      apply() {
        for (const [index, node] of made.entries()) {
          if (node.ephemeral !== undefined && owner?.ended() === true) continue;
          tree.attach(node);
          if (node.ephemeral !== undefined) owner?.owned.set(node, path);
          tree.changed(path.slice(0, depth + index), 'children');
          tree.changed(path.slice(0, depth + index + 1), 'value');
        }
      },
    };
  };

  const require = (path: Path, version: number | undefined): Node => {
    const node = tree.find(path);
    if (node === undefined) throw new CoordinationError('missing', `there is no ${show(path)}`);
    if (version !== undefined && tree.versionOf(node) !== version) {
      throw new CoordinationError('conflict', `${show(path)} has version ${tree.versionOf(node)}, not ${version}`);
    }
    return node;
  };

  return {
    async create(path, given) {
      const value = checked(path, given);
      await run(value.length, () => planCreate(path, value));
    },

    async createEphemeral(path, given, owner) {
      const value = checked(path, given);
      await run(value.length, () => {
        if (owner.ended()) throw sessionLost();
        return planCreate(path, value, owner);
      });
      if (owner.ended()) throw sessionLost();
    },

    async set(path, given, version) {
      const value = checked(path, given);
      await run(value.length, () => {
        const node = require(path, version);
        const { ephemeral } = node;
        return {
          writes: [path],
          needs: [],
          mutations: ephemeral === undefined ? [tree.write(node, value, version + 1)] : [],
          apply() {
            if (ephemeral !== undefined) ephemeral.value = value;
            node.version = version + 1;
            tree.changed(path, 'value');
          },
        };
      });
      return version + 1;
    },

    async delete(path, version) {
      await run(0, () => {
        const node = require(path, version);
        if (node.children.size > 0) throw new CoordinationError('not_empty', `${show(path)} has children`);
        return {
          writes: [path],
          needs: [],
          mutations: node.ephemeral === undefined ? tree.erase(node) : [],
          apply: () => removed(path, node),
        };
      });
    },

    vanish: removed,
  };

  function removed(path: Path, node: Node): void {
    if (tree.find(path) !== node) return;
    tree.detach(node);
    node.ephemeral?.owner.owned.delete(node);
    tree.changed(path, 'value');
    tree.changed(path.slice(0, -1), 'children');
  }
}

export const sessionLost = () => new CoordinationError('session_lost', 'the session has ended');

const show = (path: Path): string => `record ${path.map((name) => JSON.stringify(name)).join(' / ') || '(root)'}`;

/** A copy of the value: the caller may change its array. */
function checked(path: Path, value: Uint8Array): Buffer {
  if (path.length === 0 || path.some((name) => name.length === 0 || name.length > MAX_NAME_LENGTH)) {
    throw new CoordinationError('too_large', `a record's name has components of 1 to ${MAX_NAME_LENGTH} characters`);
  }
  if (value.length > MAX_VALUE_BYTES) {
    throw new CoordinationError('too_large', `${show(path)}: ${value.length} bytes, at most ${MAX_VALUE_BYTES} fit`);
  }
  return Buffer.from(value);
}

function coordinationFailure(failure: WriteFailure): CoordinationError {
  const kind = failure.kind === 'full' ? 'storage_full' : 'unavailable';
  return new CoordinationError(kind, failure.message, { cause: failure.cause });
}
