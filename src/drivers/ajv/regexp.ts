import { RE2JS } from 're2js';
import { invalidSchema, schemaLimits } from '../../core/schema/form/limits.js';

/** What ajv calls to make a regular expression. */
export interface RegExpEngine {
  (pattern: string, flags: string): { test(text: string): boolean; toString(): string };
  readonly code: string;
}

/**
 * Regular expressions of ECMAScript that take time linear in the text, whatever the pattern: by RE2. Lookaround and back-references do not
 * exist there.
 *
 * @param places where in the schema each pattern stands, for the message.
 * @param spend is told before each use what it costs at worst: one per 1,000 instructions and characters
 */
export function linearRegExps(places: ReadonlyMap<string, string>, spend: (steps: number) => void): RegExpEngine {
  const compile = (pattern: string) => {
    const place = places.get(pattern) ?? '';
    const expression = compileRe2(pattern, place);
    const size = expression.programSize();
    if (size > schemaLimits.patternProgram) {
      throw invalidSchema(place, `the regular expression ${show(pattern)} is too complex; reduce its repetitions`);
    }
    const test = (text: string) => {
      spend((size * text.length) / 1_000);
      return expression.test(text);
    };
    return { test, toString: () => pattern };
  };
  return Object.assign(compile, { code: 'linearRegExps' });
}

function compileRe2(pattern: string, place: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(asEcmaScript(shortCategories(pattern))));
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    const hint = /\(\?<?[=!]/.test(pattern)
      ? 'lookahead and lookbehind are not supported, because their time is not bounded (RE2 syntax applies)'
      : `${why} (RE2 syntax applies)`;
    throw invalidSchema(place, `the regular expression ${show(pattern)} cannot be used: ${hint}`, error);
  }
}

const categories: Readonly<Record<string, string>> = {
  Letter: 'L',
  Lowercase_Letter: 'Ll',
  Uppercase_Letter: 'Lu',
  Titlecase_Letter: 'Lt',
  Mark: 'M',
  Number: 'N',
  Decimal_Number: 'Nd',
  digit: 'Nd',
  Punctuation: 'P',
  punct: 'P',
  Symbol: 'S',
  Separator: 'Z',
  Space_Separator: 'Zs',
  Other: 'C',
  Control: 'Cc',
  cntrl: 'Cc',
};

/** ECMAScript's long names of Unicode categories and scripts, of which RE2 knows the short ones. */
function shortCategories(pattern: string): string {
  return pattern.replace(
    /\\([pP])\{(?:(?:gc|General_Category|sc|Script)=)?(\w+)\}/g,
    (_all, p: string, name: string) => {
      return `\\${p}{${categories[name] ?? name}}`;
    },
  );
}

/** What ECMAScript takes for white space, and all that it does not, as parts of a class. */
const white = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const notWhite =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}' +
  '\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';
const anyButLineEnds = '[^\\n\\r\\x{2028}\\x{2029}]';

/** Spells out `\s`, `\S` and `.`, for which RE2 knows only ASCII. */
function asEcmaScript(pattern: string): string {
  let inClass = false;
  return pattern.replace(/\\[\s\S]|[[\].]/g, (part) => {
    if (part === '[' || part === ']') inClass = part === '[';
    if (part === '.') return inClass ? part : anyButLineEnds;
    if (part !== '\\s' && part !== '\\S') return part;
    const members = part === '\\s' ? white : notWhite;
    return inClass ? members : `[${members}]`;
  });
}

function show(pattern: string): string {
  return JSON.stringify(pattern.length > 80 ? `${pattern.slice(0, 80)}…` : pattern);
}
