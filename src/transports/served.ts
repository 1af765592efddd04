import type { Exploration } from '../core/explore/exploration.js';
import type { FleetAdmin } from '../core/fleet/index.js';
import type { Publishing } from '../core/publish/command.js';
import type { SchemaRegistry } from '../core/schema-registry/commands.js';
import type { Subscriptions } from '../core/subscribe/frames.js';
import type { Subscribers } from '../core/subscribers/index.js';
import type { TopicAdmin } from '../core/topics/topic.js';
import type { OpenStreams } from './open-streams.js';
import type { Readiness } from './readiness.js';

/** Told of every error that the caller is not to see the cause of: for the log. `method` is `package.Service/Method`, or `GET /path`. */
export type OnInternalError = (cause: unknown, method: string) => void;

/** What the transports serve. Where a path is undefined its service is not there: calls of it are UNIMPLEMENTED. */
export interface Served {
  readonly publishing: Publishing | undefined;
  readonly subscriptions: Subscriptions | undefined;
  /** The operation of subscribers: served where subscriptions are. */
  readonly subscribers?: Subscribers | undefined;
  /** A look at what topics hold. Undefined: its routes are not there. */
  readonly exploration?: Exploration | undefined;
  readonly topics: TopicAdmin;
  readonly schemas: SchemaRegistry;
  /** The instances, and the formats that they write. Undefined: its service is not there. */
  readonly fleet?: FleetAdmin | undefined;
  readonly readiness: () => Readiness;
  /** Hears the cause of every `internal` error, which the caller does not. */
  readonly onInternalError: OnInternalError;
  /** Aborted, with a BusError as its reason, when calls that would go on for ever have to end. Default: never. */
  readonly draining?: AbortSignal | undefined;
  /** The answers that are streams, for a server that stops. Default: none are known. */
  readonly streams?: OpenStreams | undefined;
  /** The largest request message, and what one may unpack to. Default 16 MiB. */
  readonly readMaxBytes?: number | undefined;
  /** Whether usual calls over HTTP/2 that send one message take the short way. Default true. */
  readonly fastLane?: boolean | undefined;
  /** Origins whose pages may call, such as `https://app.example.org`; `*`: all. Default: none. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Refuses browsers that ask for a host of another name, see foreign-hosts: for what listens on loopback. Default false. */
  readonly ownHostsOnly?: boolean | undefined;
  /**
   * How long a client may take nothing of what waits for it: one on HTTP/1.1 whose stream owns partitions, and one that leaves the results of its upload unread.
   * Milliseconds; default 30,000.
   */
  readonly stalledMs?: number | undefined;
}
