/** One connection to one broker. What a Kafka library has to offer us; everything else is ours. */
export interface KafkaLink {
  isOpen(): boolean;
  /** Whether the broker knows this version of an API. */
  supports(apiKey: number, apiVersion: number): boolean;
  /** Sends a request and returns the answer, without their headers. Requests are answered in order. Throws LinkFailure. */
  exchange(request: RawRequest, timeoutMs: number): Promise<Buffer>;
  /** Closes at once; what is under way fails. */
  destroy(): void;
}

export interface RawRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly body: Buffer;
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
