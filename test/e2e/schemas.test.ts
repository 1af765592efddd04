import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import { PublishService } from '../../src/gen/mainstem/v1/publish_pb.js';
import {
  CompatibilityLevel,
  CompatibilityReading,
  CompatibilityVerdict,
  SchemaReportSchema,
  SchemaService,
  SchemaState,
} from '../../src/gen/mainstem/v1/schema_pb.js';
import { SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { driverPairs, type Place } from '../support/pairs.js';
import { startServer } from '../support/server.js';
import { until } from '../support/wait.js';

type Schema = Record<string, unknown> & { properties: Record<string, unknown>; required: string[] };

const first = readFileSync(join(import.meta.dirname, '../../schemas/people/1.json'), 'utf8');
/** The first version, changed. */
function changed(change: (schema: Schema) => void): string {
  const schema: Schema = JSON.parse(first);
  change(schema);
  return JSON.stringify(schema);
}
const withStatus = (...values: string[]) =>
  changed(({ properties }) => Object.assign(properties, { status: { enum: values } }));

async function start(place: Place) {
  const server = await startServer(place);
  onTestFinished(() => server.kill());
  const transport = createGrpcTransport({ baseUrl: server.address });
  const publisher = createClient(PublishService, transport);
  return {
    schemas: createClient(SchemaService, transport),
    subscriptions: createClient(SubscribeService, transport),
    publish: (topic: string, data: unknown, schemaVersion?: number) =>
      publisher.publish({
        topic,
        events: [{ payload: { case: 'jsonBytes', value: Buffer.from(JSON.stringify(data)) } }],
        ...(schemaVersion === undefined ? {} : { schemaVersion }),
      }),
  };
}

/** What a call fails with: its code, its reason, and the report if there is one. */
async function failure(work: Promise<unknown>) {
  const error = await work.then(
    () => new Error('the call did not fail'),
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [report] = error.findDetails(SchemaReportSchema);
  return { code: error.code, reason: info?.reason, message: error.rawMessage, report };
}

describe.each(await driverPairs())('schemas on $name', ({ place: newPlace }) => {
  test('a new user changes people four ways, and more', async () => {
    const place = await newPlace();
    const topic = place.topic('people');
    const { schemas, publish } = await start(place);
    const ada = { firstName: 'Ada', lastName: 'Lovelace' };
    for (const age of [1, 2, 3]) await publish(topic, { ...ada, age });

    // An optional enum property: accepted, with evidence.
    const options = { evidenceEvents: 1_000n };
    const checked = await schemas.checkSchema({ topic, definition: withStatus('active', 'left'), options });
    expect(checked).toMatchObject({
      nextVersion: 2,
      report: { accepted: true, evidence: { events: 3n, complete: true } },
    });
    expect(checked.report?.findings[0]).toMatchObject({ dependsOnReading: true, backward: true, version: 1 });
    const two = await schemas.registerSchema({ topic, definition: withStatus('active', 'left'), options });
    expect(two).toMatchObject({ created: true, schema: { version: 2, state: SchemaState.ACTIVE } });
    await publish(topic, { ...ada, status: 'left' });

    // Wider: accepted. Narrower: refused, with the document.
    const wide = withStatus('active', 'left', 'unknown');
    expect(await schemas.registerSchema({ topic, definition: wide })).toMatchObject({ schema: { version: 3 } });
    const narrow = withStatus('active');
    const refused = await failure(schemas.registerSchema({ topic, definition: narrow, options }));
    expect(refused).toMatchObject({ code: Code.FailedPrecondition, reason: 'SCHEMA_INCOMPATIBLE' });
    const [finding] = refused.report?.findings ?? [];
    expect(finding).toMatchObject({
      verdict: CompatibilityVerdict.INCOMPATIBLE,
      schemaPointer: '/properties/status/enum',
    });
    expect(JSON.parse(finding?.counterexample ?? '')).toHaveProperty('status');
    expect(refused.report?.evidence).toMatchObject({ events: 4n, refused: 1n, examples: [{ schemaVersion: 2 }] });

    // A property required: refused likewise.
    const required = changed((schema) => schema.required.push('age'));
    const also = await failure(schemas.registerSchema({ topic, definition: required }));
    expect(also.reason).toBe('SCHEMA_INCOMPATIBLE');
    expect(also.report?.findings[0]?.violation).toMatchObject({ rule: 'required' });

    // The same again, listed, compared.
    expect(await schemas.registerSchema({ topic, definition: first })).toMatchObject({
      created: false,
      schema: { version: 1 },
    });
    const listed = await schemas.listSchemas({ topic });
    expect(listed.schemas.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(listed.schemas[0]?.definition).toBe(first);
    expect(listed.policy).toMatchObject({ level: CompatibilityLevel.BACKWARD, reading: CompatibilityReading.DECLARED });
    expect(await schemas.diffSchemas({ topic, from: 2 })).toMatchObject({
      to: 3,
      changes: [{ pointer: '/properties/status/enum/2', before: '', after: '"unknown"' }],
      forward: { verdict: CompatibilityVerdict.INCOMPATIBLE },
    });

    // Dry runs of events.
    const events = [ada, { firstName: 'Ada' }].map((data) => ({
      payload: { case: 'jsonBytes' as const, value: Buffer.from(JSON.stringify(data)) },
    }));
    expect(await schemas.validateEvents({ topic, events })).toMatchObject({ valid: 1, version: 3 });
    expect(
      await schemas.validateEvents({ topic, events, against: { case: 'definition', value: required } }),
    ).toMatchObject({
      valid: 0,
      results: [{ reason: 'SCHEMA_VIOLATION' }, { violations: [{ rule: 'required' }, {}] }],
    });

    // States, and a policy under which all goes.
    await schemas.setSchemaState({ topic, version: 1, state: SchemaState.DEPRECATED });
    expect((await publish(topic, ada, 1)).warnings).toEqual([expect.stringContaining('version 1')]);
    expect((await publish(topic, ada)).warnings).toEqual([]);
    await schemas.setSchemaState({ topic, version: 1, state: SchemaState.CLOSED });
    expect(await failure(publish(topic, ada, 1))).toMatchObject({
      code: Code.FailedPrecondition,
      reason: 'SCHEMA_VERSION_CLOSED',
    });
    await schemas.setSchemaPolicy({ topic, policy: { level: CompatibilityLevel.NONE } });
    expect(await schemas.registerSchema({ topic, definition: narrow })).toMatchObject({ schema: { version: 4 } });
  }, 120_000);

  test('every mistake has its own error, and changes nothing', async () => {
    const place = await newPlace();
    const topic = place.topic('people');
    const { schemas } = await start(place);
    const definition = withStatus('a');
    const wrong: [string, () => Promise<unknown>][] = [
      ['SCHEMA_INVALID', () => schemas.registerSchema({ topic, definition: '{' })],
      ['SCHEMA_INVALID', () => schemas.checkSchema({ topic, definition: '{"type":"no"}' })],
      ['SCHEMA_INVALID', () => schemas.diffSchemas({ topic, to: { case: 'definition', value: '{"pattern":"("}' } })],
      ['SCHEMA_INVALID', () => schemas.registerSchema({ topic, definition: '{"$ref":"https://example.com/a"}' })],
      ['SCHEMA_VERSION_CONFLICT', () => schemas.registerSchema({ topic, definition, expectedVersion: 7 })],
      ['SCHEMA_VERSION_NOT_FOUND', () => schemas.getSchema({ topic, version: 7 })],
      ['SCHEMA_VERSION_NOT_FOUND', () => schemas.setSchemaState({ topic, version: 7, state: SchemaState.CLOSED })],
      ['SCHEMA_VERSION_IN_USE', () => schemas.setSchemaState({ topic, version: 1, state: SchemaState.CLOSED })],
      ['INVALID_REQUEST', () => schemas.setSchemaState({ topic, version: 1 })],
      ['INVALID_REQUEST', () => schemas.setSchemaPolicy({ topic, policy: { level: 99 as CompatibilityLevel } })],
      ['INVALID_REQUEST', () => schemas.validateEvents({ topic })],
      ['INVALID_REQUEST', () => schemas.checkSchema({ topic, definition, options: { evidenceEvents: -1n } })],
      ['INVALID_REQUEST', () => schemas.registerSchema({ topic, definition, options: { policy: { level: 1 } } })],
      ['TOPIC_NOT_FOUND', () => schemas.listSchemas({ topic: 'nobody' })],
      ['TOPIC_NAME_INVALID', () => schemas.listSchemas({ topic: 'a/b' })],
    ];
    for (const [reason, work] of wrong) expect(await failure(work())).toMatchObject({ reason });
    expect((await schemas.listSchemas({ topic })).schemas).toHaveLength(1);
  }, 120_000);
});

const fleets = (await driverPairs()).filter(({ name }) => name !== 'embedded');

describe.skipIf(fleets.length === 0).each(fleets)('two instances on $name', ({ place: newPlace }) => {
  test('race for versions and lose none; a new one is used by both, and a reader at one is named by the other', async () => {
    const place = await newPlace();
    const topic = place.topic('people');
    const [a, b] = await Promise.all([start(place), start(place)]);
    const wanted = Array.from({ length: 6 }, (_, i) =>
      changed((schema) => Object.assign(schema, { title: `Person ${i}` })),
    );
    const registered = await Promise.all(
      wanted.map((definition, i) => (i % 2 === 0 ? a : b).schemas.registerSchema({ topic, definition })),
    );
    expect(registered.map(({ schema }) => schema?.version).sort()).toEqual([2, 3, 4, 5, 6, 7]);
    const definitions = (await a.schemas.listSchemas({ topic })).schemas.slice(1).map(({ definition }) => definition);
    expect(definitions.sort()).toEqual(wanted.sort());
    // Only one of these can be the next.
    const both = await Promise.allSettled(
      [a, b].map(({ schemas }, i) =>
        schemas.registerSchema({ topic, definition: withStatus(`s${i}`), expectedVersion: 8 }),
      ),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);

    const ada = { firstName: 'Ada', lastName: 'Lovelace' };
    // Whichever has registered it: the other one hears of it a moment later.
    for (const { publish } of [a, b]) {
      await until(async () => (await publish(topic, ada)).results[0]?.schemaVersion === 8, { what: 'the new version' });
    }

    const call = new AbortController();
    onTestFinished(() => call.abort());
    const stream = a.subscriptions
      .subscribe({ topic, subscriber: 'mart', readerSchemaVersion: 8 }, { signal: call.signal })
      [Symbol.asyncIterator]();
    const ready = await stream.next();
    const definition = changed(({ properties }) => Object.assign(properties, { status: true }));
    const { report } = await b.schemas.checkSchema({ topic, definition });
    const streamId = ready.value?.frame.case === 'ready' ? ready.value.frame.value.streamId : '';
    expect(report?.brokenReaders).toMatchObject([{ subscriber: 'mart', streamId, readerSchemaVersion: 8 }]);
  }, 120_000);
});
