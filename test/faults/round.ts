import { setTimeout as sleep } from 'node:timers/promises';
import { MainstemError } from '../../src/client/index.js';
import { createRandom } from '../support/random.js';
import { until } from '../support/wait.js';
import { checkHistory } from './check-history.js';
import { type Figures, figuresOf } from './figures.js';
import { emptyHistory, type History } from './history.js';
import type { Nemesis } from './nemesis.js';
import { runStreamPublisher, runUnaryPublisher } from './publishers.js';
import { type Reader, readAll, startReader } from './readers.js';
import type { Stand } from './stand-parts.js';
import type { Violation } from './violation.js';

export interface RoundOptions {
  readonly stand: Stand;
  readonly nemesis: Nemesis;
  /** Decides what the nemesis does. */
  readonly seed: number;
  readonly length: 'short' | 'long';
}

export interface RoundResult {
  readonly topic: string;
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly figures: Figures;
}

const partitions = 4;
/** For everything to get going, and for everything to come back. Only spent when something is wrong. */
const steadyMs = 60_000;
const recoveryMs = 90_000;
/** How late a timer of the harness may be before the time counts as lost: nothing can be said about it then. */
const stallMs = 500;

/** Runs publishers and readers on a topic of their own, lets the nemesis loose on them, waits until all is well again, and checks what was seen. */
export async function runRound({ stand, nemesis, seed, length }: RoundOptions): Promise<RoundResult> {
  const { now } = stand;
  const history = emptyHistory(nemesis.retention ?? false);
  const topic = `faults-${nemesis.name}-${seed}-${Math.round(now())}`;
  const publishing = new AbortController();
  const reading = new AbortController();
  const stopStallWatch = watchStalls(history, now);
  for (const bus of stand.buses) bus.tell(history);

  const create = async () => {
    const made = await until(
      async () => {
        const { topics } = stand.client();
        try {
          return await topics.create({ topic, settings: { partitions, schemaless: true } });
        } catch (error) {
          if (!(error instanceof MainstemError) || error.reason !== 'TOPIC_ALREADY_EXISTS') throw error;
          // Made by an attempt before, whose answer was an error: nobody else has this name.
          const { topic: found } = await topics.get(topic);
          return history.lives.every(({ incarnation }) => incarnation !== found?.incarnation) && found;
        }
      },
      {
        what: `${topic} to be created`,
        everyMs: 200,
        timeoutMs: recoveryMs,
      },
    );
    history.lives.push({ incarnation: made.incarnation, createdAt: now(), deletedAt: undefined });
  };
  await create();

  const addresses = stand.buses.map(({ address }) => address);
  const common = { history, topic, now };
  const publishers = [0, 1, 2, 3].map((producer) =>
    (producer < 2 ? runUnaryPublisher : runStreamPublisher)({
      ...common,
      producer,
      addresses,
      stop: publishing.signal,
    }),
  );
  const read = (reader: string, first: number, subscriber?: string) =>
    startReader({
      ...common,
      reader,
      first,
      instances: stand.buses,
      stop: reading.signal,
      ...(subscriber ? { subscriber } : {}),
    });
  const followers = [read('follower-0', 0), read('follower-1', 1)];
  const readers: Reader[] = [...followers, read('member-0', 0, 'mart'), read('member-1', 1, 'mart')];

  const reach = async (what: string, timeoutMs: number, condition: () => boolean) => {
    await until(condition, { what, timeoutMs, everyMs: 100 }).catch(() =>
      history.overdue.push(`in vain for ${timeoutMs} ms: ${what}`),
    );
  };
  const everyoneSince = (at: number) => () =>
    publishers.every((_, producer) =>
      history.publishes.some((one) => one.producer === producer && one.status === 'ok' && one.startedAt > at),
    ) && ['follower-0', 'follower-1', 'mart'].every((who) => hasNewRecord(history, who, at));

  let healingAt = 0;
  let healedAt = 0;
  const begunAt = now();
  try {
    await reach('every publisher and reader to get going', steadyMs, everyoneSince(begunAt));
    await sleep(300);
    const nemesisAt = now();
    await nemesis.run({
      stand,
      random: createRandom(seed),
      length,
      topic,
      healing: () => {
        healingAt = now();
      },
      recreate: create,
      deleting: () => {
        for (const life of history.lives) life.deletedAt ??= now();
      },
      hold: () => followers[1]?.hold() ?? (() => undefined),
    });
    healedAt = now();
    await reach('every publisher and reader to come back', recoveryMs, everyoneSince(healedAt));
    await sleep(300);
    publishing.abort();
    await Promise.all(publishers);
    await readFinal(stand, topic, history);
    await reach('the readers to come to the end', recoveryMs, () =>
      checkHistory(history).every(({ rule }) => rule !== 'behind'),
    );
    reading.abort();
    await Promise.all(readers.map(({ done }) => done));
    return {
      topic,
      history,
      violations: checkHistory(history),
      figures: figuresOf(history, { nemesisAt, healingAt, healedAt }),
    };
  } finally {
    publishing.abort();
    reading.abort();
    stopStallWatch();
    await stand
      .client()
      .topics.delete(topic, { force: true })
      .catch(() => undefined);
  }
}

/** Whether a reader has got an event that was published after a time. */
function hasNewRecord(history: History, who: string, at: number): boolean {
  const recent = new Set(
    history.publishes.filter(({ startedAt }) => startedAt > at).map((one) => `${one.producer}:${one.sequence}`),
  );
  return history.streams.some(
    (stream) =>
      (stream.subscriber ?? stream.reader) === who &&
      stream.frames.some(
        (seen) => seen.at > at && seen.records?.some((record) => recent.has(`${record.producer}:${record.sequence}`)),
      ),
  );
}

async function readFinal({ buses, client }: Stand, topic: string, history: History): Promise<void> {
  const bounds = async () => {
    const { topic: found, partitions: all } = await client().topics.get(topic);
    return {
      incarnation: found?.incarnation ?? '',
      partitions: all.map(({ earliestOffset = 0n, highWatermark = 0n }) => ({
        earliest: Number(earliestOffset),
        highWatermark: Number(highWatermark),
      })),
    };
  };
  history.final = await until(
    async () => {
      const records = await readAll(client(), topic);
      // After the records: retention may have moved on meanwhile, and nobody publishes any more.
      return { ...(await bounds()), records };
    },
    { what: `${topic} to be read on one of ${buses.length} instances`, timeoutMs: recoveryMs, everyMs: 200 },
  ).catch(() => undefined);
}

/** Notes when this process itself was not running. */
function watchStalls(history: History, now: () => number): () => void {
  let last = now();
  const timer = setInterval(() => {
    const at = now();
    if (at - last > stallMs) history.windows.push({ instance: undefined, from: last, to: at });
    last = at;
  }, 50);
  return () => clearInterval(timer);
}
