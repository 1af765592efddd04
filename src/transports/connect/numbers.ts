import { BusError } from '../../core/errors.js';

/** An int64 of a request as a number. Throws INVALID_REQUEST for what a double cannot hold exactly; its range is the core's matter. */
export function fromInt64(field: string, value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new BusError('INVALID_REQUEST', `${field} is ${value}; its magnitude must be below 2^53`);
}
