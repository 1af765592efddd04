import { performance } from 'node:perf_hooks';
import type { Client, Fail } from './client.js';
import { Failure } from './failure.js';

/** Sends one request, and calls one of the two when its reply is there. */
type Operation<T> = (client: Client, ok: (result: T) => void, fail: Fail) => void;

export interface RunOptions {
  /** By performance.now(). Infinity: waits for as long as it takes, and is not counted among those that wait. */
  readonly deadline: number;
  /** Only on this client: `session_expired` once it is retired. */
  readonly only?: Client | undefined;
}

/**
 * Where operations wait for a connection: at most 200 are in flight (the library gets slower with more), and at most 10,000 wait behind them, in
 * order. Each is settled by its deadline. One that waits is sent on whatever connection comes; one that was sent fails with
 * `connection_loss` as soon as the link breaks.
 */
export interface Gate {
  /** Rejects with a Failure. */
  run<T>(operation: Operation<T>, options: RunOptions): Promise<T>;
  /** Lets operations through to this client. */
  open(client: Client): void;
  /** The link is broken. */
  shut(): void;
  /** The client's session is over. */
  retire(client: Client): void;
  /** Fails everything at once from now on, until called with undefined. */
  refuse(failure: Failure | undefined): void;
  /** Resolves when nothing is in flight, at once if the gate is shut. */
  drained(): Promise<void>;
}

const maxInFlight = 200;
const maxWaiting = 10_000;

interface Call {
  readonly only: Client | undefined;
  readonly counted: boolean;
  start(client: Client): void;
  fail(failure: Failure): void;
}

/** `why`: says why there is no answer, for the message of a timeout. */
export function openGate(why: () => string | undefined): Gate {
  const waiting = new Set<Call>();
  const inFlight = new Set<Call>();
  const retired = new WeakSet<Client>();
  let counted = 0;
  let client: Client | undefined;
  let refusal: Failure | undefined;
  let pumping = false;
  const idle: (() => void)[] = [];

  function leave(call: Call): void {
    if (waiting.delete(call) && call.counted) counted -= 1;
  }

  function pump(): void {
    if (pumping) return;
    pumping = true;
    for (const call of waiting) {
      if (client === undefined || inFlight.size >= maxInFlight) break;
      if (call.only !== undefined && call.only !== client) continue;
      leave(call);
      inFlight.add(call);
      call.start(client);
    }
    pumping = false;
    if (inFlight.size === 0) for (const resolve of idle.splice(0)) resolve();
  }

  function failAll(calls: Iterable<Call>, failure: Failure): void {
    for (const call of [...calls]) call.fail(failure);
  }

  function shut(): void {
    client = undefined;
    const lost = [...inFlight];
    inFlight.clear();
    failAll(lost, new Failure('connection_loss', 'the connection was lost'));
    pump();
  }

  function run<T>(operation: Operation<T>, { deadline, only }: RunOptions): Promise<T> {
    if (refusal !== undefined) return Promise.reject(refusal);
    if (only !== undefined && retired.has(only)) return Promise.reject(new Failure('session_expired'));
    const bounded = deadline !== Number.POSITIVE_INFINITY;
    if (bounded && counted >= maxWaiting) {
      return Promise.reject(new Failure('busy', `${maxWaiting} operations wait already`));
    }
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const fail = (failure: Failure) => {
        clearTimeout(timer);
        leave(call);
        reject(failure);
      };
      const call: Call = {
        only,
        counted: bounded,
        fail,
        start: (on) => {
          // After a timeout the call keeps its place until the reply is there; after `shut` it has none, and replies mean nothing.
          const answered = () => inFlight.delete(call);
          try {
            operation(
              on,
              (result) => {
                if (!answered()) return;
                clearTimeout(timer);
                resolve(result);
                pump();
              },
              (failure) => {
                if (!answered()) return;
                fail(failure);
                // The library fails one call after the other before it says that the link is broken: send nothing meanwhile.
                if (failure.code === 'connection_loss') shut();
                else pump();
              },
            );
          } catch (error) {
            answered();
            fail(new Failure('other', error instanceof Error ? error.message : String(error), { cause: error }));
          }
        },
      };
      if (bounded) {
        const late = () => fail(new Failure('timeout', why() ?? 'ZooKeeper did not answer in time'));
        timer = setTimeout(late, Math.max(0, Math.ceil(deadline - performance.now())));
        counted += 1;
      }
      waiting.add(call);
      pump();
    });
  }

  return {
    run,
    open: (next) => {
      client = next;
      pump();
    },
    shut,
    retire: (gone) => {
      retired.add(gone);
      failAll(
        [...waiting].filter((call) => call.only === gone),
        new Failure('session_expired'),
      );
    },
    refuse: (failure) => {
      refusal = failure;
      if (failure !== undefined) failAll(waiting, failure);
    },
    drained: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        pump();
      }),
  };
}
