import { BusError } from '../../../core/errors.js';
import type { Place, StartFrom, SubscribeCommand } from '../../../core/subscribe/frames.js';
import { parseStart } from '../../../core/subscribe/start-text.js';
import {
  choiceParameter,
  durationParameter,
  flagParameter,
  numberParameter,
  type QueryOf,
  type QueryParameter,
  textParameter,
} from '../query.js';

const most = Number.MAX_SAFE_INTEGER;
const place = 'earliest, latest, a time (2026-01-31T09:30:00Z, or -15m for 15 minutes ago), or a cursor';

/** What a stream can be asked for, whatever it streams. */
export const subscribeQuery = {
  from: {
    description: `Where to begin: ${place}; or offsets of one topic, as answers to publishing have them, by partition: 0:4711, or 0:4711,1:12. Partitions that it does not name begin at their beginning. Default: latest, or for a new subscriber earliest.`,
    schema: { type: 'string', examples: ['earliest', '-15m', '2026-01-31T09:30:00Z', '0:4711'] },
    parse: startOf,
  },
  partition: {
    description: 'Only these partitions of one topic, without a subscriber. Several times, or separated by commas.',
    schema: { type: 'array', items: { type: 'integer', minimum: 0 } },
    repeats: true,
    parse: partitionsOf,
  },
  until: placeParameter(
    `Where to end: ${place}. Of a topic whose publishers give the times, all that is there by that time is read, and later records are left out.`,
  ),
  limit: numberParameter('End after so many records.', { from: 1, to: most }),
  follow: flagParameter('Go on with what comes; false: end where the log ends now.', true),
  subscriber: textParameter('A durable subscriber: goes on where it has committed.'),
  on_expired: choiceParameter('If retention has removed what the cursor asks for. Default fail.', ['fail', 'skip']),
  heartbeat: durationParameter('How long the stream may be silent. Default 10s.', { from: '1s', to: '60s' }),
  data_only: flagParameter(
    'The payloads alone: no positions, no cursors, no control lines. On text/event-stream named events without content still carry the id to come back with.',
    false,
  ),
  id_each: flagParameter(
    'text/event-stream: each record has an id, the cursor after it, at the price of making one for each. Else the last record of each write has one.',
    false,
  ),
  filter: textParameter('A CEL expression: only the records for which it is true. The cursor passes over the others.'),
  fields: {
    description: 'JSON Pointers: only these parts of each payload. Several times, or separated by commas.',
    schema: { type: 'array', items: { type: 'string' } },
    repeats: true,
    // A comma may stand in a pointer; what begins a pointer is a slash.
    parse: (text: string) => text.split(/,(?=\/)/),
  },
  sample: sampleParameter('The share of records to send: chosen by position, the same for everybody who asks.'),
  commit_mode: choiceParameter(
    'Who commits: the client; the server, after a slice was handed to the connection or before it. Default explicit.',
    ['explicit', 'on_delivery', 'before_delivery'],
  ),
  positions: choiceParameter(
    'Who says where partitions begin: the committed positions, or the client by POST …/positions after each assignment. Default server.',
    ['server', 'client'],
  ),
  max_uncommitted: numberParameter('Delivery pauses while so many records are sent and not committed.', {
    from: 1,
    to: most,
  }),
  max_uncommitted_bytes: numberParameter('The same in bytes.', { from: 1, to: most }),
  commit_timeout: durationParameter(
    'Lose the partitions when records are sent and the consumer gives no sign of life (a commit, a park, reading, keep-alive) for so long, while other streams wait. 0: never. Default 5m.',
    { from: '1s', to: '1h', orZero: true },
  ),
  max_deliveries: numberParameter(
    'Records that were sent this often without a commit are sent one at a time, and the one that fails again is parked.',
    { from: 1, to: 1_000 },
  ),
  park_key_sequence: flagParameter('Park later events of a key too, while an earlier one of it is parked.', false),
  reader_schema_version: numberParameter(
    'The schema version that the reader understands: whoever changes the schema sees it.',
    {
      from: 1,
      to: most,
    },
  ),
} as const;

export type SubscribeQuery = QueryOf<typeof subscribeQuery>;

/** @param lastEventId where an EventSource that comes back has stopped: goes before `from`. */
export function toCommand(
  topics: Pick<SubscribeCommand, 'topic' | 'topics' | 'pattern'>,
  query: SubscribeQuery,
  lastEventId: string | undefined,
): SubscribeCommand {
  return {
    ...topics,
    partitions: query.partition?.flat(),
    subscriber: query.subscriber,
    from: lastEventId ? { at: 'cursor', cursor: lastEventId } : query.from,
    until: query.until,
    onExpired: query.on_expired,
    follow: query.follow,
    limit: query.limit,
    heartbeatMs: query.heartbeat,
    filter: query.filter,
    fields: query.fields?.flat(),
    sample: query.sample,
    commitMode: query.commit_mode,
    positionsFrom: query.positions,
    maxUncommitted: query.max_uncommitted,
    maxUncommittedBytes: query.max_uncommitted_bytes,
    commitTimeoutMs: query.commit_timeout,
    maxDeliveries: query.max_deliveries,
    parkKeySequence: query.park_key_sequence,
    readerSchemaVersion: query.reader_schema_version,
  };
}

function placeParameter(description: string): QueryParameter<Place> {
  return {
    description,
    schema: { type: 'string', examples: ['earliest', '-15m', '2026-01-31T09:30:00Z'] },
    parse(text) {
      const start = startOf(text);
      if (start.at !== 'offsets') return start;
      throw new Error(
        `${JSON.stringify(text.slice(0, 60))} is a list of offsets, at which a stream can begin, but not end`,
      );
    },
  };
}

function startOf(text: string): StartFrom {
  try {
    return parseStart(text, Date.now());
  } catch (error) {
    // So that the message begins with the parameter's name.
    throw error instanceof BusError ? new Error(error.message) : error;
  }
}

function partitionsOf(text: string): number[] {
  return text.split(',').map((each) => {
    if (/^\d{1,10}$/.test(each)) return Number(each);
    throw new Error(`${JSON.stringify(each.slice(0, 40))} is no partition, which are numbers from 0`);
  });
}

function sampleParameter(description: string): QueryParameter<number> {
  return {
    description,
    schema: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    parse(text) {
      const share = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
      if (share > 0 && share <= 1) return share;
      throw new Error(`${JSON.stringify(text.slice(0, 80))} is not a number above 0 and up to 1, such as 0.01`);
    },
  };
}
