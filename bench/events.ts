/**
 * The bench's events: a JSON object of an exact size that begins with a sequence number and the number of its publisher, both of fixed
 * width, so that a prepared request is sent again and again by patching digits.
 */
export const firstSequence = 1_000_000_000;
const firstPublisher = 10;
/** Where the digits stand in a payload. */
export const sequenceAt = 7;
export const sequenceDigits = 10;
export const publisherAt = 30;

/** The schema of all of the bench's events; `variant` makes schemas that differ, and cost the same. */
export function eventSchema(variant = 0): string {
  const text = { type: 'string', minLength: 1, maxLength: 20_000 };
  const item = {
    type: 'object',
    required: ['sku', 'title', 'quantity', 'price'],
    additionalProperties: false,
    properties: { sku: text, title: text, quantity: { type: 'integer', minimum: 1 }, price: { type: 'number' } },
  };
  return JSON.stringify({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `order ${variant}`,
    type: 'object',
    required: ['seq', 'publisher'],
    additionalProperties: false,
    properties: {
      seq: { type: 'integer', minimum: 0 },
      publisher: { type: 'integer', minimum: 10, maximum: 99 },
      type: { enum: ['order.placed', 'order.changed', 'order.cancelled'] },
      customer: {
        type: 'object',
        required: ['id', 'email'],
        additionalProperties: false,
        properties: { id: text, name: text, email: text, vip: { type: 'boolean' } },
      },
      currency: { type: 'string', minLength: 3, maxLength: 3 },
      total: { type: 'number', minimum: 0 },
      items: { type: 'array', items: item, maxItems: 1000 },
      note: text,
      [`variant${variant}`]: { type: 'boolean' },
    },
  });
}

/** An event of exactly so many bytes, at least 60. From 400 bytes on it is a realistic order, whose items grow with the size. */
export function makeEvent(bytes: number, publisher = 0): Buffer {
  const head = `{"seq":${firstSequence},"publisher":${firstPublisher + publisher}`;
  const order =
    bytes < 400
      ? ''
      : ',"type":"order.placed","customer":{"id":"c-8812","name":"Ada Lovelace","email":"ada@example.org","vip":true},' +
        `"currency":"EUR","total":129.95,"items":[${items(bytes)}]`;
  const start = `${head}${order},"note":"`;
  const fill = bytes - start.length - 2;
  if (fill < 1) throw new RangeError(`an event of ${bytes} bytes is too small`);
  return Buffer.from(`${start}${'n'.repeat(fill)}"}`);
}

function items(bytes: number): string {
  const count = Math.max(1, Math.floor((bytes - 330) / 80));
  const one = '{"sku":"SKU-4711","title":"A thing that people buy","quantity":2,"price":19.99}';
  return Array.from({ length: count }, () => one).join(',');
}

/** What the bus keeps beside an event without metadata: what is appended beside it has the same. */
export const storedHeaders: readonly (readonly [string, Buffer])[] = [['mainstem_schema', Buffer.from('1')]];

/** Writes a sequence number over the digits at `at`. */
export function writeSequence(target: Uint8Array, at: number, sequence: number): void {
  let rest = sequence + firstSequence;
  for (let i = at + sequenceDigits - 1; i >= at; i--) {
    target[i] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** Reads the digits from `from` up to `to`. */
function readDigits(source: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + (source[i] ?? 0) - 0x30;
  return value;
}

export const readSequence = (payload: Uint8Array, at = 0): number =>
  readDigits(payload, at + sequenceAt, at + sequenceAt + sequenceDigits) - firstSequence;

export const readPublisher = (payload: Uint8Array, at = 0): number =>
  readDigits(payload, at + publisherAt, at + publisherAt + 2) - firstPublisher;
