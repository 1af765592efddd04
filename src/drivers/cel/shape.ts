import { FilterMistake } from './invalid.js';
import { endOfText } from './syntax.js';

/** What an expression has at most, because parsing it takes longer than in proportion: nobody else is served meanwhile. */
const shapeLimits = {
  /** Brackets in each other. */
  depth: 32,
  /** Selectors of one value: `.name`, `[…]` and `(…)` one after the other. */
  selectors: 64,
  /** Pairs of brackets. */
  brackets: 250,
  /** Names, values and operators. */
  parts: 1_000,
};

const piece = /\s+|\/\/[^\n]*|\w+|[&|=]+|./suy;

/** Looks through the text of an expression before it is parsed. Throws a FilterMistake at what is too much. */
export function checkShape(expression: string): void {
  /** For each bracket that is open, and around them all: the selectors of the value that is being read. */
  const selectors = [0];
  let brackets = 0;
  let parts = 0;

  function select(at: number): void {
    const top = selectors.length - 1;
    const count = (selectors[top] ?? 0) + 1;
    selectors[top] = count;
    if (count > shapeLimits.selectors) {
      throw new FilterMistake(at, `at most ${shapeLimits.selectors} selectors may follow one another`);
    }
  }

  for (let at = 0; at < expression.length; ) {
    piece.lastIndex = at;
    const text = piece.exec(expression)?.[0] ?? expression.charAt(at);
    let end = at + text.length;
    if (text === '.') select(at);
    else if (text === '(' || text === '[' || text === '{') {
      select(at);
      selectors.push(0);
      brackets++;
      if (selectors.length - 1 > shapeLimits.depth) {
        throw new FilterMistake(
          at,
          `it is nested too deep: at most ${shapeLimits.depth} brackets may stand in each other`,
        );
      }
      if (brackets > shapeLimits.brackets) {
        throw new FilterMistake(at, `it has more than ${shapeLimits.brackets} pairs of brackets`);
      }
    } else if (text === ')' || text === ']' || text === '}') {
      if (selectors.length > 1) selectors.pop();
    } else if (text.trim() !== '' && !text.startsWith('//')) {
      // What is between two commas begins anew, as behind an operator.
      if (!/^\w/.test(text)) selectors[selectors.length - 1] = 0;
      if (text !== ',') parts++;
      if (parts > shapeLimits.parts) {
        throw new FilterMistake(at, `it has more than ${shapeLimits.parts} names, values and operators`);
      }
      if (text === '"' || text === "'") {
        const last = endOfText(expression, at);
        // The parser says what is wrong with a text that does not end.
        if (last === undefined) return;
        end = last + 1;
      }
    }
    at = end;
  }
}
