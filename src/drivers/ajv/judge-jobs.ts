import type { Reason } from '../../core/errors.js';
import type { Refusal, ValidationRequest } from '../../core/ports/schema-judge.js';
import type { CompatibilityReport, CompatibilityRequest } from '../../core/schema/index.js';

/** What the judge's threads are asked. One at a time each. */
export type Job =
  | { readonly kind: 'compile'; readonly definition: string }
  | { readonly kind: 'compare'; readonly request: CompatibilityRequest }
  | { readonly kind: 'validate'; readonly request: PackedRequest };

/** Payloads one after the other: what is part of a larger buffer would be copied with all of it. */
export type PackedRequest = Omit<ValidationRequest, 'payloads'> & {
  readonly bytes: Uint8Array;
  /** Where each payload ends. */
  readonly ends: readonly number[];
};

export type Answer =
  | { readonly kind: 'compiled' }
  | { readonly kind: 'compared'; readonly report: CompatibilityReport }
  | { readonly kind: 'validated'; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: 'failed';
      readonly reason: Reason;
      readonly message: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly cause: string | undefined;
    };

export function pack({ payloads, ...rest }: ValidationRequest): PackedRequest {
  const bytes = new Uint8Array(payloads.reduce((sum, { length }) => sum + length, 0));
  const ends: number[] = [];
  let at = 0;
  for (const payload of payloads) {
    bytes.set(payload, at);
    at += payload.length;
    ends.push(at);
  }
  return { ...rest, bytes, ends };
}

export function unpack({ bytes, ends, ...rest }: PackedRequest): ValidationRequest {
  return { ...rest, payloads: ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end)) };
}
