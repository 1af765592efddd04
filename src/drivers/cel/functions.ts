import {
  type CelFunc,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celList,
  celMethod,
  isCelError,
  isCelList,
  isCelMap,
  listType,
} from '@bufbuild/cel';
import { takeSteps } from './meter.js';
import { matchesPattern } from './patterns.js';
import { MeteredArray } from './values.js';

const { BOOL, DOUBLE, DYN, INT, STRING } = CelScalar;
const list = listType(DYN);

/** Beyond so many characters no text is a number, a time or a duration; reading a number of a million digits takes seconds. */
const longestNumber = 100;

type Cost = (values: readonly CelValue[]) => number;
const byLength: Cost = (values) => values.reduce<number>((sum, value) => sum + lengthOf(value), 0) / 64;
const byContents: Cost = (values) => values.reduce<number>((sum, value) => sum + stepsThrough(value), 0);

/** What the library's functions cost that take longer for larger values. What is not here takes the same time for all. */
const costs: Readonly<Record<string, Cost>> = {
  contains: ([text = '', part = '']) => {
    const [n, m] = [lengthOf(text), lengthOf(part)];
    return (n + m) / 64 + (m > 32 ? (n * m) / 512 : 0);
  },
  startsWith: byLength,
  endsWith: byLength,
  '_==_': byContents,
  '_!=_': byContents,
  '@in': byContents,
  '_<_': byLength,
  '_<=_': byLength,
  '_>_': byLength,
  '_>=_': byLength,
  '_+_': byLength,
  string: byLength,
  bytes: byLength,
};
const refuseLong: Cost = ([text = '']) => {
  if (lengthOf(text) > longestNumber) throw new Error(`a text of ${lengthOf(text)} characters is not converted`);
  return 1;
};

/** Time zones by name are looked up each time. */
const zoneCost = 5_000;

const readsText = new Set(['int', 'uint', 'double', 'bool', 'duration', 'timestamp']);

/** Takes steps for one round of a loop. No expression can call it: `@` begins no name. */
export const stepName = '@step';

/** The standard functions of CEL, each of which takes steps for what it costs; and arithmetic of doubles with ints, because numbers of JSON are doubles. */
export const functions: readonly CelFunc[] = [
  ...[...celEnv().funcs].flatMap((func) => metered(func) ?? []),
  celFunc(stepName, [INT], BOOL, (count) => {
    takeSteps(Number(count));
    return true;
  }),
  celMethod('matches', STRING, [STRING], BOOL, function (pattern) {
    return matchesPattern(this, pattern);
  }),
  celFunc('size', [STRING], INT, countCharacters),
  celMethod('size', STRING, [], INT, function () {
    return countCharacters(this);
  }),
  // The library's own keeps both lists, and takes longer for each one that is added.
  celFunc('_+_', [list, list], list, (left, right) => {
    takeSteps((left.size + right.size) / 16);
    return celList(MeteredArray.from<CelValue>([...left, ...right]));
  }),
  ...mixed('_+_', (left, right) => left + right),
  ...mixed('_-_', (left, right) => left - right),
  ...mixed('_*_', (left, right) => left * right),
  ...mixed('_/_', (left, right) => left / right),
  ...mixed('_%_', (left, right) => left % right),
  celFunc('_%_', [DOUBLE, DOUBLE], DOUBLE, (left, right) => left % right),
];

/** The same function, which takes steps first; undefined where it costs the same for all values. */
function metered(func: CelFunc): CelFunc | undefined {
  const { name, target, arguments: parameters, result } = func;
  const cost = costOf(func);
  if (!cost) return undefined;
  const call = (receiver: CelValue | undefined, values: CelValue[]): CelValue => {
    takeSteps(cost(receiver === undefined ? values : [receiver, ...values]));
    const outcome = func.call(0, receiver, values);
    if (outcome === undefined || isCelError(outcome)) throw outcome ?? new Error(`no such overload: ${name}`);
    return outcome;
  };
  if (target === undefined) return celFunc(name, parameters, result, (...values) => call(undefined, values));
  return celMethod(name, target, parameters, result, function (...values) {
    return call(this, values);
  });
}

function costOf({ name, target, arguments: parameters }: CelFunc): Cost | undefined {
  const types = [target, ...parameters].flatMap((type) => type?.name ?? []);
  if (name.startsWith('get')) return types.includes('string') ? () => zoneCost : undefined;
  if (readsText.has(name)) return types.includes('string') ? refuseLong : undefined;
  return types.some((type) => /^(string|bytes|list|map|dyn)$/.test(type)) ? costs[name] : undefined;
}

/** Of a text or bytes. */
function lengthOf(value: CelValue): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

/** What it takes to go through all of a value. It takes those steps while it counts; what is returned comes on top. */
function stepsThrough(value: CelValue): number {
  if (typeof value !== 'object' || value === null) return lengthOf(value) / 64;
  let steps = lengthOf(value) / 64;
  if (isCelList(value)) for (const each of value) steps += stepsThrough(each);
  else if (isCelMap(value)) for (const [, each] of value) steps += stepsThrough(each);
  return steps;
}

/** Characters as people count them: pairs of surrogates are one. */
function countCharacters(text: string): bigint {
  takeSteps(text.length / 16);
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
  }
  return BigInt(count);
}

function mixed(name: string, compute: (left: number, right: number) => number): CelFunc[] {
  return [
    celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => compute(left, Number(right))),
    celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => compute(Number(left), right)),
  ];
}
