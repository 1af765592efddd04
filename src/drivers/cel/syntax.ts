import { FilterMistake } from './invalid.js';

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
/** What people write who know other languages. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [/^=(?!=)/, 'equal is written =='],
  [/^<>/, 'not equal is written !='],
  [/^(&(?!&)|and\b)/i, 'and is written &&'],
  [/^(\|(?!\|)|or\b)/i, 'or is written ||'],
  [/^not\b/i, 'not is written !'],
  [
    /^(is|like|between)\b/i,
    'CEL has no such operator; there are == != < <= > >= in && || !, and functions such as startsWith and matches',
  ],
];
/** Of errors of the parser, which are of no class that can be named. */
interface Located {
  readonly location: { readonly start: { readonly offset: number } };
}

/** What is wrong with an expression that does not parse, and where. */
export function syntaxMistake(expression: string, error: unknown): FilterMistake {
  if (error instanceof FilterMistake) return error;
  if (error instanceof RangeError) return new FilterMistake(0, 'it is nested too deep');
  const unbalanced = findUnbalanced(expression);
  if (unbalanced) return unbalanced;
  const message = error instanceof Error ? error.message.replace(/^<input>:\d+:\d+: /, '') : String(error);
  if (!isLocated(error)) return new FilterMistake(0, message);
  const { offset } = error.location.start;
  const rest = expression.slice(offset);
  if (rest.trim() === '') return new FilterMistake(offset, offset === 0 ? 'it is empty' : 'it ends too early');
  if (/(?:[-+*/%<>=!&|?:.,]|\bin)\s*$/.test(expression))
    return new FilterMistake(expression.trimEnd().length, 'it ends too early');
  const hint = foreign.find(([form]) => form.test(rest))?.[1];
  if (hint !== undefined) return new FilterMistake(offset, hint);
  if (!message.startsWith('found ')) return new FilterMistake(offset, message);
  return new FilterMistake(offset, 'what is before this place is whole, and what follows does not continue it');
}

function isLocated(error: unknown): error is Located {
  if (typeof error !== 'object' || error === null || !('location' in error)) return false;
  const { location } = error;
  if (typeof location !== 'object' || location === null || !('start' in location)) return false;
  const { start } = location;
  return typeof start === 'object' && start !== null && 'offset' in start && typeof start.offset === 'number';
}

/** A text or a bracket that is not closed, or a bracket that closes nothing: the parser would blame what stands before. */
function findUnbalanced(expression: string): FilterMistake | undefined {
  const open: number[] = [];
  for (let at = 0; at < expression.length; at++) {
    const c = expression.charAt(at);
    if (c === '"' || c === "'") {
      const end = endOfText(expression, at);
      if (end === undefined) return new FilterMistake(at, 'this text is not closed');
      at = end;
    } else if (expression.startsWith('//', at)) {
      at = (expression.indexOf('\n', at) + 1 || expression.length + 1) - 1;
    } else if (closing[c] !== undefined) {
      open.push(at);
    } else if (c === ')' || c === ']' || c === '}') {
      const start = open.pop();
      if (start === undefined || closing[expression.charAt(start)] !== c)
        return new FilterMistake(at, `this ${c} closes nothing`);
    }
  }
  const last = open.pop();
  return last === undefined ? undefined : new FilterMistake(last, `this ${expression.charAt(last)} is not closed`);
}

/** The last place of the text literal that begins here; undefined if it does not end. */
export function endOfText(expression: string, start: number): number | undefined {
  const quote = expression.charAt(start);
  const isRaw = /(^|[^a-z0-9_])(r|rb|br)$/i.test(expression.slice(Math.max(0, start - 3), start));
  const mark = expression.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  for (let at = start + mark.length; at < expression.length; at++) {
    if (expression.charAt(at) === '\\' && !isRaw) at++;
    else if (expression.startsWith(mark, at)) return at + mark.length - 1;
    else if (mark.length === 1 && expression.charAt(at) === '\n') return undefined;
  }
  return undefined;
}
