import type { BusError } from '../errors.js';

/** The order that one stream of batches keeps: a partition in which something failed takes no more until the client goes on knowingly. */
export interface Order {
  /** Why nothing may be queued for a partition; undefined if it may. */
  check(topic: string, partition: number): BusError | undefined;
  halt(topic: string, partition: number, cause: BusError): void;
  /** An event of the batch that is being admitted is refused. */
  refused(cause: BusError): void;
}
