import { messageReader, readFrame } from '../wire/frames.js';
import { lineReader, linesRequest, type StreamForm } from '../wire/lines.js';
import { subscribeRequest } from '../wire/requests.js';
import { type ReadBack, sequenceCheck } from '../wire/sequences.js';
import { openStream } from './call.js';
import { closeConnections, openConnections } from './connections.js';

export const subscribePath = '/mainstem.v1.SubscribeService/Subscribe';

/** Reads a topic from its beginning to its end on one stream, and checks what comes. */
export async function catchUp(plan: {
  readonly port: number;
  readonly topic: string;
  /** Default gRPC. */
  readonly form?: StreamForm;
}): Promise<ReadBack & { seconds: number }> {
  const [session] = await openConnections(plan.port, 1);
  if (!session) throw new Error('no connection');
  const check = sequenceCheck();
  let ended = false;
  const start = performance.now();
  const { form = 'grpc' } = plan;
  const onEnd = () => {
    ended = true;
  };
  const onRecord = (bytes: Buffer, partition: number, offset: number, from: number) =>
    check.add(partition, offset, bytes, from);
  if (form === 'grpc') {
    const onData = messageReader((message) => readFrame(message, { record: onRecord, end: onEnd }));
    await openStream(session, subscribePath, subscribeRequest(plan.topic, 'earliest', { follow: false }), onData).ended;
  } else {
    const { path, headers } = linesRequest(plan.topic, form, 'earliest', false);
    await openStream(session, path, undefined, lineReader({ record: onRecord, end: onEnd }), headers).ended;
  }
  const seconds = (performance.now() - start) / 1000;
  await closeConnections([session]);
  if (!ended) throw new Error(`the stream of ${plan.topic} ended without an end frame`);
  return { ...check.result(), seconds };
}
