/**
 * Which formats may be written, so that every instance of a fleet can read them. Reading never depends on it: an instance reads all formats that it knows.
 *
 * | level | from it on                                                        |
 * | ----- | ----------------------------------------------------------------- |
 * | 0     | everything as version 1606b0d wrote it, but for optional fields   |
 * | 1     | cursors of format 2, which carry epochs and need fewer bits       |
 */
export interface FormatLevel {
  /** Only grows. */
  readonly level: number;
}

/** The highest level that this version understands. */
export const currentLevel = 1;

/** For what is alone: nobody else reads what it writes. */
export const presentFormats: FormatLevel = { level: currentLevel };
