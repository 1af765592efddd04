import { BusError } from '../../../core/errors.js';
import { readBody } from '../body.js';
import { type Exchange, headerOf } from '../exchange.js';
import { ProblemError } from '../problem.js';

/** A body of 10,000 positions with the longest topic names takes about 4 MB; a cursor has 256 KiB at most. */
const mostBytes = 5 * 1024 * 1024;

/**
 * The members of a JSON object in a request's body.
 *
 * @param form an example of the body, for error messages. Throws INVALID_REQUEST; 415 for another content type.
 */
export async function readJsonBody<const N extends string>(
  exchange: Exchange,
  names: readonly N[],
  form: string,
): Promise<{ readonly [K in N]?: unknown }> {
  if (!isJson(headerOf(exchange, 'content-type'))) {
    const detail = `send ${form} with content-type: application/json, or all of it in the query and no body`;
    throw new ProblemError({ status: 415, title: 'Unsupported Media Type', detail }, { accept: 'application/json' });
  }
  const body = parsed(new TextDecoder().decode(await readBody(exchange, mostBytes)), form);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('body', `the body is not a JSON object; it has to be ${form}`);
  }
  const unknown = Object.keys(body).find((name) => !names.some((known) => known === name));
  if (unknown === undefined) return body;
  const shown = unknown.slice(0, 80);
  throw invalid(shown, `the body has ${JSON.stringify(shown)}; possible are ${names.join(', ')}`);
}

/** A generation, from a body or a query. Throws INVALID_REQUEST. */
export function requiredGeneration(generation: unknown): number {
  if (typeof generation === 'number' && Number.isSafeInteger(generation) && generation >= 0) return generation;
  const where = "it is in the assignment of the subscriber's stream";
  throw invalid('generation', `generation is required, a whole number: ${where}`);
}

/** A stream, from a body or a query. Throws INVALID_REQUEST. */
export function requiredStream({
  streamId,
  generation,
}: {
  readonly streamId?: unknown;
  readonly generation?: unknown;
}) {
  if (typeof streamId === 'string' && streamId !== '') return { streamId, generation: requiredGeneration(generation) };
  throw invalid('streamId', "streamId is required, a string: it is in the stream's ready line");
}

function parsed(text: string, form: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('body', `the body is not JSON; it has to be ${form}`);
  }
}

function isJson(contentType: string | undefined): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
