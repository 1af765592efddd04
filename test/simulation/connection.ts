import { BusError } from '../../src/core/errors.js';
import type { Frame, SubscribeCommand } from '../../src/core/subscribe/frames.js';
import type { Bus } from './bus.js';
import type { History } from './history.js';
import type { Host } from './host.js';
import { Disconnected, type Network } from './network.js';
import { positionsOf } from './positions.js';
import type { Scheduler } from './scheduler.js';

/** A stream as its client has it. */
export interface Connection {
  readonly stream: number;
  /** The next frame. Rejects when the stream has ended, by whatever. */
  next(): Promise<Frame>;
  /** Hangs up. */
  close(): void;
}

/** How many frames may be on their way, or wait at the client. */
const windowFrames = 3;
/** When a server finds out that a client has vanished without a word. */
const halfOpenMs = 30_000;

export interface Connecting {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly history: History;
  nextStream(): number;
  /** Streams that instances have open: since when each has been asked for a frame, if it is, in unpaused time. */
  readonly open: Map<number, { readonly host: Host; askedAt: number | undefined }>;
}

/** Opens a stream of an instance: frames arrive in order, and no more are sent than the client takes. */
export function connect(sim: Connecting, client: Host, bus: Bus, command: SubscribeCommand): Connection {
  const { scheduler, network, history } = sim;
  const stream = sim.nextStream();
  const call = new AbortController();
  const inbox: Frame[] = [];
  let ended: unknown;
  let over = false;
  let wake: () => void = () => undefined;
  let lastArrival = 0;

  /** Over one connection nothing overtakes. */
  function toClient(act: () => void): void {
    lastArrival = Math.max(lastArrival, scheduler.now() + network.latency());
    scheduler.after(lastArrival - scheduler.now(), () => client.run(act));
  }

  function end(why: unknown): void {
    if (over) return;
    over = true;
    ended = why;
    wake();
  }

  let credit = windowFrames;
  let onCredit: () => void = () => undefined;
  const grant = () => {
    scheduler.after(network.latency(), () =>
      bus.host.run(() => {
        credit++;
        onCredit();
      }),
    );
  };
  const hangUp = () =>
    bus.host.run(() => {
      call.abort(new BusError('CANCELLED', 'the client has gone'));
      sim.open.delete(stream);
      onCredit();
    });

  async function serve(): Promise<void> {
    const { core } = bus;
    if (!core) throw new BusError('LOG_UNAVAILABLE', 'the instance is not ready yet');
    let streamId = '';
    let generation: number | undefined;
    const frames = core.subscriptions.subscribe(command, call.signal)[Symbol.asyncIterator]();
    const asking = { host: bus.host, askedAt: undefined as number | undefined };
    sim.open.set(stream, asking);
    for (;;) {
      while (credit <= 0 && !call.signal.aborted) await new Promise<void>((resolve) => (onCredit = resolve));
      const askedAt = bus.host.unpausedMs();
      asking.askedAt = askedAt;
      const { value: frame, done } = await frames.next();
      asking.askedAt = undefined;
      if (done) return;
      if (frame.kind === 'ready') streamId = frame.streamId;
      if (frame.kind === 'ready' || frame.kind === 'assignment') generation = frame.assignment.generation;
      history.add({
        kind: 'frame',
        stream,
        streamId,
        frame: frame.kind === 'end' ? `end:${frame.reason}` : frame.kind,
        waitedMs: Math.round(bus.host.unpausedMs() - askedAt),
        generation,
        positions: positionsOf(frame.kind === 'assignment' ? frame.assignment.cursor : frame.cursor),
        records:
          frame.kind === 'events'
            ? frame.deliveries.map(({ partition, record }) => ({
                topic: frame.topic,
                partition,
                offset: record.offset,
              }))
            : [],
        ...(frame.kind === 'gap'
          ? { gap: { topic: frame.topic, partition: frame.partition, from: frame.from, to: frame.to } }
          : {}),
      });
      credit--;
      toClient(() => {
        inbox.push(frame);
        wake();
      });
    }
  }

  const dead = () => toClient(() => end(new Disconnected(`${bus.host.name} is gone`)));
  scheduler.after(network.latency(), () => {
    if (!bus.host.alive) {
      dead();
      return;
    }
    const forget = bus.host.onDeath(() => {
      sim.open.delete(stream);
      history.add({ kind: 'over', stream, why: 'its instance died' });
      dead();
    });
    bus.host.run(() => {
      history.add({
        kind: 'opened',
        stream,
        subscriber: command.subscriber ?? '',
        client: client.name,
        bus: bus.host.name,
        heartbeatMs: command.heartbeatMs ?? 10_000,
      });
      serve()
        .then(
          () => {
            history.add({ kind: 'over', stream, why: 'ended' });
            toClient(() => end(new Disconnected('the stream has ended')));
          },
          (error: unknown) => {
            const why = BusError.from(error);
            history.add({ kind: 'over', stream, why: why.reason });
            toClient(() => end(why));
          },
        )
        .finally(() => {
          sim.open.delete(stream);
          forget();
        });
    });
  });
  client.onDeath((silent) => scheduler.after(silent ? halfOpenMs : network.latency(), hangUp));

  return {
    stream,
    async next() {
      while (inbox.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve));
      const frame = inbox.shift();
      if (!frame) throw ended;
      grant();
      return frame;
    },
    close() {
      end(new Disconnected('closed'));
      inbox.length = 0;
      scheduler.after(network.latency(), hangUp);
    },
  };
}
