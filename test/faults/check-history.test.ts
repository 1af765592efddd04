import { describe, expect, test } from 'vitest';
import type { TopicCursor } from '../../src/core/cursor.js';
import { checkHistory } from './check-history.js';
import { emptyHistory, type History, type Publish, type Seen, type SeenRecord, type Stream } from './history.js';

// A round in which nothing went wrong, in small: two events and a failed one, a follower that was cut off once, and a subscriber
// whose partition changed hands. Each test below breaks one thing in it.

const life = 'life-1';
const at = (next: number, incarnation = life): TopicCursor => ({ topic: 't', incarnation, positions: [[0, next]] });
const record = (offset: number, sequence = offset): SeenRecord => ({ partition: 0, offset, producer: 1, sequence });
const events = (time: number, ...offsets: number[]): Seen => ({
  kind: 'events',
  at: time,
  cursor: at((offsets.at(-1) ?? 0) + 1),
  records: offsets.map((offset) => record(offset)),
});
const gap = (time: number, from: number, to: number): Seen => ({
  kind: 'gap',
  at: time,
  cursor: at(to),
  gap: { partition: 0, from, to, reason: 'RETENTION' },
});

function publish(sequence: number, status: Publish['status'], offset = -1): Publish {
  const startedAt = 100 * sequence + 100;
  return {
    producer: 1,
    sequence,
    key: 'k',
    startedAt,
    endedAt: startedAt + 50,
    status,
    reason: 'LOG_UNAVAILABLE',
    partition: 0,
    offset,
  };
}

function stream(part: Partial<Stream> & Pick<Stream, 'reader' | 'frames'>): Stream {
  const [first, last] = [part.frames[0], part.frames.at(-1)];
  return {
    subscriber: undefined,
    instance: 'a',
    heartbeatMs: 1_000,
    openedAt: (first?.at ?? 0) - 10,
    resumed: undefined,
    closedAt: (last?.at ?? 0) + 10,
    outcome: 'left',
    ...part,
  };
}

const member = (reader: string, frames: Seen[]) => stream({ reader, subscriber: 'mart', frames });

function commit(generation: number, next: number, startedAt: number, answered = next): History['commits'][number] {
  return {
    subscriber: 'mart',
    generation,
    asked: at(next),
    startedAt,
    endedAt: startedAt + 50,
    status: 'ok',
    reason: '',
    answered: [[0, answered]],
  };
}

const follower = {
  first: () =>
    stream({
      reader: 'f',
      outcome: 'CONNECTION_LOST',
      frames: [{ kind: 'ready', at: 50, cursor: at(0) }, events(200, 0)],
    }),
  second: () =>
    stream({
      reader: 'f',
      resumed: at(1),
      frames: [{ kind: 'ready', at: 250, cursor: at(1) }, events(300, 1), events(600, 2)],
    }),
};

function sound(): History {
  return {
    ...emptyHistory(false),
    lives: [{ incarnation: life, createdAt: 0, deletedAt: undefined }],
    publishes: [publish(0, 'ok', 0), publish(1, 'ok', 1), publish(2, 'unknown'), publish(3, 'failed')],
    streams: [
      follower.first(),
      follower.second(),
      member('m0', [{ kind: 'ready', at: 50, cursor: at(0), generation: 1 }, events(200, 0)]),
      member('m1', [
        { kind: 'ready', at: 60, cursor: undefined },
        { kind: 'assignment', at: 400, cursor: at(1), generation: 2 },
        events(600, 1, 2),
      ]),
    ],
    commits: [commit(1, 1, 210), commit(2, 3, 610)],
    final: {
      incarnation: life,
      partitions: [{ earliest: 0, highWatermark: 3 }],
      records: [record(0), record(1), record(2)],
    },
  };
}

const rulesOf = (history: History) => [...new Set(checkHistory(history).map(({ rule }) => rule))];

test('a round in which nothing went wrong has no violations', () => {
  expect(checkHistory(sound())).toEqual([]);
});

test('streams that share: a larger generation fences only whose partitions it takes', () => {
  const sharing = (partition: number) => {
    const history = sound();
    const start: TopicCursor = { topic: 't', incarnation: life, positions: [[partition, partition === 0 ? 3 : 0]] };
    history.streams.push(member('m2', [{ kind: 'ready', at: 680, cursor: start, generation: 3 }]));
    history.commits.push(commit(2, 3, 700));
    return rulesOf(history);
  };
  expect(sharing(1)).toEqual([]);
  expect(sharing(0)).toEqual(['fence']);
});

