import { RE2JS } from 're2js';
import { invalidSchema, schemaLimits } from '../../core/schema/form/limits.js';

/** What ajv calls to make a regular expression. */
export interface RegExpEngine {
  (pattern: string, flags: string): { test(text: string): boolean; toString(): string };
  readonly code: string;
}

/**
 * Regular expressions that take time linear in the text, whatever the pattern: RE2. Lookaround and back-references do not
 * exist there. Also, `\s` and `.` treat only ASCII white space and `\n` specially.
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
    return RE2JS.compile(RE2JS.translateRegExp(shortCategories(pattern)));
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
  Punctuation: 'P',
  Symbol: 'S',
  Separator: 'Z',
  Space_Separator: 'Zs',
  Other: 'C',
  Control: 'Cc',
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

function show(pattern: string): string {
  return JSON.stringify(pattern.length > 80 ? `${pattern.slice(0, 80)}…` : pattern);
}
