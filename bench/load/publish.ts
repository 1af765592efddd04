import type { ClientHttp2Session } from 'node:http2';
import { makeEvent } from '../events.js';
import { numbered, publishTemplate, type Template } from '../wire/requests.js';
import { call, type Way } from './call.js';
import { closeConnections, openConnections } from './connections.js';
import { openLoop } from './open-loop.js';

/** Where unary publishes go, and what is in them. */
export interface PublishTarget {
  readonly port: number;
  /** `http`: one event as the body of the plain route; `raw`: as that of `POST /append`. */
  readonly protocol: Way;
  /** One after the other in turn. */
  readonly topics: readonly string[];
  readonly batch: number;
  readonly eventBytes: number;
}

export interface Published {
  readonly events: number;
  readonly seconds: number;
}

const publishPath = '/mainstem.v1.PublishService/Publish';

/** Makes the calls of one publisher: connections are numbered, and each counts for itself, so that its order can be checked. */
function publisher(target: PublishTarget, session: ClientHttp2Session, number: number) {
  const { protocol, batch, eventBytes, topics } = target;
  const event = makeEvent(eventBytes, number);
  const events = Array.from({ length: batch }, () => event);
  const alone: Template = { bytes: event, sequences: [7] };
  const calls = topics.map((topic): { readonly path: string; readonly template: Template } => {
    if (protocol === 'raw') return { path: '/append', template: alone };
    if (protocol === 'http') return { path: `/v1/topics/${topic}/events`, template: alone };
    return { path: publishPath, template: publishTemplate(topic, events, protocol === 'grpc') };
  });
  let turn = 0;
  return () => {
    const first = counters[number] ?? 0;
    counters[number] = first + batch;
    const next = calls[turn++ % calls.length];
    if (!next) throw new RangeError('a publisher needs a topic');
    return call(session, protocol, next.path, numbered(next.template, first));
  };
}
/** How far each publisher has counted: over all runs of this process. */
const counters: number[] = [];

export interface ClosedLoop extends PublishTarget {
  readonly inFlight: number;
  readonly connections: number;
  readonly ms: number;
}

/** Keeps so many calls in flight, and lets all of them finish at the end: what was counted is what the server has worked for. */
export async function closedLoop(plan: ClosedLoop): Promise<Published> {
  const sessions = await openConnections(plan.port, plan.connections);
  const publishers = sessions.map((session, number) => publisher(plan, session, number));
  const start = performance.now();
  let calls = 0;
  async function run(publish: (() => Promise<void>) | undefined): Promise<void> {
    while (publish && performance.now() - start < plan.ms) {
      await publish();
      calls++;
    }
  }
  await Promise.all(Array.from({ length: plan.inFlight }, (_, i) => run(publishers[i % publishers.length])));
  const seconds = (performance.now() - start) / 1000;
  await closeConnections(sessions);
  return { events: calls * plan.batch, seconds };
}

/** Calls at a steady rate, whether or not earlier ones were answered: milliseconds from when each was due to its answer. */
export async function steadyRate(
  plan: PublishTarget & { readonly perSecond: number; readonly connections: number; readonly ms: number },
): Promise<number[]> {
  const sessions = await openConnections(plan.port, plan.connections);
  const publishers = sessions.map((session, number) => publisher(plan, session, number));
  const total = Math.round((plan.perSecond * plan.ms) / 1000);
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  await openLoop(plan.perSecond, total, (number, dueAt) => {
    const publish = publishers[number % publishers.length];
    if (publish) calls.push(publish().then(() => void latencies.push(performance.now() - dueAt)));
  });
  await Promise.all(calls);
  await closeConnections(sessions);
  return latencies;
}
