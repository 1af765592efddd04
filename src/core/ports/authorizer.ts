/** What a caller wants to do. */
export type Action = 'publish' | 'subscribe' | 'commit' | 'describe' | 'manage';

/** Decides what callers may do. Asked before anything is allocated for a call. */
export interface Authorizer {
  /** Throws PERMISSION_DENIED. `resource` is a topic's or a subscriber's name. */
  authorize(action: Action, resource: string): void;
}

/** Allows everything: until access control is built, the server listens on loopback unless told otherwise. */
export const allowAll: Authorizer = { authorize: () => undefined };
