import { CoordinationError, type Path } from '../../core/ports/coordination.js';
import { readBits } from './batch-key.js';
import type { Store } from './store.js';
import type { Mutation, WriteQueue } from './write-queue.js';

/** A record's place. Its value and version are in the store; an ephemeral's are here, and go with the process. */
export interface Node {
  readonly id: number;
  readonly name: string;
  readonly parent: Node | undefined;
  readonly children: Map<string, Node>;
  /** Undefined: not read yet. */
  version: number | undefined;
  ephemeral: { readonly owner: Owner; value: Uint8Array } | undefined;
}

/** A session, as far as its ephemerals are concerned. */
export interface Owner {
  readonly owned: Map<Node, Path>;
  ended(): boolean;
}

/**
 * The tree of a directory's records, shared by all connections of the process: names in memory (some 200 bytes each), values in the store.
 */
export interface CoordinationTree {
  find(path: Path): Node | undefined;
  /** The value and version now; undefined where the record is being deleted. */
  read(node: Node): { readonly value: Uint8Array; readonly version: number } | undefined;
  versionOf(node: Node): number;
  /** A new node, not in the tree yet. */
  make(parent: Node, name: string, ephemeral?: Node['ephemeral']): Node;
  attach(node: Node): void;
  detach(node: Node): void;
  write(node: Node, value: Uint8Array, version: number): Mutation;
  /** What stores the place of a new node. */
  place(node: Node): Mutation;
  erase(node: Node): Mutation[];
  /** Nodes that the group in flight writes, and those that it needs to stay. */
  readonly writing: Set<string>;
  readonly needing: Map<string, number>;
  watch(path: Path, what: 'value' | 'children', listener: () => void): () => void;
  changed(path: Path, what: 'value' | 'children'): void;
}

const VERSION_BYTES = 8;
const trees = new WeakMap<WriteQueue, CoordinationTree>();

export const pathKey = (path: Path): string => JSON.stringify(path);

/** The tree of a store: one, however many connections there are. */
export function treeOf(store: Store): CoordinationTree {
  let tree = trees.get(store.queue);
  if (tree === undefined) {
    tree = loadTree(store);
    trees.set(store.queue, tree);
  }
  return tree;
}

function loadTree(store: Store): CoordinationTree {
  const newNode = (id: number, name: string, parent: Node | undefined): Node => ({
    id,
    name,
    parent,
    children: new Map(),
    version: undefined,
    ephemeral: undefined,
  });
  const root = newNode(0, '', undefined);
  let nextId = 1;
  const byId = new Map([[0, root]]);
  // A parent is always older than its children, and so has a smaller number.
  for (const { key, value } of store.nodes.getRange({ start: Buffer.from([0]) })) {
    const id = readBits(key, 0, 6);
    const parent = byId.get(readBits(value, 0, 6));
    if (parent === undefined) throw new Error(`coordination record ${id} has no parent`);
    const node = newNode(id, Buffer.from(value).toString('utf8', 6), parent);
    byId.set(id, node);
    parent.children.set(node.name, node);
    nextId = id + 1;
  }

  const read = (node: Node) => {
    if (node.ephemeral !== undefined) return { value: Buffer.from(node.ephemeral.value), version: node.version ?? 0 };
    const stored = store.values.getBinary(idKey(node.id));
    if (stored === undefined) return undefined;
    const version = new DataView(stored.buffer, stored.byteOffset, VERSION_BYTES).getFloat64(0);
    return { value: Buffer.from(stored.subarray(VERSION_BYTES)), version };
  };
  const watchers = { value: new Map<string, Set<() => void>>(), children: new Map<string, Set<() => void>>() };

  return {
    writing: new Set(),
    needing: new Map(),
    find(path) {
      let node: Node | undefined = root;
      for (const name of path) node = node?.children.get(name);
      return node;
    },
    read,
    versionOf(node) {
      node.version ??= read(node)?.version;
      if (node.version === undefined) throw new CoordinationError('missing', `no value of record ${node.name}`);
      return node.version;
    },
    make(parent, name, ephemeral) {
      const node = newNode(nextId, name, parent);
      nextId += 1;
      node.version = 0;
      node.ephemeral = ephemeral;
      return node;
    },
    attach: (node) => node.parent?.children.set(node.name, node),
    detach(node) {
      if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
    },
    write(node, value, version) {
      const record = Buffer.allocUnsafeSlow(VERSION_BYTES + value.length);
      record.writeDoubleBE(version);
      record.set(value, VERSION_BYTES);
      return { database: store.values, key: idKey(node.id), value: record };
    },
    place: (node) => ({
      database: store.nodes,
      key: idKey(node.id),
      value: Buffer.concat([idKey(node.parent?.id ?? 0), Buffer.from(node.name)]),
    }),
    erase: (node) => [
      { database: store.nodes, key: idKey(node.id), value: null },
      { database: store.values, key: idKey(node.id), value: null },
    ],
    watch(path, what, listener) {
      const key = pathKey(path);
      const listeners = watchers[what].get(key) ?? new Set();
      // Each registration counts for itself, even with the same function.
      const registered = () => listener();
      listeners.add(registered);
      watchers[what].set(key, listeners);
      return () => {
        listeners.delete(registered);
        if (listeners.size === 0 && watchers[what].get(key) === listeners) watchers[what].delete(key);
      };
    },
    changed(path, what) {
      const listeners = watchers[what].get(pathKey(path));
      if (listeners === undefined) return;
      for (const listener of listeners) {
        queueMicrotask(() => {
          if (listeners.has(listener)) listener();
        });
      }
    },
  };
}

function idKey(id: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  key.writeUIntBE(id, 0, 6);
  return key;
}
