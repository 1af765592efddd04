import { mapped, toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import { createOwnEphemeral } from '../own-ephemeral.js';
import { type Clock, systemClock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Session } from '../ports/coordination.js';
import { retry } from '../retry.js';
import { currentLevel, type FormatLevel } from './format-level.js';
import {
  decodeFormat,
  decodeInstance,
  encodeFormat,
  encodeInstance,
  formatPath,
  type InstanceRecord,
  instancePath,
  instancesPath,
} from './records.js';

/** What is known of a fleet, for operators. */
export interface FleetInfo {
  /** The level that formats are written at. */
  readonly level: number;
  /** The highest level that this instance understands. */
  readonly understands: number;
  /** Whether the level is raised by itself; false until an operator has said that no older instance runs. */
  readonly automatic: boolean;
  /** Those that have registered, by name. */
  readonly instances: readonly InstanceRecord[];
}

export interface FleetAdmin {
  /** Throws COORDINATION_UNAVAILABLE. */
  describe(): Promise<FleetInfo>;
  /**
   * Raises the level to the highest that every registered instance understands, and lets it be raised by itself from now on. Only an operator knows that no
   * instance runs that does not register. Throws COORDINATION_UNAVAILABLE.
   */
  upgrade(): Promise<FleetInfo>;
}

export interface Fleet extends FleetAdmin, FormatLevel {
  /** Registers this instance. Throws COORDINATION_UNAVAILABLE; and a LevelTooHigh where the tree was written by newer versions. */
  start(): Promise<void>;
  /** Set where operators have to do something for the fleet to write new formats. */
  readonly notice: string | undefined;
  close(): void;
}

export interface FleetOptions {
  readonly coordination: Coordination;
  readonly clock?: Clock | undefined;
  /** A name of this instance, for people. */
  readonly instance: string;
  /** No other process can have this tree open. */
  readonly exclusive: boolean;
  /** The highest level that this instance understands. Default: `currentLevel`. For tests. */
  readonly understands?: number | undefined;
  /** The fleet writes formats now that this instance does not understand: it must not go on. */
  onTooHigh(error: LevelTooHigh): void;
  /** The level has changed. */
  onLevel?(level: number): void;
}

/** Other instances write formats that this one does not understand. */
export class LevelTooHigh extends Error {
  override readonly name = 'LevelTooHigh';
  constructor(level: number, understands: number) {
    super(
      `the records in coordination are written at format level ${level}, and this version of mainstem understands levels up to ${understands}: start a newer version`,
    );
  }
}

/** What a tree of topics and subscribers has at its root. */
const rootsOfUse = ['topics', 'subscribers', 'readers', 'generations'];

/**
 * Keeps a fleet's format level: a record of the level, and an ephemeral of each instance that says up to which level it understands. A fresh tree begins at the present
 * level, and so does a tree that only one process can have open. The level of an older tree is 0 until an operator calls `upgrade`, because instances of
 * versions before there were levels do not register. From then on whoever sees that every registered instance understands more raises it by compare-and-set.
 *
 * An instance writes the level's record anew right after it has registered: so whoever was about to raise the level without having seen it fails, and looks again.
 */
export function createFleet(options: FleetOptions): Fleet {
  const { coordination, instance, exclusive, understands = currentLevel } = options;
  const clock = options.clock ?? systemClock;
  const id = clock.uuid();
  const since = clock.wallTime();
  const closing = new AbortController();
  let level = 0;
  let automatic = false;
  let session: Session | undefined;
  let isStarted = false;
  let isLooking = false;
  let again = false;
  let unwatch: readonly (() => void)[] = [];

  /** Throws LevelTooHigh. */
  function learn(found: number): void {
    automatic = true;
    if (found > understands) throw new LevelTooHigh(found, understands);
    if (found === level) return;
    level = found;
    options.onLevel?.(level);
  }

  async function register(): Promise<void> {
    const current = await coordination.session();
    if (session === current) return;
    const value = encodeInstance({ instance, understands, since });
    await createOwnEphemeral(coordination, current, instancePath(id), value);
    session = current;
    await touch();
  }

  /** Makes a compare-and-set fail that is based on the instances from before this one registered. */
  async function touch(): Promise<void> {
    for (;;) {
      const found = await coordination.get(formatPath);
      if (!found) return;
      const raced = await coordination.set(formatPath, found.value, found.version).then(
        () => false,
        (error: unknown) => isRace(error),
      );
      if (!raced) return;
    }
  }

  /** The level of a tree that has none yet. */
  async function begin(): Promise<void> {
    const roots = await coordination.children([]);
    const isFresh = !rootsOfUse.some((name) => roots.includes(name));
    if (!exclusive && !isFresh) return;
    await coordination.create(formatPath, encodeFormat({ level: understands })).catch(allowExisting);
  }

  async function instances(): Promise<InstanceRecord[]> {
    const names = await coordination.children(instancesPath);
    const entries = await Promise.all(names.map((name) => coordination.get(instancePath(name))));
    return entries
      .filter((entry) => entry !== undefined)
      .map(({ value }) => decodeInstance(value))
      .sort((a, b) => (a.instance < b.instance ? -1 : 1));
  }

  /** Raises the level as far as all registered instances allow; the instances are read after the record that is to be replaced. */
  async function raise(): Promise<void> {
    for (;;) {
      const found = await coordination.get(formatPath);
      if (!found) return;
      const now = decodeFormat(found.value).level;
      learn(now);
      const all = exclusive ? [] : await instances();
      const common = Math.min(understands, ...all.map((each) => each.understands));
      if (common <= now) return;
      const raced = await coordination.set(formatPath, encodeFormat({ level: common }), found.version).then(
        () => false,
        (error: unknown) => isRace(error),
      );
      if (!raced) learn(common);
    }
  }

  async function look(): Promise<void> {
    await register();
    await raise();
  }

  /** One look at a time; a change during one is looked at once more. */
  async function lookSoon(): Promise<void> {
    again = true;
    if (isLooking) return;
    isLooking = true;
    try {
      while (again && !closing.signal.aborted) {
        again = false;
        await retry(look, { clock, signal: closing.signal, maxMs: 5_000, retries: isAway });
      }
    } catch (error) {
      if (error instanceof LevelTooHigh) options.onTooHigh(error);
    } finally {
      isLooking = false;
    }
  }

  async function describe(): Promise<FleetInfo> {
    return { level, understands, automatic, instances: await mapped(instances) };
  }

  return {
    get level() {
      return level;
    },
    get notice() {
      if (!isStarted || automatic) return undefined;
      return 'formats are written at level 0, as version 1606b0d and older understand them. Once no such instance runs any more, `mainstem fleet upgrade` lets the fleet write the present ones';
    },
    async start() {
      try {
        await register();
        if ((await coordination.get(formatPath)) === undefined) await begin();
        await raise();
      } catch (error) {
        if (error instanceof LevelTooHigh) throw error;
        throw toBusError(error);
      }
      if (isStarted || closing.signal.aborted) return;
      isStarted = true;
      unwatch = [
        coordination.watch(formatPath, 'value', () => void lookSoon()),
        coordination.watch(instancesPath, 'children', () => void lookSoon()),
      ];
      void lookSoon();
    },
    describe,
    async upgrade() {
      if (!isStarted) throw new BusError('COORDINATION_UNAVAILABLE', 'this instance has not started yet; try again');
      await mapped(async () => {
        await coordination.create(formatPath, encodeFormat({ level: 0 })).catch(allowExisting);
        await raise();
      });
      return describe();
    },
    close() {
      closing.abort();
      for (const stop of unwatch) stop();
    },
  };
}

function allowExisting(error: unknown): void {
  if (!(error instanceof CoordinationError && error.kind === 'exists')) throw error;
}

/** Throws what is not a lost race. */
function isRace(error: unknown): true {
  if (error instanceof CoordinationError && (error.kind === 'conflict' || error.kind === 'missing')) return true;
  throw error;
}

function isAway(error: unknown): boolean {
  return error instanceof CoordinationError && (error.kind === 'unavailable' || error.kind === 'session_lost');
}
