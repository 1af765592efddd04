import { performance } from 'node:perf_hooks';
import { CoordinationError, type Entry } from '../../core/ports/coordination.js';
import type { Client, NodeStat } from './client.js';
import { Failure } from './failure.js';
import type { Gate, RunOptions } from './gate.js';
import { parentOf } from './names.js';

/** The largest value, in bytes: with its request it stays below ZooKeeper's limit of 1 MiB. */
const maxValueBytes = 900 * 1024;
const maxVersion = 2 ** 31 - 1;

const nothing = new Uint8Array();

/** What a caller awaits at most. */
export function within(operationTimeoutMs: number): RunOptions {
  return { deadline: performance.now() + operationTimeoutMs };
}

export function checkValue(value: Uint8Array): void {
  if (value.length > maxValueBytes) {
    throw new CoordinationError('too_large', `a value of ${value.length} bytes is over the limit of ${maxValueBytes}`);
  }
}

/** ZooKeeper takes -1 for "any version": only real versions may get there. */
export function checkVersion(version: number): void {
  if (!Number.isInteger(version) || version < 0 || version > maxVersion) throw new Failure('bad_version');
}

/** Repeats what only reads when the link breaks under it, until its deadline. */
async function repeated<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isFailure(error, 'connection_loss')) throw error;
    }
  }
}

export function readNode(gate: Gate, node: string, options: RunOptions): Promise<Entry | undefined> {
  return repeated(() =>
    gate.run<Entry | undefined>(
      (client, ok, fail) =>
        client.getData(
          node,
          (value, { version }) => ok({ value, version }),
          (failure) => (failure.code === 'no_node' ? ok(undefined) : fail(failure)),
        ),
      options,
    ),
  );
}

export function listNode(gate: Gate, node: string, options: RunOptions): Promise<string[]> {
  return repeated(() =>
    gate.run<string[]>(
      (client, ok, fail) =>
        client.getChildren(node, false, ok, (failure) => (failure.code === 'no_node' ? ok([]) : fail(failure))),
      options,
    ),
  );
}

/** Lets the server that answers reads catch up with what the ensemble has acknowledged to anybody. */
export function syncServer(gate: Gate, options: RunOptions): Promise<void> {
  return repeated(() => gate.run<void>((client, ok, fail) => client.sync(() => ok(undefined), fail), options));
}

export function writeNode(
  gate: Gate,
  node: string,
  value: Uint8Array,
  version: number,
  options: RunOptions,
): Promise<number> {
  return gate.run((client, ok, fail) => client.setData(node, value, version, ok, fail), options);
}

export function removeNode(gate: Gate, node: string, version: number | undefined, options: RunOptions): Promise<void> {
  return gate.run((client, ok, fail) => client.remove(node, version, () => ok(undefined), fail), options);
}

/** Creates a node, and those above it where they are missing. */
export async function createNode(gate: Gate, node: string, value: Uint8Array, options: RunOptions): Promise<void> {
  await withParents(gate, node, options, () => createOnly(gate, node, value, false, options));
}

/**
 * Creates a node that vanishes with the session of `client`. When the link breaks it looks whether the node is there and belongs to
 * that session: an ephemeral has an owner, so that this is no guess.
 */
export async function createEphemeralNode(
  gate: Gate,
  client: Client,
  node: string,
  value: Uint8Array,
  deadline: number,
): Promise<void> {
  const options = { deadline, only: client };
  const owner = client.sessionId;
  let unsure = false;
  for (;;) {
    try {
      return await withParents(gate, node, options, () => createOnly(gate, node, value, true, options));
    } catch (error) {
      if (isFailure(error, 'connection_loss')) {
        unsure = true;
        continue;
      }
      if (!unsure || !isFailure(error, 'node_exists')) throw error;
      const stat = await repeated(() =>
        gate.run<NodeStat | undefined>((on, ok, fail) => on.exists(node, false, ok, fail), options),
      );
      if (stat?.owner === owner) return;
      if (stat !== undefined) throw error;
    }
  }
}

function createOnly(gate: Gate, node: string, value: Uint8Array, ephemeral: boolean, options: RunOptions) {
  return gate.run<void>(
    (client, ok, fail) => client.create(node, value, ephemeral, () => ok(undefined), fail),
    options,
  );
}

async function withParents(gate: Gate, node: string, options: RunOptions, create: () => Promise<void>): Promise<void> {
  // Somebody may delete an empty parent again: then once more, until the deadline.
  for (;;) {
    try {
      return await create();
    } catch (error) {
      const parent = parentOf(node);
      if (!isFailure(error, 'no_node') || parent === undefined) throw error;
      await ensureNode(gate, parent, options);
    }
  }
}

async function ensureNode(gate: Gate, node: string, options: RunOptions): Promise<void> {
  try {
    await repeated(() => withParents(gate, node, options, () => createOnly(gate, node, nothing, false, options)));
  } catch (error) {
    if (!isFailure(error, 'node_exists')) throw error;
  }
}

function isFailure(error: unknown, code: Failure['code']): boolean {
  return error instanceof Failure && error.code === code;
}
