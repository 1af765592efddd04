/**
 * Texts that a regular expression is likely to match: shortest ones first. They are only suggestions, the validator has the last word;
 * what is not understood gives none.
 */
export function patternExamples(source: string): string[] {
  const found = new Set<string>();
  for (let seed = 0; seed < variants; seed++) {
    const reader: Reader = { source, at: 0, seed };
    try {
      const text = alternatives(reader);
      if (reader.at === source.length && text.length <= longest) found.add(text);
    } catch (error) {
      if (!(error instanceof NotUnderstood)) throw error;
      return [];
    }
  }
  return [...found];
}

const variants = 8;
const longest = 10_000;

interface Reader {
  readonly source: string;
  at: number;
  /** Which alternatives, characters and repetitions to take. */
  readonly seed: number;
}

class NotUnderstood extends Error {}

function alternatives(reader: Reader): string {
  const texts = [sequence(reader)];
  while (reader.source[reader.at] === '|') {
    reader.at++;
    texts.push(sequence(reader));
  }
  return texts[reader.seed % texts.length] ?? '';
}

function sequence(reader: Reader): string {
  let text = '';
  while (reader.at < reader.source.length && !'|)'.includes(reader.source[reader.at] ?? '')) {
    const start = reader.at;
    text += atom(reader);
    const [least, most] = repetition(reader);
    if (least === 1 && most === 1) continue;
    const times = Math.min(most, least + (reader.seed % 3));
    const part = text.slice(text.length - lastLength(reader, start));
    text = text.slice(0, text.length - part.length) + part.repeat(times);
    if (text.length > longest) throw new NotUnderstood();
  }
  return text;
}

/** How long the text of the atom at a place is. */
function lastLength(reader: Reader, start: number): number {
  return atom({ ...reader, at: start }).length;
}

function atom(reader: Reader): string {
  const character = take(reader);
  switch (character) {
    case '^':
    case '$':
      return '';
    case '.':
      return pick(reader, ['a', 'b', '0']);
    case '(':
      return group(reader);
    case '[':
      return bracket(reader);
    case '\\':
      return escaped(reader);
    default:
      return character;
  }
}

function group(reader: Reader): string {
  const rest = reader.source.slice(reader.at);
  const opening = /^\?(?::|P?<\w+>)/.exec(rest)?.[0] ?? '';
  if (opening === '' && rest.startsWith('?')) throw new NotUnderstood();
  reader.at += opening.length;
  const text = alternatives(reader);
  if (take(reader) !== ')') throw new NotUnderstood();
  return text;
}

function escaped(reader: Reader): string {
  const character = take(reader);
  switch (character) {
    case 'd':
      return pick(reader, ['0', '1', '9']);
    case 'w':
      return pick(reader, ['a', 'Z', '0', '_']);
    case 's':
      return ' ';
    case 'D':
    case 'S':
      return pick(reader, ['a', '-']);
    case 'W':
      return pick(reader, ['-', ' ']);
    case 'b':
      return '';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'x':
    case 'u': {
      const code = /^(?:[0-9a-fA-F]{2,4}|\{[0-9a-fA-F]+\})/.exec(reader.source.slice(reader.at))?.[0] ?? '';
      const digits = code.replace(/[{}]/g, '').slice(0, character === 'x' && !code.startsWith('{') ? 2 : undefined);
      reader.at += code.startsWith('{') ? code.length : digits.length;
      return fromCode(Number.parseInt(digits, 16));
    }
    case 'p': {
      const name = /^(?:\{[^}]*\}|\w)/.exec(reader.source.slice(reader.at))?.[0] ?? '';
      reader.at += name.length;
      return pick(reader, /N/.test(name) ? ['0'] : ['a', 'A', 'é']);
    }
    default:
      if (/[A-Za-z0-9]/.test(character)) throw new NotUnderstood();
      return character;
  }
}

/** A character class: of what it names one, or, if it excludes, one of the usual characters. */
function bracket(reader: Reader): string {
  const excludes = reader.source[reader.at] === '^';
  if (excludes) reader.at++;
  const named: string[] = [];
  let ranges = '';
  const first = reader.at;
  while (reader.source[reader.at] !== ']' || reader.at === first) {
    const start = reader.at;
    const low = member(reader);
    named.push(low);
    if (reader.source[reader.at] === '-' && reader.source[reader.at + 1] !== ']') {
      reader.at++;
      const high = member(reader);
      named.push(fromCode(Math.min((low.codePointAt(0) ?? 0) + reader.seed, high.codePointAt(0) ?? 0)), high);
    }
    ranges += reader.source.slice(start, reader.at);
  }
  reader.at++;
  if (!excludes) return pick(reader, named);
  const usual = ['a', 'b', '0', '-', ' ', 'A', '~', 'é'].filter((character) => !contains(ranges, character));
  return pick(reader, usual);
}

/** One character of a character class. */
function member(reader: Reader): string {
  const character = take(reader);
  return character === '\\' ? escaped(reader) : character;
}

function contains(ranges: string, character: string): boolean {
  try {
    return new RegExp(`[${ranges}]`, 'u').test(character);
  } catch {
    return ranges.includes(character);
  }
}

function repetition(reader: Reader): [least: number, most: number] {
  const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(reader.source.slice(reader.at));
  if (found === null) return [1, 1];
  reader.at += found[0].length;
  const sign = found[0][0];
  if (sign === '*') return [0, Number.POSITIVE_INFINITY];
  if (sign === '+') return [1, Number.POSITIVE_INFINITY];
  if (sign === '?') return [0, 1];
  const least = Number(found[1]);
  if (found[2] === '') return [least, least];
  return [least, found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])];
}

function pick(reader: Reader, from: readonly string[]): string {
  const found = from[reader.seed % Math.max(1, from.length)];
  if (found === undefined) throw new NotUnderstood();
  return found;
}

function take(reader: Reader): string {
  const code = reader.source.codePointAt(reader.at);
  if (code === undefined) throw new NotUnderstood();
  const character = String.fromCodePoint(code);
  reader.at += character.length;
  return character;
}

function fromCode(code: number): string {
  if (!(code >= 0 && code <= 0x10ffff)) throw new NotUnderstood();
  return String.fromCodePoint(code);
}
