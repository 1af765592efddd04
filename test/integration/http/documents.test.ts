import specs from '@asyncapi/specs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { serveBus } from '../../support/app-stand.js';
import { openBus } from '../../support/open-bus.js';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly channels: Readonly<Record<string, { readonly address: string }>>;
  readonly operations: object;
}

async function fetchDocument(url: string): Promise<Document> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  return JSON.parse(await answer.text());
}

test('openapi.json is valid OpenAPI 3.1, and every part of it that it refers to is there', async () => {
  const { address } = await serveBus(await openBus());
  const document = await fetchDocument(`${address}/openapi.json`);
  expect(await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)).toMatchObject(
    {
      valid: true,
    },
  );
  const text = JSON.stringify(document);
  for (const [, pointer = ''] of text.matchAll(/"[$]ref":"#([^"]+)"/g)) {
    const found = pointer
      .slice(1)
      .split('/')
      .reduce(
        (at: unknown, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
        document,
      );
    expect(found, pointer).toBeTypeOf('object');
  }
  const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((each) => each.operationId));
  expect(new Set(ids).size).toBe(ids.length);
  // What an operation's path names, the operation describes.
  for (const [path, operations] of Object.entries(document.paths)) {
    const named = [...path.matchAll(/[{](\w+)[}]/g)].map(([, name]) => name);
    for (const operation of Object.values(operations)) {
      const { parameters = [] } = operation as { parameters?: { in: string; name: string }[] };
      const described = parameters.filter((each) => each.in === 'path').map(({ name }) => name);
      expect(described.sort(), path).toEqual(named.sort());
    }
  }
});

test('every answer is what its schema in openapi.json says', async () => {
  const { address, bus, topic } = await serveBus(await openBus());
  const people = await topic('people');
  const payload = Buffer.from('{"firstName":"Ada","lastName":"Lovelace","age":36}');
  await bus.publisher.publish(
    { topic: people, mode: 'all_or_nothing', events: [{ payload, key: Buffer.from('ada'), id: '1', source: '/s' }] },
    AbortSignal.timeout(10_000),
  );
  const document = await fetchDocument(`${address}/openapi.json`);
  const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(document, 'doc');
  const answers: Record<string, string> = {
    '/v1/topics': '/v1/topics',
    '/v1/topics/{topic}': `/v1/topics/${people}`,
    '/v1/topics/{topic}/schemas/{version}': `/v1/topics/${people}/schemas/1`,
    '/v1/topics/{topic}/profile': `/v1/topics/${people}/profile`,
    '/v1/topics/{topic}/events/{partition}/{offset}': `/v1/topics/${people}/events/0/0`,
    '/v1/subscribers': '/v1/subscribers',
    '/readyz': '/readyz',
  };
  for (const [path, asked] of Object.entries(answers)) {
    const answer = await fetch(`${address}${asked}`);
    const pointer = path.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D');
    const schema = { $ref: `doc#/paths/${pointer}/get/responses/200/content/application~1json/schema` };
    const body: unknown = JSON.parse(await answer.text());
    expect(ajv.validate(schema, body), `${path}: ${ajv.errorsText()}\n${JSON.stringify(body)}`).toBe(true);
  }
  const problem: unknown = await (await fetch(`${address}/v1/topics/nobody`)).json();
  expect(ajv.validate({ $ref: 'doc#/components/schemas/Problem' }, problem), ajv.errorsText()).toBe(true);
});

test('asyncapi.json is valid AsyncAPI 3.0, with a channel for each topic and its schema', async () => {
  const { address, topic, bus } = await serveBus(await openBus());
  const people = await topic('people');
  const flights = await topic('flights');
  const free = await topic(undefined);
  const pointing = '{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}';
  await bus.topics.create({ name: 'pointing', settings: {}, schema: pointing, adopt: false });
  const document = await fetchDocument(`${address}/asyncapi.json`);
  // The bundle brings the meta-schema of draft 7 itself.
  const ajv = new Ajv({ strict: false, validateFormats: false, meta: false });
  const schema: Record<string, unknown> = { ...specs.schemas['3.0.0'] };
  expect(ajv.validate(schema, document), ajv.errorsText()).toBe(true);
  expect(document.channels[`topic-${people}`]).toMatchObject({
    address: `/v1/topics/${people}/events`,
    messages: { event: { payload: { schema: { title: 'Person', required: ['firstName', 'lastName'] } } } },
  });
  for (const name of [free, 'pointing']) {
    expect(document.channels[`topic-${name}`]).toMatchObject({ messages: { event: { payload: { schema: true } } } });
  }
  expect(Object.keys(document.channels)).toEqual(expect.arrayContaining(['topic', `topic-${flights}`]));
});
