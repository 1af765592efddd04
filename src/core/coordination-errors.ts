import { BusError } from './errors.js';
import { CoordinationError } from './ports/coordination.js';

/**
 * What a caller sees of a failure of coordination; other errors as by `BusError.from`. Conflicts are expected to be handled where they
 * happen: one that gets here is INTERNAL.
 */
export function toBusError(error: unknown): BusError {
  if (!(error instanceof CoordinationError)) return BusError.from(error);
  switch (error.kind) {
    case 'unavailable':
    case 'session_lost':
      return new BusError('COORDINATION_UNAVAILABLE', 'coordination does not answer; try again shortly', {
        cause: error,
      });
    case 'storage_full':
      return new BusError('STORAGE_FULL', 'the storage of coordination is full', { cause: error });
    case 'too_large':
      return new BusError('INVALID_REQUEST', 'this is too large for a record of coordination', { cause: error });
    default:
      return new BusError('INTERNAL', 'an unexpected conflict in coordination; the server log has the details', {
        cause: error,
      });
  }
}

/** Runs what fails with a BusError, as by `toBusError`. */
export async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toBusError(error);
  }
}
