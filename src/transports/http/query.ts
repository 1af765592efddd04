import { parseDuration } from '../../core/duration-text.js';
import { BusError } from '../../core/errors.js';

/** A part of an OpenAPI or JSON Schema document. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/** A parameter of the query: what the documents say of it, and how its text is read. */
export interface QueryParameter<T> {
  readonly description: string;
  /** JSON Schema. */
  readonly schema: JsonObject;
  /** Whether it may come more than once; `parse` then gets each. Default false. */
  readonly repeats?: boolean;
  /** Throws an Error that says what it may be. */
  readonly parse: (text: string) => T;
}

export type QueryParameters = Readonly<Record<string, QueryParameter<unknown>>>;

/** What was asked for, by name: undefined where it was not. */
export type QueryOf<Q extends QueryParameters> = {
  readonly [K in keyof Q]: Q[K] extends QueryParameter<infer T>
    ? (Q[K] extends { readonly repeats: true } ? readonly T[] : T) | undefined
    : never;
};

/** Throws INVALID_REQUEST for a parameter that nobody declared, one that came twice, and one that cannot be read: none is ignored. */
export function readQuery<Q extends QueryParameters>(declared: Q, query: URLSearchParams): QueryOf<Q> {
  const values: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const parameter = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (!parameter) throw unknownParameter(name, Object.keys(declared));
    const texts = query.getAll(name);
    if (texts.length > 1 && !parameter.repeats) {
      throw invalid(name, `the query has ${name} ${texts.length} times; once is possible`);
    }
    const read = texts.map((text) => {
      try {
        return parameter.parse(text);
      } catch (error) {
        if (error instanceof BusError) throw error;
        throw invalid(name, `${name}: ${error instanceof Error ? error.message : error}`);
      }
    });
    values[name] = parameter.repeats ? read : read[0];
  }
  // Every value was made by the `parse` of its own parameter.
  return values as QueryOf<Q>;
}

function unknownParameter(name: string, known: readonly string[]): BusError {
  const shown = JSON.stringify(name.slice(0, 80));
  const possible = known.length > 0 ? `possible are ${known.join(', ')}` : 'it takes none';
  return invalid(name.slice(0, 80), `the query parameter ${shown} is not one of this route; ${possible}`);
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}

export function textParameter(description: string, schema: JsonObject = {}): QueryParameter<string> {
  return { description, schema: { type: 'string', ...schema }, parse: (text) => text };
}

export function choiceParameter<const T extends string>(description: string, values: readonly T[]): QueryParameter<T> {
  return {
    description,
    schema: { type: 'string', enum: values },
    parse(text) {
      const value = values.find((each) => each === text);
      if (value === undefined)
        throw new Error(`${JSON.stringify(text.slice(0, 80))} is not one of ${values.join(', ')}`);
      return value;
    },
  };
}

export function flagParameter(description: string, fallback: boolean): QueryParameter<boolean> {
  return {
    description,
    schema: { type: 'boolean', default: fallback },
    parse(text) {
      // `?data_only` alone means yes.
      if (text === '' || text === 'true' || text === '1') return true;
      if (text === 'false' || text === '0') return false;
      throw new Error(`${JSON.stringify(text.slice(0, 80))} is neither true nor false`);
    },
  };
}

export function numberParameter(
  description: string,
  { from, to, fallback }: { from: number; to: number; fallback?: number },
): QueryParameter<number> {
  return {
    description,
    schema: { type: 'integer', minimum: from, maximum: to, ...(fallback !== undefined && { default: fallback }) },
    parse(text) {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= from && value <= to) return value;
      throw new Error(`${JSON.stringify(text.slice(0, 80))} is not a whole number from ${from} to ${to}`);
    },
  };
}

/** In milliseconds. */
export function durationParameter(
  description: string,
  { from, to, orZero = false }: { from: string; to: string; orZero?: boolean },
): QueryParameter<number> {
  const [least = 0, most = Number.MAX_SAFE_INTEGER] = [parseDuration(from), parseDuration(to)];
  return {
    description,
    schema: { type: 'string', examples: [from, to] },
    parse(text) {
      const ms = parseDuration(text);
      if (orZero && text === '0') return 0;
      if (ms !== undefined && ms >= least && ms <= most) return ms;
      throw new Error(
        `${JSON.stringify(text.slice(0, 80))} is not a duration from ${from} to ${to}${examplesIn(least, most)}${orZero ? ', or 0' : ''}`,
      );
    },
  };
}

/** Durations to copy, only such as the range allows. */
function examplesIn(least: number, most: number): string {
  const fit = ['250ms', '500ms', '2s', '10s', '30s', '5m', '12h', '7d'].filter((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= least && ms <= most;
  });
  return fit.length === 0 ? '' : `, such as ${fit.slice(0, 3).join(', ')}`;
}
