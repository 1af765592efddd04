import type { ClientHttp2Session } from 'node:http2';
import { makeEvent } from '../events.js';
import { eachField, messageReader } from '../wire/frames.js';
import { numbered, publishTemplate } from '../wire/requests.js';
import { closeConnections, openConnections } from './connections.js';
import type { Published } from './publish.js';

export interface StreamPlan {
  readonly port: number;
  readonly topic: string;
  readonly eventBytes: number;
  readonly streams: number;
  readonly ms: number;
  /** Whether each message is answered; else one answer at the end tells how many were counted. */
  readonly answered: boolean;
}

/** Publishes on streams, one event per message, as fast as the server reads. Throws unless every message is answered or counted. */
export async function publishStreams(plan: StreamPlan): Promise<Published> {
  const sessions = await openConnections(plan.port, plan.streams);
  const start = performance.now();
  const counts = await Promise.all(sessions.map((session, number) => publishStream(session, number, plan, start)));
  const seconds = (performance.now() - start) / 1000;
  await closeConnections(sessions);
  return { events: counts.reduce((sum, count) => sum + count, 0), seconds };
}

let sequence = 0;

async function publishStream(
  session: ClientHttp2Session,
  number: number,
  plan: StreamPlan,
  start: number,
): Promise<number> {
  const template = publishTemplate(plan.topic, [makeEvent(plan.eventBytes, number)], true);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/mainstem.v1.PublishService/PublishStream',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let sent = 0;
  let answers = 0;
  let counted = 0;
  let status: unknown;
  stream.on('trailers', (head) => {
    status = head['grpc-status'];
  });
  stream.on(
    'data',
    messageReader((message) => {
      answers++;
      eachField(message, 0, message.length, (field, value) => {
        if (field === 1) counted = value;
        if (field === 3) throw new Error('a batch of the stream failed');
      });
    }),
  );
  const closed = new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('close', resolve);
  });
  // As many as are written without waiting: several messages share a frame on the wire.
  while (performance.now() - start < plan.ms) {
    const messages = Array.from({ length: 16 }, () => numbered(template, sequence++));
    sent += messages.length;
    if (!stream.write(Buffer.concat(messages))) await new Promise((resolve) => stream.once('drain', resolve));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  stream.end();
  await closed;
  const done = plan.answered ? answers : counted;
  if (status !== '0' || done !== sent) throw new Error(`of ${sent} messages ${done} are done; status ${status}`);
  return sent;
}