test('a stream that only loses partitions keeps its generation, and its place in the others', () => {
  const history = (next: number) => {
    const base = sound();
    const both = (zero: number): TopicCursor => ({
      topic: 't',
      incarnation: life,
      positions: [
        [0, zero],
        [1, 0],
      ],
    });
    const owner = member('m1', [
      { kind: 'assignment', at: 400, cursor: both(1), generation: 2 },
      { ...events(600, 1), cursor: both(2) },
      { kind: 'assignment', at: 650, cursor: at(next), generation: 2 },
      events(700, 2),
    ]);
    return rulesOf({
      ...base,
      streams: [...base.streams.slice(0, 3), owner],
      commits: [commit(1, 1, 210), commit(2, 3, 800)],
    });
  };
  expect(history(2)).toEqual([]);
  expect(history(3)).toContain('skipped');
});

/** Plants something, by changing the sound round or by replacing parts of it. */
const plants: [name: string, rule: string, plant: (history: History) => Partial<History> | undefined][] = [
  [
    'an acknowledged event that is not in the log',
    'lost',
    (h) => {
      h.publishes.push({ ...publish(4, 'ok', 3), key: 'other' });
      return undefined;
    },
  ],
  [
    'a log that begins late although nothing removes events',
    'lost',
    () => ({
      final: { incarnation: life, partitions: [{ earliest: 1, highWatermark: 3 }], records: [record(1), record(2)] },
    }),
  ],
  [
    'a record that was answered as not stored',
    'phantom',
    () => ({
      final: {
        incarnation: life,
        partitions: [{ earliest: 0, highWatermark: 3 }],
        records: [record(0), record(1), record(2, 3)],
      },
      streams: [],
    }),
  ],
  [
    'a record that nobody published',
    'phantom',
    (h) => ({
      streams: [
        ...h.streams,
        stream({ reader: 'x', frames: [{ kind: 'ready', at: 50, cursor: at(0) }, events(90, 0, 1, 2, 77)] }),
      ],
    }),
  ],
  [
    'an event at another place than was answered',
    'moved',
    (h) => ({ publishes: h.publishes.with(1, publish(1, 'ok', 2)) }),
  ],
  [
    'an event stored twice',
    'moved',
    (h) => ({
      final: {
        incarnation: life,
        partitions: [{ earliest: 0, highWatermark: 4 }],
        records: [...(h.final?.records ?? []), record(3, 1)],
      },
    }),
  ],
  [
    'acknowledged events of one key out of order',
    'order',
    (h) => ({
      publishes: [publish(0, 'ok', 1), publish(1, 'ok', 0), ...h.publishes.slice(2)],
      streams: [],
      final: {
        incarnation: life,
        partitions: [{ earliest: 0, highWatermark: 2 }],
        records: [record(0, 1), record(1, 0)],
      },
    }),
  ],
  [
    'a stream that goes back',
    'order',
    (h) => ({
      streams: h.streams.with(
        1,
        stream({ ...follower.second(), frames: [...follower.second().frames, events(700, 1)] }),
      ),
    }),
  ],
  [
    'a record that a follower did not get',
    'skipped',
    (h) => ({
      streams: h.streams.with(
        1,
        stream({ reader: 'f', resumed: at(1), frames: [{ kind: 'ready', at: 250, cursor: at(1) }, events(600, 2)] }),
      ),
    }),
  ],
  [
    'a cursor that goes past a record',
    'skipped',
    (h) => ({
      streams: h.streams.with(
        1,
        stream({ reader: 'f', resumed: at(1), frames: [{ kind: 'heartbeat', at: 250, cursor: at(3) }] }),
      ),
    }),
  ],
  [
    'a stream that resumes behind its cursor',
    'skipped',
    (h) => ({
      streams: h.streams.with(
        1,
        stream({ reader: 'f', resumed: at(1), frames: [{ kind: 'ready', at: 250, cursor: at(2) }, events(600, 2)] }),
      ),
    }),
  ],
  [
    'a gap over what is there',
    'false_gap',
    (h) => ({
      streams: h.streams.with(
        1,
        stream({
          reader: 'f',
          resumed: at(1),
          frames: [{ kind: 'ready', at: 250, cursor: at(1) }, gap(300, 1, 2), events(600, 2)],
        }),
      ),
    }),
  ],
  ['a reader that never comes to the end', 'behind', (h) => ({ streams: h.streams.toSpliced(1, 1) })],
  ['a long silence', 'silent', (h) => ({ streams: h.streams.with(1, { ...follower.second(), closedAt: 60_000 }) })],
  [
    'a commit answered with less than was asked',
    'commit_back',
    (h) => ({ commits: h.commits.with(1, commit(2, 3, 610, 2)) }),
  ],
  [
    'a commit answered with less than an earlier one',
    'commit_back',
    (h) => ({ commits: [...h.commits, commit(2, 2, 900)] }),
  ],
  [
    'an owner that starts before what was committed',
    'commit_back',
    (h) => ({ commits: [commit(1, 2, 210), ...h.commits.slice(1)] }),
  ],
  ['an owner that starts after what was processed', 'resumed_late', (h) => ({ commits: h.commits.slice(1) })],
  [
    'one generation for two owners',
    'fence',
    (h) => ({
      streams: [...h.streams, member('m2', [{ kind: 'assignment', at: 700, cursor: at(1), generation: 2 }])],
    }),
  ],
  ['a commit by a former owner', 'fence', (h) => ({ commits: [...h.commits, commit(1, 3, 900)] })],
  [
    'a failure without a reason',
    'failure',
    (h) => ({ publishes: h.publishes.with(3, { ...publish(3, 'failed'), reason: 'INTERNAL' }) }),
  ],
  [
    'a stream that is refused for good',
    'failure',
    (h) => ({ streams: h.streams.with(0, { ...follower.first(), outcome: 'CURSOR_AHEAD' }) }),
  ],
  [
    'a stream cut by SIGTERM',
    'shutdown',
    () => ({ shutdowns: [{ instance: 'a', at: 205, exitedAt: 208, result: 0 }] }),
  ],
  ['an exit with a failure', 'shutdown', () => ({ shutdowns: [{ instance: 'b', at: 205, exitedAt: 208, result: 1 }] })],
  [
    'an exit that takes for ever',
    'shutdown',
    () => ({ shutdowns: [{ instance: 'b', at: 205, exitedAt: 90_000, result: 0 }] }),
  ],
  ['a recovery that never came', 'overdue', () => ({ overdue: ['recovery'] })],
  ['a topic that cannot be read', 'empty', () => ({ final: undefined })],
  ['a round without an acknowledgement', 'empty', () => ({ publishes: [], streams: [] })],
];

