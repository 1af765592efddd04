import { CoordinationError, type CoordinationErrorKind } from '../../core/ports/coordination.js';

/** Why an operation failed, in the terms of the protocol and of this driver. */
type FailureCode =
  | 'no_node'
  | 'node_exists'
  | 'bad_version'
  | 'not_empty'
  | 'ephemeral_parent'
  | 'quota'
  | 'no_auth'
  /** The link broke while the operation was under way: it may have happened. */
  | 'connection_loss'
  | 'session_expired'
  /** No answer in time: it may have happened. */
  | 'timeout'
  /** Never sent: too many operations wait. */
  | 'busy'
  /** Never sent: the driver is closed. */
  | 'closed'
  /** Never sent: the records are of a format that this build does not know. */
  | 'refused'
  | 'other';

export class Failure extends Error {
  override readonly name = 'ZooKeeperFailure';
  constructor(
    readonly code: FailureCode,
    message: string = code,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

const codes: Readonly<Record<number, FailureCode>> = {
  [-4]: 'connection_loss',
  [-101]: 'no_node',
  [-102]: 'no_auth',
  [-103]: 'bad_version',
  [-108]: 'ephemeral_parent',
  [-110]: 'node_exists',
  [-111]: 'not_empty',
  [-112]: 'session_expired',
  [-125]: 'quota',
};

const names: Readonly<Record<number, string>> = {
  [-4]: 'the connection was lost',
  [-102]: 'not permitted by the ACL of the node (NO_AUTH)',
  [-112]: 'the session has expired',
  [-118]: 'the session has moved to another connection',
  [-122]: 'the server gave up waiting for the quorum',
  [-127]: 'the server is throttling',
};

/** A failure from a code of ZooKeeper's `KeeperException`. */
export function failureOf(code: number): Failure {
  return new Failure(codes[code] ?? 'other', names[code] ?? `ZooKeeper error ${code}`);
}

const kinds: Partial<Readonly<Record<FailureCode, readonly [CoordinationErrorKind, string]>>> = {
  no_node: ['missing', 'there is no such record'],
  node_exists: ['exists', 'it exists already'],
  bad_version: ['conflict', 'it has another version'],
  not_empty: ['not_empty', 'it has records below it'],
  ephemeral_parent: ['conflict', 'the record above it is ephemeral, and can have none below it'],
  quota: ['storage_full', 'a quota of ZooKeeper is exceeded'],
};

/** An error of the port. `doing` says what failed: `set topics/orders`. */
export function toCoordinationError(error: unknown, doing: string): Error {
  if (error instanceof CoordinationError || !(error instanceof Failure)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const [kind, why] = kinds[error.code] ?? ['unavailable', error.message];
  return new CoordinationError(kind, `cannot ${doing}: ${why}`, { cause: error });
}
