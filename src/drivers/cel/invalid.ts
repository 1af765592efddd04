import { BusError } from '../../core/errors.js';

/** How much of a long line is shown around the place. */
const shownBefore = 60;
const shownAfter = 40;

/** Something wrong at a place of an expression, in characters (UTF-16) from 0. */
export class FilterMistake extends Error {
  override readonly name = 'FilterMistake';
  constructor(
    readonly position: number,
    what: string,
  ) {
    super(what);
  }
}

/** A place in words. */
export function placeIn(expression: string, position: number): string {
  const { line, column } = locate(expression, position);
  return line === 1 && !expression.includes('\n') ? `character ${column}` : `line ${line}, column ${column}`;
}

/** FILTER_INVALID, with the line in question and a caret below the place. */
export function filterInvalid(expression: string, position: number, what: string): BusError {
  const { line, column, sketch } = locate(expression, position);
  return new BusError('FILTER_INVALID', `the filter is wrong at line ${line}, column ${column}: ${what}\n${sketch}`, {
    metadata: { position: String(position), line: String(line), column: String(column) },
  });
}

/** Line and column from 1. */
function locate(expression: string, position: number) {
  const before = expression.slice(0, position);
  const lineStart = before.lastIndexOf('\n') + 1;
  const lineEnd = expression.indexOf('\n', position);
  const column = position - lineStart;
  const text = expression.slice(lineStart, lineEnd < 0 ? undefined : lineEnd);
  const from = Math.max(0, column - shownBefore);
  const to = column + shownAfter;
  const head = `${from > 0 ? '…' : ''}${text.slice(from, column)}`;
  const tail = `${text.slice(column, to)}${to < text.length ? '…' : ''}`;
  // A tab takes up more than one place, and wide characters do: what is below them is kept the same.
  const indent = head.replace(/[^\t]/g, ' ');
  return { line: before.split('\n').length, column: column + 1, sketch: `  ${head}${tail}\n  ${indent}^` };
}