test.each(plants)('%s is found', (_, rule, plant) => {
  const history = sound();
  const broken = { ...history, ...plant(history) };
  expect(rulesOf(broken)).toContain(rule);
});

describe('what looks alike and is sound', () => {
  test('a silence while the instance, or the harness itself, was stopped', () => {
    const history = sound();
    history.streams[1] = { ...follower.second(), closedAt: 60_000 };
    history.windows.push({ instance: 'a', from: 700, to: 40_000 }, { instance: undefined, from: 40_000, to: 55_000 });
    expect(checkHistory(history)).toEqual([]);
  });

  test('holes, where no offset is known of', () => {
    const history = sound();
    const far = record(9, 2);
    history.final = {
      incarnation: life,
      partitions: [{ earliest: 0, highWatermark: 10 }],
      records: [record(0), record(1), far],
    };
    const end: Seen = { kind: 'events', at: 600, cursor: at(10), records: [far] };
    history.streams[1] = stream({
      reader: 'f',
      resumed: at(1),
      frames: [{ kind: 'ready', at: 250, cursor: at(1) }, events(300, 1), end],
    });
    history.streams[3] = member('m1', [
      { kind: 'assignment', at: 400, cursor: at(1), generation: 2 },
      events(500, 1),
      end,
    ]);
    expect(checkHistory(history)).toEqual([]);
  });

  test('events that retention removed, announced by a gap', () => {
    const history = { ...sound(), retention: true };
    history.final = { incarnation: life, partitions: [{ earliest: 2, highWatermark: 3 }], records: [record(2)] };
    history.streams[1] = stream({
      reader: 'f',
      resumed: at(1),
      frames: [{ kind: 'ready', at: 250, cursor: at(1) }, gap(300, 1, 2), events(600, 2)],
    });
    expect(checkHistory(history)).toEqual([]);
  });

  test('events of a topic that was deleted, and the same offsets in its successor', () => {
    const history = sound();
    const [old] = history.lives;
    if (old) old.deletedAt = 1_000;
    const next = 'life-2';
    history.lives.push({ incarnation: next, createdAt: 1_100, deletedAt: undefined });
    history.publishes.push({ ...publish(10, 'ok', 0) });
    const again: Seen = { kind: 'events', at: 1_300, cursor: at(1, next), records: [record(0, 10)] };
    history.streams.push(
      stream({ reader: 'f', frames: [{ kind: 'ready', at: 1_250, cursor: at(0, next) }, again] }),
      member('m0', [{ kind: 'ready', at: 1_250, cursor: at(0, next), generation: 3 }, again]),
    );
    history.final = { incarnation: next, partitions: [{ earliest: 0, highWatermark: 1 }], records: [record(0, 10)] };
    expect(checkHistory(history)).toEqual([]);
  });
});
