import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { openApp } from '../support/app-stand.js';
import { driverPairs } from '../support/pairs.js';

describe.each(await driverPairs())('topics over plain HTTP on $name', (pair) => {
  async function open() {
    const { address } = await openApp(pair);
    const client = createMainstemClient({ address });
    onTestFinished(() => client.close());
    const topic = `made-${randomUUID().slice(0, 8)}`;
    const ask = async (method: string, body?: string, query = '', type = 'application/json') => {
      const answer = await fetch(`${address}/v1/topics/${topic}${query}`, {
        method,
        body: body ?? null,
        headers: body === undefined ? {} : { 'content-type': type },
      });
      return { status: answer.status, body: JSON.parse(await answer.text()) };
    };
    return { client, topic, ask };
  }

  test('POST creates, PUT makes it as described, DELETE deletes', async () => {
    const { topic, ask } = await open();
    const schema = '{"type":"object","properties":{"n":{"maximum":12345678901234567890}}}';
    expect(await ask('POST', `{"partitions":2,"retention":"2d","keyPointer":"/n","schema":${schema}}`)).toMatchObject({
      status: 201,
      body: { topic: { name: topic, partitions: 2, schemaVersion: 1, keyPointer: '/n' } },
    });
    expect(await ask('POST', '{"schemaless":true}')).toMatchObject({
      status: 409,
      body: { reason: 'TOPIC_ALREADY_EXISTS' },
    });
    expect(await ask('GET')).toMatchObject({ body: { settings: { partitions: 2, retentionMs: 172_800_000 } } });
    // The schema is stored as its author wrote it.
    expect(await ask('PUT', `{"schemas":[${schema}]}`)).toMatchObject({ status: 200, body: { changes: [] } });
    const grown = await ask('PUT', `{"partitions":3,"schemas":[${schema}]}`);
    expect(grown).toMatchObject({ status: 200, body: { topic: { partitions: 3 }, changes: [expect.any(String)] } });
    expect(await ask('PUT', `{"schemas":[{"type":"string"}]}`)).toMatchObject({
      status: 409,
      body: { reason: 'SCHEMA_VERSION_CONFLICT' },
    });
    expect(await ask('DELETE')).toEqual({ status: 200, body: { deleted: topic } });
    expect(await ask('DELETE')).toMatchObject({ status: 404, body: { reason: 'TOPIC_NOT_FOUND' } });
    expect((await ask('PUT', '{"schemaless":true}')).status).toBe(200);
    expect((await ask('GET')).body).toMatchObject({ schemaless: true, partitions: 1 });
  });

  test('what is wrong is named, and a form of another page changes nothing', async () => {
    const { ask } = await open();
    expect(await ask('POST', '{"partition":2,"schemaless":true}')).toMatchObject({
      status: 400,
      body: { reason: 'TOPIC_SETTINGS_INVALID', detail: expect.stringContaining('partitions') },
    });
    expect((await ask('POST', '{"retention":"soon","schemaless":true}')).status).toBe(400);
    expect((await ask('POST', '{}')).status).toBe(400);
    expect((await ask('POST', '[]')).status).toBe(400);
    expect((await ask('POST', '{"schemaless":')).body).toMatchObject({ reason: 'INVALID_REQUEST' });
    expect((await ask('PUT', '{"schemas":{}}')).body).toMatchObject({ reason: 'INVALID_REQUEST' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      expect((await ask('POST', '{"schemaless":true}', '', type)).status).toBe(415);
    }
    expect((await ask('GET')).status).toBe(404);
  });

  test('a topic that subscribers stream is not deleted without force; the refusal names them', async () => {
    const { client, topic, ask } = await open();
    await ask('POST', '{"schemaless":true}');
    const leaving = new AbortController();
    onTestFinished(() => leaving.abort());
    const subscriber = `mart-${topic}`;
    const frames = client.frames({ topic, subscriber }, { signal: leaving.signal })[Symbol.asyncIterator]();
    expect((await frames.next()).value?.case).toBe('ready');
    const refused = { status: 409, body: { reason: 'TOPIC_IN_USE', detail: expect.stringContaining(subscriber) } };
    expect(await ask('DELETE')).toMatchObject(refused);
    await expect(client.topics.delete(topic)).rejects.toMatchObject({ reason: 'TOPIC_IN_USE', retryable: false });
    expect((await ask('GET')).status).toBe(200);
    expect((await ask('DELETE', undefined, '?force')).status).toBe(200);
    await expect(
      (async () => {
        for (;;) if ((await frames.next()).done) throw new Error('the stream ended');
      })(),
    ).rejects.toMatchObject({ reason: 'TOPIC_DELETED' });
    // One that has only positions, and no stream, is in nobody's way.
    await ask('POST', '{"schemaless":true}');
    await client.topics.delete(topic);
    expect((await ask('GET')).status).toBe(404);
  });
});
