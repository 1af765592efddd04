import { decodeCursor } from '../cursor.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Place, SubscribeCommand } from './frames.js';
import { waitOutLog } from './log-away.js';
import type { StartLog } from './shared-bounds.js';
import { offsetsIn, type Positions, positionsIn, resolveStart, type StartPositions } from './start.js';

/** Where a stream that does not go on for ever ends. */
export interface Bound {
  /** The offset at which each partition ends. Undefined while a time is still to come: then all there is is served. Nothing is served that is not in it. */
  readonly ends: StartPositions | undefined;
  /** The topics that `ends` is about. */
  readonly topics: readonly ActiveTopic[];
  readonly reason: 'caught_up' | 'until';
}

export interface BoundOptions {
  readonly log: StartLog;
  readonly clock: Clock;
  readonly command: Pick<SubscribeCommand, 'follow' | 'until' | 'pattern' | 'partitions'>;
  /** The topics of the stream, as they are now. */
  topics(): readonly ActiveTopic[];
  /** The ends have become known. */
  known(ends: StartPositions): void;
  fail(error: unknown): void;
  readonly signal: AbortSignal;
}

/** How long a timer runs at most: the time of day may be set meanwhile. */
const longestTimerMs = 60_000;

/** Undefined for a stream without an end. Throws as `resolveStart`, but knows no expired cursor: what is gone need not be sent. */
export async function createBound(options: BoundOptions): Promise<Bound | undefined> {
  const { clock, command, topics } = options;
  const { follow = true, until } = command;
  const found = topics();
  const latest = follow ? undefined : await placesOf(options, found, { at: 'latest' });
  if (!until) return latest && { ends: latest, topics: found, reason: 'caught_up' };
  const isToCome = until.at === 'time' && until.timestamp > clock.wallTime();
  if (isToCome && !latest) return boundToCome(options, until.timestamp, found);
  const wanted = until.at === 'cursor' ? cursorEnds(until.cursor, found, command) : await endsAt(options, found, until);
  if (!latest) return { ends: wanted, topics: found, reason: 'until' };
  const isReached = !isToCome && allOf(wanted, (topic, partition, end) => end <= endOf(latest, topic, partition));
  return { ends: smaller(wanted, latest), topics: found, reason: isReached ? 'until' : 'caught_up' };
}

type PlainPlace = Exclude<Place, { at: 'cursor' }>;
type Reading = Pick<BoundOptions, 'log' | 'command'>;

function placesOf(
  { log, command }: Reading,
  topics: readonly ActiveTopic[],
  from: PlainPlace,
): Promise<StartPositions> {
  return resolveStart(log, topics, { from, onExpired: 'skip', byPattern: false, partitions: command.partitions });
}

/**
 * The places where a stream ends. Where publishers give the times, a record may come before an older one: such a topic ends where the log ends now, and the
 * selection leaves out the later records.
 */
async function endsAt(reading: Reading, topics: readonly ActiveTopic[], until: PlainPlace): Promise<StartPositions> {
  if (until.at !== 'time') return placesOf(reading, topics, until);
  const runsBack = (topic: ActiveTopic) => topic.publisherTime;
  const [inOrder, others] = await Promise.all([
    placesOf(
      reading,
      topics.filter((topic) => !runsBack(topic)),
      until,
    ),
    placesOf(reading, topics.filter(runsBack), { at: 'latest' }),
  ]);
  return new Map([...inOrder, ...others]);
}

/** The ends are the first records of that time or later; where there is none when it has passed, the end that the log has then. */
function boundToCome(options: BoundOptions, timestamp: number, found: readonly ActiveTopic[]): Bound {
  const { clock, signal } = options;
  const bound: { -readonly [K in keyof Bound]: Bound[K] } = { ends: undefined, topics: found, reason: 'until' };
  let timer: Timer | undefined;
  signal.addEventListener('abort', () => timer?.close(), { once: true });

  function wait(): void {
    const left = timestamp - clock.wallTime();
    if (left > 0) timer = clock.setTimeout(wait, Math.min(left, longestTimerMs)).unref();
    else resolve().catch((error: unknown) => signal.aborted || options.fail(error));
  }
  async function resolve(): Promise<void> {
    const topics = options.topics();
    const ends = await waitOutLog(clock, () => endsAt(options, topics, { at: 'time', timestamp }), signal);
    bound.topics = topics;
    bound.ends = ends;
    options.known(ends);
  }

  if (!signal.aborted) wait();
  return bound;
}

/** What a cursor does not cover was added after it: nothing of it comes before the cursor. */
function cursorEnds(
  text: string,
  topics: readonly ActiveTopic[],
  { pattern }: BoundOptions['command'],
): StartPositions {
  const cursor = decodeCursor(text);
  const byPattern = pattern !== undefined;
  const known = topics.filter(({ name, incarnation }) =>
    cursor.some((part) => part.topic === name && !(byPattern && part.incarnation !== incarnation)),
  );
  // It says which topics it is of.
  if (known.length === 0 && !byPattern) for (const topic of topics) positionsIn(cursor, topic);
  const ends: StartPositions = new Map(topics.map(({ name }) => [name, new Map()]));
  for (const topic of known) ends.set(topic.name, offsetsIn(positionsIn(cursor, topic)));
  return ends;
}

function endOf(ends: StartPositions, topic: string, partition: number): number {
  return ends.get(topic)?.get(partition) ?? 0;
}

function allOf(ends: StartPositions, test: (topic: string, partition: number, end: number) => boolean): boolean {
  return [...ends].every(([topic, positions]) =>
    [...positions].every(([partition, end]) => test(topic, partition, end)),
  );
}

function smaller(a: StartPositions, b: StartPositions): StartPositions {
  return new Map(
    [...b].map(([topic, positions]): [string, Positions] => [
      topic,
      new Map([...positions].map(([partition, end]) => [partition, Math.min(end, endOf(a, topic, partition))])),
    ]),
  );
}
