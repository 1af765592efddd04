import type { ClientHttp2Session } from 'node:http2';
import { messageReader, readFrame } from '../wire/frames.js';
import { subscribeRequest } from '../wire/requests.js';
import { openStream } from './call.js';
import { subscribePath } from './catch-up.js';
import { closeConnections, openConnections } from './connections.js';

const perConnection = 500;
let sessions: ClientHttp2Session[] = [];

export interface IdlePlan {
  readonly port: number;
  readonly topic: string;
  readonly streams: number;
}

/** Opens streams that wait for events, in groups; resolves when each is ready. They stay until `closeIdle`. */
export async function openIdle({ port, topic, streams }: IdlePlan): Promise<void> {
  const more = await openConnections(port, Math.ceil(streams / perConnection));
  sessions.push(...more);
  const request = subscribeRequest(topic, 'latest', { follow: true });
  for (let done = 0; done < streams; done += 100) {
    await Promise.all(
      Array.from({ length: Math.min(100, streams - done) }, (_, i) => {
        const session = more[(done + i) % more.length];
        if (!session) throw new Error('no connection');
        return readyStream(session, request).ready;
      }),
    );
  }
}

export async function closeIdle(): Promise<void> {
  await closeConnections(sessions);
  sessions = [];
}

/** A stream of which only its start and its position are looked at. */
function readyStream(session: ClientHttp2Session, request: Buffer) {
  let cursor = '';
  let onReady: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  let owner = false;
  const onData = messageReader((message) =>
    readFrame(message, {
      cursor: (now) => {
        cursor = now;
      },
      assigned: (partitions) => {
        owner ||= partitions > 0;
        if (owner) onReady();
      },
    }),
  );
  const { ended } = openStream(session, subscribePath, request, onData);
  const failed = ended.then(() => Promise.reject(new Error('the stream ended')));
  failed.catch(() => undefined);
  return { ready: Promise.race([isReady, failed]), ended, cursor: () => cursor };
}

export interface ReconnectPlan extends IdlePlan {
  /** Each with a name of its own whose position the server keeps; else each remembers its own cursor. */
  readonly durable: boolean;
}

let reconnected: Promise<number> | undefined;

/** Opens subscribers that come back by themselves when their stream breaks. Resolves when each is ready for the first time. */
export async function openReconnecting(plan: ReconnectPlan): Promise<void> {
  const cursors: string[] = [];
  // Those of the round before, or of an attempt that failed, would keep their subscribers' partitions.
  await closeIdle();
  const connect = async (first: boolean): Promise<readonly Promise<void>[]> => {
    const mine = await openConnections(plan.port, Math.ceil(plan.streams / perConnection));
    sessions.push(...mine);
    const streams = Array.from({ length: plan.streams }, (_, i) => {
      const subscriber = plan.durable ? `mart-${i}` : undefined;
      const cursor = cursors[i];
      const from = first || cursor === undefined || plan.durable ? 'latest' : { cursor };
      const session = mine[i % mine.length];
      if (!session) throw new Error('no connection');
      return readyStream(session, subscribeRequest(plan.topic, from, { follow: true, subscriber }));
    });
    await Promise.all(streams.map(({ ready }) => ready));
    for (const [i, stream] of streams.entries()) cursors[i] = stream.cursor();
    return streams.map(({ ended }) => ended.catch(() => undefined));
  };
  const ended = await connect(true);
  reconnected = Promise.all(ended).then(async () => {
    for (;;) {
      try {
        await connect(false);
        return Date.now();
      } catch {
        await closeIdle();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });
}

/** Resolves with the time (ms since 1970) at which every stream was ready again. */
export async function allBack(): Promise<number> {
  if (reconnected === undefined) throw new Error('nothing is open');
  return reconnected;
}
