/** One connection to one broker. What a Kafka library has to offer us; everything else is ours. */
export interface KafkaLink {
  isOpen(): boolean;
  /** Whether the broker knows this version of an API. */
  supports(apiKey: number, apiVersion: number): boolean;
  /** Sends a request at once, and returns the answer, both without their headers. Waits for as long as the link is open. Throws LinkFailure. */
  exchange(request: RawRequest): Promise<Buffer>;
  /** Closes at once; what is under way fails for this reason. */
  destroy(why: Error): void;
}

export interface RawRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly body: Buffer;
  /** A "flexible" version (KIP-482): both headers may carry optional fields. Default: it is not. */
  readonly flexible?: boolean | undefined;
}

export interface LinkOptions {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
}

/** Connects, and learns what the broker supports. Throws LinkFailure. */
export type ConnectLink = (host: string, port: number, options: LinkOptions) => Promise<KafkaLink>;

/** A request that got no answer. */
export class LinkFailure extends Error {
  override readonly name = 'LinkFailure';
  constructor(
    message: string,
    /** It may have reached the broker, which may have done what it asks. */
    readonly sent: boolean,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

export function cannotConnect(host: string, port: number, cause: unknown): LinkFailure {
  return new LinkFailure(`cannot connect to ${host}:${port}: ${messageOf(cause)}`, false, { cause });
}

export function unanswered(name: string, sent: boolean, cause: unknown): LinkFailure {
  return new LinkFailure(`${name} got no answer: ${messageOf(cause)}`, sent, { cause });
}

// A failed attempt at several addresses of a host has a code, but no message.
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
