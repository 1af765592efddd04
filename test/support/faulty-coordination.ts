import {
  type Coordination,
  CoordinationError,
  type Path,
  type WriteOutcome,
} from '../../src/core/ports/coordination.js';

/** Real coordination that can be made to fail before a write, as if the process had died there. */
export interface FaultyCoordination extends Coordination {
  /** Asked before each write, in order; true: it fails, and has not happened. */
  failsAt: ((write: { readonly what: 'create' | 'set' | 'delete'; readonly path: Path }) => boolean) | undefined;
  /** Writes of positions get no answer any more. */
  isSilent: boolean;
}

export function faultyCoordination(coordination: Coordination): FaultyCoordination {
  function check(what: 'create' | 'set' | 'delete', path: Path): void {
    if (faulty.failsAt?.({ what, path })) throw new CoordinationError('unavailable', 'made to fail');
  }
  const faulty: FaultyCoordination = Object.create(coordination, {
    failsAt: { value: undefined, writable: true },
    isSilent: { value: false, writable: true },
    create: {
      value: async (path: Path, value: Uint8Array) => {
        check('create', path);
        await coordination.create(path, value);
      },
    },
    set: {
      value: async (path: Path, value: Uint8Array, version: number) => {
        check('set', path);
        return coordination.set(path, value, version);
      },
    },
    delete: {
      value: async (path: Path, version?: number) => {
        check('delete', path);
        await coordination.delete(path, version);
      },
    },
    setMany: {
      // One after the other, so that it can end half-way, as the port allows.
      value: async (writes: Parameters<Coordination['setMany']>[0]) => {
        if (faulty.isSilent) await new Promise(() => undefined);
        const outcomes: WriteOutcome[] = [];
        for (const write of writes) {
          try {
            check('set', write.path);
            const [outcome] = await coordination.setMany([write]);
            if (outcome) outcomes.push(outcome);
          } catch (error) {
            if (!(error instanceof CoordinationError)) throw error;
            outcomes.push({ error });
          }
        }
        return outcomes;
      },
    },
  });
  return faulty;
}
