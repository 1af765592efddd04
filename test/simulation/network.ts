import { type Link, LinkFailure } from '../../src/drivers/memory/index.js';
import type { Random } from '../support/random.js';
import type { Host } from './host.js';
import type { Scheduler } from './scheduler.js';

/** A way from a process to something that never fails by itself, which can be cut and healed. */
export interface Cable extends Link {
  /** What is under way is lost, and what is sent; word from there comes when it is healed. */
  cut(): void;
  heal(): void;
  readonly isCut: boolean;
}

export interface Network {
  /** How long something takes to get from one place to another. */
  latency(): number;
  cable(host: Host): Cable;
  /** From now on nothing takes unusually long. */
  calmDown(): void;
  /** Runs a call on a server. Rejects with a Disconnected where it dies, or cannot be reached. */
  call<T>(client: Host, server: Host, act: () => Promise<T>): Promise<T>;
}

/** A call or a stream ended without a word. */
export class Disconnected extends Error {
  override readonly name = 'Disconnected';
}

/** After how long a request that got no answer is given up. */
const requestTimeoutMs = 10_000;

export interface Latencies {
  readonly usualMs: number;
  /** One in so many takes much longer. */
  readonly slowOneIn: number;
  readonly slowMs: number;
}

export function createNetwork(
  scheduler: Scheduler,
  random: Random,
  { usualMs, slowOneIn, slowMs }: Latencies,
): Network {
  let calm = false;
  const latency = () =>
    !calm && random.between(1, slowOneIn) === 1 ? random.next() * slowMs : 0.1 + random.next() * (usualMs - 0.1);

  function cable(host: Host): Cable {
    let cuts = 0;
    let isCut = false;
    let waiting: (() => void)[] = [];

    const arrive = (deliver: () => void) => {
      if (isCut) waiting.push(deliver);
      else host.run(deliver);
    };

    return {
      get isCut() {
        return isCut;
      },
      cut() {
        isCut = true;
        cuts++;
      },
      heal() {
        isCut = false;
        const late = waiting;
        waiting = [];
        for (const deliver of late) scheduler.after(latency(), () => arrive(deliver));
      },
      notify: (deliver) => void scheduler.after(latency(), () => arrive(deliver)),
      call: (act) =>
        new Promise((resolve, reject) => {
          const before = cuts;
          const lost = () => isCut || cuts !== before;
          let sent = false;
          const timeout = host.clock.setTimeout(() => reject(new LinkFailure(sent)), requestTimeoutMs);
          if (isCut) return;
          sent = true;
          scheduler.after(latency(), () => {
            if (lost()) return;
            const answer = attempt(act);
            scheduler.after(latency(), () => {
              if (lost()) return;
              host.run(() => {
                timeout.close();
                answer(resolve, reject);
              });
            });
          });
        }),
    };
  }

  function call<T>(client: Host, server: Host, act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => scheduler.after(latency(), () => client.run(settle));
      const broken = () => answer(() => reject(new Disconnected(`${server.name} is gone`)));
      scheduler.after(latency(), () => {
        if (!server.alive) {
          broken();
          return;
        }
        const forget = server.onDeath(broken);
        server.run(() => {
          act().then(
            (value) => {
              forget();
              answer(() => resolve(value));
            },
            (error: unknown) => {
              forget();
              answer(() => reject(error));
            },
          );
        });
      });
    });
  }

  return {
    latency,
    cable,
    call,
    calmDown() {
      calm = true;
    },
  };
}

/** Does something now, and says later what came of it. */
function attempt<T>(act: () => T): (resolve: (value: T) => void, reject: (error: unknown) => void) => void {
  try {
    const value = act();
    return (resolve) => resolve(value);
  } catch (error) {
    return (_, reject) => reject(error);
  }
}
