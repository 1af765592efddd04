import { type Client, type Fail, NodeEvent, type NodeStat } from './client.js';
import { Failure } from './failure.js';
import type { Gate } from './gate.js';

type What = 'value' | 'children';

/**
 * The watches of this process. ZooKeeper's fire once and end with their connection, so each is armed anew whenever it has fired, and all after a new
 * connection; the listeners are called as soon as it is armed again, so that no change falls between. A new watch is armed in the background:
 * its listeners are called if the node may have changed meanwhile, by the transaction ids that ZooKeeper sends along. Listeners of one node share
 * one watch. A watch that nobody listens to any more is forgotten; the server drops it when it fires or the connection ends.
 */
export interface Watches {
  watch(node: string, what: What, listener: () => void): () => void;
  /** A watch has fired. */
  changed(event: number, node: string): void;
  /** A connection is there: arms everything, and calls everybody. */
  connected(): void;
  disconnected(): void;
  /** Arms what could not be armed before. */
  retry(): void;
}

interface Watch {
  readonly node: string;
  readonly what: What;
  readonly listeners: Set<{ readonly call: () => void }>;
  /** `arming`: the request waits or is under way. */
  state: 'idle' | 'arming' | 'armed';
  /** What is later than this transaction was not known when the watch was asked for; undefined: take everything as changed. */
  since: bigint | undefined;
}

/** `seen`: the last transaction that this process knows of, if it is connected. */
export function openWatches(run: Gate['run'], seen: () => bigint | undefined): Watches {
  const watches = { value: new Map<string, Watch>(), children: new Map<string, Watch>() };

  function notify(watch: Watch): void {
    for (const listener of [...watch.listeners]) {
      // Apart from the socket's event, so that a listener that throws does not break the connection.
      queueMicrotask(() => {
        if (watch.listeners.has(listener)) listener.call();
      });
    }
  }

  /** Calls back with the last transaction that changed what is watched, or undefined if there is no such node. */
  type Look = (client: Client, ok: (changedAt: bigint | undefined) => void, fail: Fail) => void;

  // The state changes in the very callback of the reply: the event may be next in the same packet.
  const existence =
    (watch: Watch): Look =>
    (client, ok, fail) => {
      const found = (stat: NodeStat | undefined) => {
        // For children a node that is there needs another kind of watch.
        if (watch.what === 'value' || stat === undefined) watch.state = 'armed';
        ok(stat?.valueAt ?? (client.seen === watch.since ? watch.since : undefined));
      };
      client.exists(watch.node, true, found, fail);
    };

  const listing =
    (watch: Watch): Look =>
    (client, ok, fail) => {
      const found = (_: string[], stat: NodeStat) => {
        watch.state = 'armed';
        ok(stat.childrenAt);
      };
      client.getChildren(watch.node, true, found, (failure) =>
        failure.code === 'no_node' ? ok(undefined) : fail(failure),
      );
    };

  async function arm(watch: Watch): Promise<void> {
    watch.state = 'arming';
    const options = { deadline: Number.POSITIVE_INFINITY };
    try {
      let changedAt: bigint | undefined;
      // What is missing when its children are asked for may be there when its existence is asked for.
      while (watch.state === 'arming' && watch.listeners.size > 0) {
        if (watch.what === 'children') changedAt = await run(listing(watch), options);
        if (watch.state === 'arming') changedAt = await run(existence(watch), options);
      }
      const { since } = watch;
      watch.since = undefined;
      if (since === undefined || changedAt === undefined || changedAt > since) notify(watch);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      watch.since = undefined;
      if (watch.state === 'arming') watch.state = 'idle';
    }
  }

  function fired(watch: Watch | undefined): void {
    // What is being armed calls its listeners when that is done.
    if (watch?.state !== 'armed') return;
    watch.since = undefined;
    void arm(watch);
  }

  function* all(): Generator<Watch> {
    yield* watches.value.values();
    yield* watches.children.values();
  }

  function retry(): void {
    for (const watch of all()) if (watch.state === 'idle') void arm(watch);
  }

  return {
    watch: (node, what, call) => {
      const kind = watches[what];
      let watch = kind.get(node);
      if (watch === undefined) {
        watch = { node, what, listeners: new Set(), state: 'idle', since: seen() };
        kind.set(node, watch);
      }
      const joined = watch;
      const listener = { call };
      joined.listeners.add(listener);
      if (joined.state === 'idle') void arm(joined);
      return () => {
        if (joined.listeners.delete(listener) && joined.listeners.size === 0 && kind.get(node) === joined) {
          kind.delete(node);
        }
      };
    },
    changed: (event, node) => {
      if (event !== NodeEvent.children) fired(watches.value.get(node));
      if (event !== NodeEvent.changed) fired(watches.children.get(node));
    },
    connected: () => {
      for (const watch of all()) watch.since = undefined;
      retry();
    },
    disconnected: () => {
      for (const watch of all()) if (watch.state === 'armed') watch.state = 'idle';
    },
    retry,
  };
}
