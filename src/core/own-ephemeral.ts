import { type Coordination, CoordinationError, type Path, type Session } from './ports/coordination.js';

/**
 * Creates an ephemeral whose name is this process's own. A record that is there already is a leftover of the same process: of an earlier session, or of an attempt
 * that was not answered. It is replaced, because it would vanish with that session.
 */
export async function createOwnEphemeral(
  coordination: Coordination,
  session: Session,
  path: Path,
  value: Uint8Array,
): Promise<void> {
  try {
    await session.createEphemeral(path, value);
  } catch (error) {
    if (!(error instanceof CoordinationError && error.kind === 'exists')) throw error;
    await removeIfThere(coordination, path);
    await session.createEphemeral(path, value);
  }
}

export async function removeIfThere(coordination: Coordination, path: Path): Promise<void> {
  try {
    await coordination.delete(path);
  } catch (error) {
    if (!(error instanceof CoordinationError && error.kind === 'missing')) throw error;
  }
}
