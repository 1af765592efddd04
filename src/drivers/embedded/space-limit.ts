import { BusError } from '../../core/errors.js';
import type { Store } from './store.js';

/** How much room there is for records: the configured limit, and what the disk said last. */
export interface SpaceLimit {
  /** Why so many bytes cannot be appended now; undefined if they can. */
  refusal(bytes: number): BusError | undefined;
  /** So many bytes have been stored. */
  stored(bytes: number): void;
  /** The disk was full when it was last written to. */
  isFull(): boolean;
  /** Records have been removed: there may be room again. */
  freed(): void;
  /** The disk was full. */
  wasFull(): void;
}

const PAGE_BYTES = 4096;
/** How long to leave a full disk alone before looking at it again. */
const LOOK_AGAIN_MS = 1_000;

/**
 * @param maxBytes how many bytes of the data file records may take, in whole pages. The file itself can be somewhat larger: pages that are free are
 * used again, but the file does not shrink.
 */
export function spaceLimit(store: Store, maxBytes: number): SpaceLimit {
  let measured = measure(store);
  let since = 0;
  let full: { readonly at: number } | undefined;
  return {
    refusal(bytes) {
      if (full !== undefined && performance.now() - full.at < LOOK_AGAIN_MS) return diskFull(store);
      const pages = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
      if (measured + since + pages <= maxBytes) return undefined;
      // The sum is an estimate on the safe side; measuring costs some 100 µs.
      measured = measure(store);
      since = 0;
      if (measured + pages <= maxBytes) return undefined;
      return new BusError(
        'STORAGE_FULL',
        `the log in ${store.directory} holds ${measured} of at most ${maxBytes} bytes`,
      );
    },
    stored(bytes) {
      full = undefined;
      since += (Math.ceil(bytes / PAGE_BYTES) + 1) * PAGE_BYTES;
    },
    isFull: () => full !== undefined,
    freed() {
      // Pages that are free in the file can be used even while the disk has no room.
      full = undefined;
    },
    wasFull() {
      full = { at: performance.now() };
    },
  };
}

const diskFull = (store: Store) => new BusError('STORAGE_FULL', `the disk of ${store.directory} is full`);

/** lmdb's type says `{}`; the field names are those of its README, and checked here. */
function measure(store: Store): number {
  const stats: Partial<Record<string, unknown>> = store.batches.getStats();
  const count = (name: string): number => {
    const value = stats[name];
    return typeof value === 'number' ? value : 0;
  };
  const pages = count('treeBranchPageCount') + count('treeLeafPageCount') + count('overflowPages');
  return pages * (count('pageSize') || PAGE_BYTES);
}
