import { BusError } from '../../../core/errors.js';
import { isLines } from '../../../core/json-parts.js';
import type { PublishCommand, Publishing } from '../../../core/publish/command.js';
import { readBody } from '../body.js';
import { type Exchange, idempotencyKey } from '../exchange.js';
import { send } from '../problem.js';
import { answerText } from './answer.js';
import { requestKey } from './key.js';
import type { BodyKind } from './media-type.js';
import type { PublishQuery } from './parameters.js';
import { eventsOf } from './whole-body.js';

/** A body that is read whole, packed or unpacked, as for the calls: the largest batch in base64, and room for keys and headers. */
const maxBodyBytes = 16 * 1024 * 1024;

/** Publishes what a request brings at once: an event or a batch. */
export async function publishWhole(
  kind: Exclude<BodyKind, 'lines'>,
  exchange: Exchange,
  query: PublishQuery,
  publishing: Publishing,
): Promise<void> {
  for (const name of ['on_invalid', 'results'] as const) {
    if (query[name] !== undefined)
      throw new BusError('INVALID_REQUEST', `${name} is for lines (application/x-ndjson) only`, {
        metadata: { field: name },
      });
  }
  const { request, response, params, signal } = exchange;
  const key = requestKey(exchange, query.key);
  const body = await readBody(exchange, maxBodyBytes);
  const warnings: string[] = [];
  const command: PublishCommand = {
    topic: params.topic ?? '',
    mode: query.mode ?? 'all_or_nothing',
    schemaVersion: query.schema_version,
    idempotencyKey: idempotencyKey(exchange),
    events: eventsOf(kind, request, body, key),
    // The batched mode of CloudEvents allows it.
    mayBeEmpty: kind === 'cloud_events',
    onWarning: (warning) => void warnings.push(warning),
  };
  const results = await publishing.publish(command, signal).catch((error: unknown) => {
    throw explained(error, body);
  });
  const [only] = results;
  if (results.length === 1 && only?.status === 'rejected') throwIfLines(only.error, body);
  const stored = results.every(({ status }) => status === 'stored');
  send(response, stored ? 200 : 207, answerText(results, warnings), { 'content-type': 'application/json' });
}

/** The error of a body that is no JSON, and that it looks like lines of JSON if it does: then its type was meant to say so. */
function explained(error: unknown, body: Uint8Array): unknown {
  if (!(error instanceof BusError) || error.reason !== 'PAYLOAD_NOT_JSON' || !isLines(body)) return error;
  const { violations, metadata } = error;
  const hint = 'the body looks like a JSON value a line: send it with content-type: application/x-ndjson';
  return new BusError('PAYLOAD_NOT_JSON', `${error.message}; ${hint}`, { violations, metadata });
}

function throwIfLines(error: BusError, body: Uint8Array): void {
  const said = explained(error, body);
  if (said !== error) throw said;
}
