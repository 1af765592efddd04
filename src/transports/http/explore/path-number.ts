import { BusError } from '../../../core/errors.js';

/** A whole number that is a part of the path. Throws INVALID_REQUEST. */
export function pathNumber(field: string, text: string | undefined): number {
  const value = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  const shown = JSON.stringify((text ?? '').slice(0, 80));
  throw new BusError('INVALID_REQUEST', `${field} ${shown} is not a whole number from 0 to 2^53 - 1`, {
    metadata: { field },
  });
}
