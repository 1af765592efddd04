import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { matchesPattern } from '../../src/core/topics/pattern.js';
import { createRandom, type Random } from '../support/random.js';
import type { Latencies } from './network.js';

/** How a datamart behaves. */
export interface Habits {
  /** How long it thinks about a frame at most, in milliseconds. */
  readonly thinkMs: number;
  /** The chance that it takes two seconds for a frame. */
  readonly slow: number;
  /** The chance that it commits after a frame; when it has nothing to do it always does. */
  readonly commits: number;
  /** The chance that it commits in the middle of a frame. */
  readonly commitsHalf: number;
  /** The chance that a commit goes to another instance than the one that streams. */
  readonly elsewhere: number;
}

/** What one seed makes of the model: how large, how long, how rough. */
export interface Plan {
  /** Nothing fails, and nobody is slow: then nothing may be processed twice. */
  readonly calm: boolean;
  readonly buses: number;
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
  readonly subscribers: readonly SubscriberPlan[];
  /** How long things are done to the fleet, in milliseconds; then everything is healed. */
  readonly roughMs: number;
  /** Between two things that are done to it, on average. */
  readonly everyMs: number;
  readonly publishEveryMs: number;
  readonly latencies: Latencies;
  readonly habits: Habits;
  readonly actions: readonly Action[];
}

/** A subscriber, and what each of its streams asks for. */
export interface SubscriberPlan {
  readonly name: string;
  readonly clients: number;
  readonly command: SubscribeCommand;
}

const calmActions = ['join', 'leave', 'publish', 'grow', 'create', 'stop'] as const;
const roughActions = [
  'kill client',
  'silence client',
  'pause client',
  'kill',
  'pause',
  'pause long',
  'lose session',
  'cut coordination',
  'cut log',
] as const;

export type Action = (typeof calmActions)[number] | (typeof roughActions)[number];

export function planOf(seed: number): Plan {
  const random = createRandom(seed ^ 0x5eed);
  const calm = random.between(1, 4) === 1;
  const some = <T>(items: readonly T[]) => items.filter(() => random.between(1, 3) > 1);
  const latencies: Latencies = calm
    ? { usualMs: random.between(1, 8), slowOneIn: 1_000_000, slowMs: 0 }
    : {
        usualMs: random.pick([2, 10, 40]),
        slowOneIn: random.pick([30, 100, 1_000]),
        slowMs: random.pick([300, 1_500, 4_000]),
      };
  const topics = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, i) => ({
    name: i === 0 ? 'orders' : `orders.${i}`,
    partitions: random.between(1, 4),
  }));
  const heartbeatMs = random.pick([1_000, 3_000, 10_000]);
  return {
    calm,
    buses: random.between(1, 3),
    topics,
    subscribers: names(random, 'datamart', random.pick([1, 1, 2])).map((name) => ({
      name,
      clients: random.between(1, 4),
      command: {
        subscriber: name,
        heartbeatMs,
        ...subscriptionOf(
          random,
          topics.map((topic) => topic.name),
        ),
        ...(random.between(1, 3) === 1 ? { maxUncommitted: random.pick([1, 5, 20]) } : {}),
        ...(random.between(1, 6) === 1 ? { maxUncommittedBytes: random.pick([1, 500]) } : {}),
        ...(!calm && random.between(1, 4) === 1 ? { commitTimeoutMs: random.pick([1_000, 5_000]) } : {}),
        ...(random.between(1, 5) === 1 ? { commitMode: random.pick(['on_delivery', 'before_delivery'] as const) } : {}),
      },
    })),
    roughMs: random.pick([4_000, 10_000, 20_000]),
    everyMs: random.pick([300, 1_000, 3_000]),
    publishEveryMs: random.pick([200, 700, 2_000]),
    latencies,
    habits: calm
      ? { thinkMs: random.pick([0, 50, 150]), slow: 0, commits: 1, commitsHalf: 0, elsewhere: random.pick([0, 0.5, 1]) }
      : {
          thinkMs: random.pick([0, 50, 500]),
          slow: random.pick([0, 0.05]),
          commits: random.pick([0.3, 0.9, 1]),
          commitsHalf: random.pick([0, 0.3]),
          elsewhere: random.pick([0, 0.5, 1]),
        },
    actions: calm ? [...some(calmActions), 'publish'] : [...some(calmActions), ...some(roughActions), 'publish'],
  };
}

function names(random: Random, prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}${random.pick(['', ' ü/%', '.x'])}`);
}

function subscriptionOf(random: Random, topics: readonly string[]): SubscribeCommand {
  const kinds: readonly [SubscribeCommand, ...SubscribeCommand[]] = [
    { topic: 'orders' },
    { topics },
    { pattern: 'orders*' },
  ];
  return random.pick(kinds);
}

/** Whether a subscriber reads a topic. */
export function reads({ topic, topics, pattern }: SubscribeCommand, name: string): boolean {
  return pattern === undefined ? (topics ?? [topic]).includes(name) : matchesPattern(pattern, name);
}

/** Whether the server commits for the clients: then they may miss records, when anything ends. */
export const commitsItself = ({ commitMode = 'explicit' }: SubscribeCommand): boolean => commitMode !== 'explicit';
