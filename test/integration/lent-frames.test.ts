import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  StartPosition,
  SubscribeRequestSchema,
  SubscribeResponseSchema,
} from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { envelope } from '../support/http2-call.js';
import { type LaneStand, openLaneStand } from '../support/lane-stand.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { createRandom, type Random } from '../support/random.js';

const topics = ['a', 'b', 'c', 'd'];
const perTopic = 1_500;
/** Some 3 MiB per topic, with a few records that do not fit in a block. */
const payload = (topic: string, offset: number) =>
  JSON.stringify({ topic, offset, text: topic.repeat(offset % 331 === 7 ? 90_000 : (offset * 7919) % 3_000) });

let bus: TestBus;
let stand: LaneStand;
beforeAll(async () => {
  bus = await openBus();
  for (const name of topics) {
    await bus.topics.create({ name, settings: { schemaless: true }, adopt: false });
    for (let at = 0; at < perTopic; at += 50) {
      const records = Array.from({ length: 50 }, (_, i) => {
        return { key: null, value: Buffer.from(payload(name, at + i)), headers: [] };
      });
      await bus.log.append(name, 0, records);
    }
  }
  stand = await openLaneStand(bus, { subscriptions: bus.subscriptions });
});
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await bus[Symbol.asyncDispose]();
});

/** Reads a topic from its beginning, with pauses, to its end or until it has enough. Resolves with the number of records, each of which was right. */
async function read(session: ClientHttp2Session, topic: string, random: Random, enough: number): Promise<number> {
  const request = create(SubscribeRequestSchema, {
    topic,
    from: { case: 'position', value: StartPosition.EARLIEST },
    follow: false,
  });
  const path = '/mainstem.v1.SubscribeService/Subscribe';
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  stream.end(envelope(Buffer.from(toBinary(SubscribeRequestSchema, request))));
  await once(stream, 'response');
  let held = Buffer.alloc(0);
  let records = 0;
  for await (const chunk of stream) {
    held = Buffer.concat([held, chunk]);
    for (
      ;
      held.length >= 5 && held.length >= 5 + held.readUInt32BE(1);
      held = held.subarray(5 + held.readUInt32BE(1))
    ) {
      const { frame } = fromBinary(SubscribeResponseSchema, held.subarray(5, 5 + held.readUInt32BE(1)));
      if (frame.case !== 'events') continue;
      for (const record of frame.value.records) {
        const got = Buffer.from(record.jsonBytes).toString();
        // Not by `expect`, which would take long to show the difference.
        if (Number(record.offset) !== records || got !== payload(topic, records))
          throw new Error(`wrong at ${records}`);
        records++;
      }
    }
    if (records >= enough) break;
    if (random.next() < 0.05) await sleep(random.between(0, 10));
  }
  stream.close();
  return records;
}

test('streams that each have a topic to themselves get every byte of it, also where some pause and some leave', async () => {
  const random = createRandom(7);
  const sessions = [0, 1].map(() => connect(stand.lane, { settings: { initialWindowSize: 200_000 } }));
  try {
    await Promise.all(
      topics.map(async (topic, i) => {
        const session = sessions[i % 2];
        if (!session) throw new Error('no session');
        for (let turn = 0; turn < 4; turn++) {
          const enough = random.next() < 0.5 ? random.between(1, perTopic) : Number.POSITIVE_INFINITY;
          expect(await read(session, topic, random, enough)).toBeGreaterThanOrEqual(Math.min(enough, perTopic));
        }
      }),
    );
  } finally {
    for (const session of sessions) session.destroy();
  }
});
