/** The flags of `mainstem publish`. */
export interface PublishOptions {
  readonly key?: string;
  readonly batch: number;
  readonly schemaVersion?: number;
  readonly maxErrors: number;
  readonly idPointer?: string;
  readonly idempotencyKey?: string;
  readonly fromLine: number;
  /** Milliseconds. */
  readonly retryFor: number;
  readonly output: 'text' | 'json';
}
