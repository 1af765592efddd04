import type { Row } from '../row.js';
import type { Pair, Stage } from '../stage.js';

export interface CellOptions {
  readonly rounds: number;
  /** How long one slice of one subject takes: all rounds together make up `--seconds`. */
  readonly sliceMs: number;
}

/** A part of the bench that can be run alone. */
export interface Cell {
  readonly name: string;
  readonly describes: string;
  /** Default: both. */
  readonly pairs?: readonly Pair[];
  run(stage: Stage, options: CellOptions): Promise<Row[]>;
}
