import { BusError } from '../../../core/errors.js';
import type { StreamPosition } from '../../../core/subscribe/frames.js';
import type { JsonObject, QueryParameter } from '../query.js';

const names = ['topic', 'incarnation', 'partition', 'nextOffset'] as const;

/** JSON Schema of the positions in a body. */
export const positionsSchema: JsonObject = {
  type: 'array',
  maxItems: 10_000,
  items: {
    type: 'object',
    required: names,
    properties: {
      topic: { type: 'string' },
      incarnation: { type: 'string', description: 'The life of the topic, as `ready` and `assignment` lines say it.' },
      partition: { type: 'integer', minimum: 0 },
      nextOffset: { type: 'integer', minimum: 0, description: 'The offset after the last processed record.' },
    },
    additionalProperties: false,
  },
};

/** `position=orders/3f2a…/0/17`, several times. */
export const positionParameter: QueryParameter<StreamPosition> & { readonly repeats: true } = {
  description: 'A position: topic/incarnation/partition/next offset. Several times for several partitions.',
  schema: { type: 'array', items: { type: 'string' } },
  repeats: true,
  parse(text) {
    const [topic, incarnation, partition, nextOffset, ...rest] = text.split('/');
    if (topic && incarnation && isNumber(partition) && isNumber(nextOffset) && rest.length === 0) {
      return { topic, incarnation, partition: Number(partition), nextOffset: Number(nextOffset) };
    }
    throw new Error(`${JSON.stringify(text.slice(0, 80))} is not topic/incarnation/partition/next offset`);
  },
};

/** The positions in a body. Throws INVALID_REQUEST, naming the field. */
export function positionsIn(value: unknown): StreamPosition[] {
  if (!Array.isArray(value)) throw invalid('positions', 'positions is not an array');
  return value.map((each: unknown, i) => {
    const { topic, incarnation, partition, nextOffset, ...rest }: Record<string, unknown> =
      typeof each === 'object' && each !== null ? { ...each } : {};
    const [unknown] = Object.keys(rest);
    const isWhole =
      typeof topic === 'string' &&
      typeof incarnation === 'string' &&
      typeof partition === 'number' &&
      typeof nextOffset === 'number';
    if (isWhole && unknown === undefined) return { topic, incarnation, partition, nextOffset };
    throw invalid(
      `positions[${i}]`,
      `positions[${i}] is not {"topic":"…","incarnation":"…","partition":…,"nextOffset":…}`,
    );
  });
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,16}$/.test(text);
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
