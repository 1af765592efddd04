import { _, type Ajv, type KeywordCxt, str } from 'ajv';
import { compareNumbers, isMultipleOf, numberText } from '../../core/numbers/exact-number.js';
import { leastStandIn, type StandIns } from './stand-ins.js';

interface Bound {
  readonly keyword: string;
  readonly sign: string;
  /** Whether a number breaks it that compares with the limit like this. */
  readonly breaks: (order: number) => boolean;
  /** The same as code, for doubles. */
  readonly code: (cxt: KeywordCxt, limit: number) => ReturnType<typeof _>;
}

const bounds: readonly Bound[] = [
  {
    keyword: 'maximum',
    sign: '<=',
    breaks: (order) => order > 0,
    code: ({ data }, limit) => _`${data} > ${limit}`,
  },
  {
    keyword: 'minimum',
    sign: '>=',
    breaks: (order) => order < 0,
    code: ({ data }, limit) => _`${data} < ${limit}`,
  },
  {
    keyword: 'exclusiveMaximum',
    sign: '<',
    breaks: (order) => order >= 0,
    code: ({ data }, limit) => _`${data} >= ${limit}`,
  },
  {
    keyword: 'exclusiveMinimum',
    sign: '>',
    breaks: (order) => order <= 0,
    code: ({ data }, limit) => _`${data} <= ${limit}`,
  },
];

/** Replaces the keywords that compare or divide numbers: they see the numbers behind stand-ins, and count in decimal. */
export function correctNumbers(ajv: Ajv, standIns: StandIns): void {
  const shown = (limit: unknown) => numberText(standIns.numberOf(Number(limit)));
  for (const bound of bounds) {
    const exactly = (value: number, limit: number) =>
      bound.breaks(compareNumbers(standIns.numberOf(value), standIns.numberOf(limit)));
    ajv.removeKeyword(bound.keyword);
    ajv.addKeyword({
      keyword: bound.keyword,
      type: 'number',
      schemaType: 'number',
      error: {
        message: ({ schema }) => str`must be ${bound.sign} ${shown(schema)}`,
        params: ({ schemaCode }) => _`{limit: ${schemaCode}}`,
      },
      code(cxt) {
        const { data, gen } = cxt;
        const limit = Number(cxt.schema);
        const asked = _`${gen.scopeValue('func', { ref: exactly })}(${data}, ${limit})`;
        if (typeof standIns.numberOf(limit) !== 'number') return cxt.fail(asked);
        const large = _`${data} >= ${leastStandIn} || ${data} <= ${-leastStandIn}`;
        cxt.fail(_`(${large}) ? ${asked} : ${bound.code(cxt, limit)}`);
      },
    });
  }
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    errors: false,
    compile: (divisor: number) => {
      const exact = standIns.numberOf(divisor);
      return (data: number) => isMultipleOf(standIns.numberOf(data), exact);
    },
    error: {
      message: ({ schema }) => str`must be multiple of ${shown(schema)}`,
      params: ({ schemaCode }) => _`{multipleOf: ${schemaCode}}`,
    },
  });
}
