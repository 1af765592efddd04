import { makeEvent, readSequence } from '../events.js';
import { messageReader, readFrame } from '../wire/frames.js';
import { numbered, publishTemplate, subscribeRequest } from '../wire/requests.js';
import { call, openStream } from './call.js';
import { subscribePath } from './catch-up.js';
import { closeConnections, openConnections } from './connections.js';
import { openLoop } from './open-loop.js';

export interface EndToEndPlan {
  readonly port: number;
  readonly topic: string;
  readonly eventBytes: number;
  readonly perSecond: number;
  readonly ms: number;
}

/** Unary publishes at a steady rate, and one live subscriber: milliseconds from when each event was due until it came out. */
export async function endToEnd({ port, topic, eventBytes, perSecond, ms }: EndToEndPlan): Promise<number[]> {
  const [publishing, subscribing] = await openConnections(port, 2);
  if (!publishing || !subscribing) throw new Error('no connection');
  const total = Math.round((perSecond * ms) / 1000);
  const due: number[] = [];
  const latencies: number[] = [];
  let onReady: () => void = () => undefined;
  let allSeen: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const seen = new Promise<void>((resolve) => {
    allSeen = resolve;
  });
  const onData = messageReader((message) =>
    readFrame(message, {
      ready: onReady,
      record(bytes, _partition, _offset, from) {
        const now = performance.now();
        latencies.push(now - (due[readSequence(bytes, from)] ?? now));
        if (latencies.length >= total) allSeen();
      },
    }),
  );
  const stream = openStream(subscribing, subscribePath, subscribeRequest(topic, 'latest', { follow: true }), onData);
  await ready;
  const template = publishTemplate(topic, [makeEvent(eventBytes)], true);
  const calls: Promise<void>[] = [];
  await openLoop(perSecond, total, (number, dueAt) => {
    due[number] = dueAt;
    calls.push(call(publishing, 'grpc', '/mainstem.v1.PublishService/Publish', numbered(template, number)));
  });
  await Promise.all(calls);
  await seen;
  stream.cancel();
  await closeConnections([publishing, subscribing]);
  return latencies;
}
