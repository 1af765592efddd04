/** What is wrong with a text that is not JSON, and where. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  constructor(
    /** From 1. */
    readonly line: number,
    /** From 1. */
    readonly column: number,
    what: string,
  ) {
    super(`line ${line}, column ${column}: ${what}`);
  }
}

/** Parses JSON that people write: schemas and settings. Throws a JsonTextError that names line and column. */
export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (text.charCodeAt(0) === 0xfeff) throw new JsonTextError(1, 1, 'a byte order mark; save the file without one');
    const at = firstBadPrefix(text);
    const before = text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    const found = at < text.length ? `unexpected ${JSON.stringify(text[at])}` : 'the text ends too early';
    throw new JsonTextError(line, column, found);
  }
}

/**
 * The index of the character that makes the text wrong. V8 does not always tell, but a prefix tells by its error
 * whether it merely ends too early; so the shortest one that is wrong is found by halving.
 */
function firstBadPrefix(text: string): number {
  let good = 0;
  let bad = text.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isWrong(text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return good;
}

function isWrong(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return false;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (/^(Unexpected end|Unterminated string)/.test(message)) return false;
    const position = /at position (\d+)/.exec(message)?.[1];
    return position === undefined || Number(position) < prefix.length;
  }
}
