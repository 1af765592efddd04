import type { ClientHttp2Session } from 'node:http2';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { makeEvent, sequenceAt, storedHeaders, writeSequence } from '../events.js';
import { openLog } from '../measured/open-log.js';
import { messageReader, readFrame } from '../wire/frames.js';
import { lineReader, linesRequest, type StreamForm } from '../wire/lines.js';
import { envelope, field, numbered, publishTemplate, subscribeRequest } from '../wire/requests.js';
import { call, openStream } from './call.js';
import { subscribePath } from './catch-up.js';
import { closeConnections, openConnections } from './connections.js';

/** Streams per connection; the server allows 1,000. */
const perConnection = 500;

export interface FanOutPlan {
  readonly port: number;
  readonly topic: string;
  readonly streams: number;
  readonly batch: number;
  readonly eventBytes: number;
  readonly ms: number;
  /** How events get in: published through the server, appended to its log by us, or emitted by the raw reference. */
  readonly through: 'publish' | 'emit' | { readonly log: string };
  /** Default gRPC. */
  readonly form?: StreamForm;
}

export interface FannedOut {
  readonly events: number;
  readonly deliveries: number;
  readonly seconds: number;
  /** Records that did not follow the one before on their stream. */
  readonly outOfOrder: number;
}

/** The live streams of a plan, opened before the measurement begins. */
interface LiveStreams {
  readonly sessions: ClientHttp2Session[];
  readonly publishing: ClientHttp2Session;
  deliveries: number;
  outOfOrder: number;
  wake: () => void;
}
const open = new Map<string, LiveStreams>();
/** Streams of one topic get what is sent to any of them. */
const nameOf = ({ port, topic }: FanOutPlan) => `${port}/${topic}`;
let logs: { readonly place: string; readonly log: EventLog } | undefined;
let sequence = 0;

/** Opens the streams of a topic, unless they are open; resolves when each is ready. They stay until `closeFanOut`. */
export async function openFanOut(plan: FanOutPlan): Promise<void> {
  if (open.has(nameOf(plan))) return;
  const { port, topic, streams, through, form = 'grpc' } = plan;
  const sessions = await openConnections(port, Math.max(1, Math.ceil(streams / perConnection)));
  const [publishing] = await openConnections(port, 1);
  if (!publishing) throw new Error('no connection');
  const state: LiveStreams = { sessions, publishing, deliveries: 0, outOfOrder: 0, wake: () => undefined };
  open.set(nameOf(plan), state);
  const request = subscribeRequest(topic, 'latest', { follow: true });
  const path = through === 'emit' ? `/stream/${topic}` : subscribePath;
  const ready = Array.from({ length: streams }, (_, i) => {
    const session = sessions[i % sessions.length];
    if (!session) throw new Error('no connection');
    return new Promise<void>((resolve, reject) => {
      let next: number | undefined;
      const onFrame = {
        ready: resolve,
        record(_bytes: Buffer, _partition: number, offset: number) {
          if (next !== undefined && offset !== next && through !== 'emit') state.outOfOrder++;
          next = offset + 1;
          state.deliveries++;
        },
      };
      const onBytes = form === 'grpc' ? messageReader((message) => readFrame(message, onFrame)) : lineReader(onFrame);
      const onData = (chunk: Buffer) => {
        onBytes(chunk);
        state.wake();
      };
      const lines = form === 'grpc' ? undefined : linesRequest(topic, form, 'latest', true);
      const stream = lines
        ? openStream(session, lines.path, undefined, onData, lines.headers)
        : openStream(session, path, through === 'emit' ? undefined : request, onData);
      stream.ended.then(() => reject(new Error('a live stream ended')), reject);
      // The reference says nothing but its headers.
      if (through === 'emit') stream.responded.then(resolve, reject);
    });
  });
  await Promise.all(ready);
  if (typeof through === 'object' && logs?.place !== through.log) {
    await logs?.log.close();
    logs = { place: through.log, log: await openLog(through.log) };
  }
}

/** Sends batch after batch, each when every stream has got the one before: frames have the same size on both sides. */
export async function pumpFanOut(plan: FanOutPlan): Promise<FannedOut> {
  const state = open.get(nameOf(plan));
  if (!state) throw new Error('open the streams first');
  const send = sender(plan, state.publishing);
  const before = state.deliveries;
  const start = performance.now();
  let events = 0;
  while (performance.now() - start < plan.ms) {
    await send();
    events += plan.batch;
    const wanted = before + events * plan.streams;
    while (state.deliveries < wanted) {
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
    }
  }
  const seconds = (performance.now() - start) / 1000;
  if (state.deliveries !== before + events * plan.streams) throw new Error('streams got more than was sent');
  return { events, deliveries: events * plan.streams, seconds, outOfOrder: state.outOfOrder };
}

/** Closes the streams of all topics. */
export async function closeFanOut(): Promise<void> {
  const all = [...open.values()];
  open.clear();
  await closeConnections(all.flatMap(({ sessions, publishing }) => [...sessions, publishing]));
}

function sender(plan: FanOutPlan, session: ClientHttp2Session): () => Promise<unknown> {
  const event = makeEvent(plan.eventBytes);
  const events = Array.from({ length: plan.batch }, () => event);
  const { through } = plan;
  if (through === 'publish') {
    const template = publishTemplate(plan.topic, events, true);
    return () => {
      sequence += plan.batch;
      return call(session, 'grpc', '/mainstem.v1.PublishService/Publish', numbered(template, sequence));
    };
  }
  if (through === 'emit') {
    const frame = eventsFrame(plan.topic, events);
    return () => call(session, 'raw', `/emit/${plan.topic}`, frame);
  }
  const { log } = logs ?? {};
  if (!log) throw new Error('the log is not open');
  return () => {
    const records = events.map(() => {
      const value = Buffer.from(event);
      writeSequence(value, sequenceAt, sequence++);
      return { key: null, value, headers: storedHeaders };
    });
    return log.append(plan.topic, 0, records);
  };
}

/** A gRPC message as the bus would send it for these events. */
function eventsFrame(topic: string, events: readonly Buffer[]): Buffer {
  const records = events.map((payload) => {
    const position = Buffer.from([0x08, 0, 0x10, 0x80, 0x80, 0x04]);
    const time = field(3, Buffer.from([0x08, 0x80, 0xb0, 0xd4, 0xc5, 0x06, 0x10, 0xc0, 0x84, 0x3d]));
    return field(2, Buffer.concat([position, time, field(5, payload), Buffer.from([0x30, 1, 0x38, 1])]));
  });
  const cursor = field(3, Buffer.from('c'.repeat(64)));
  const message = field(2, Buffer.concat([field(1, Buffer.from(topic)), ...records, cursor]));
  return envelope(message);
}
