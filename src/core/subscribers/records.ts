import { CoordinationError, type Path } from '../ports/coordination.js';

export const subscribersPath: Path = ['subscribers'];

export function isKind(error: unknown, ...kinds: readonly CoordinationError['kind'][]): boolean {
  return error instanceof CoordinationError && kinds.includes(error.kind);
}

/** For what may have happened already. */
export function allow(...kinds: readonly CoordinationError['kind'][]): (error: unknown) => void {
  return (error) => {
    if (!isKind(error, ...kinds)) throw error;
  };
}
