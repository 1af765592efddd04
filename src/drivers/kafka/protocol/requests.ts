/** A request without its header, and how to read its answer. */
export interface KafkaRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly body: Buffer;
  /** A "flexible" version (KIP-482): both headers may carry optional fields. Default: it is not. */
  readonly flexible?: boolean;
  decode(response: Buffer): T | Promise<T>;
}

/** Whether a broker knows this version of an API. */
export type Supports = (apiKey: number, apiVersion: number) => boolean;

/** A request whose version depends on what the broker supports that gets it. */
export type ChosenRequest<T> = (supports: Supports) => KafkaRequest<T>;

export interface NodeAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** The answer for the one thing that was asked. */
export function firstOf<T>(items: readonly T[] | undefined, name: string): T {
  const first = items?.[0];
  if (first === undefined) throw new RangeError(`Kafka's answer to ${name} does not cover what was asked`);
  return first;
}
