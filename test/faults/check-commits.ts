import type { TopicCursor } from '../../src/core/cursor.js';
import { untyped } from './check-publishes.js';
import type { Commit, History, Stream } from './history.js';
import type { Report } from './violation.js';

/** What a stream owned of a subscriber's partitions from some time on, as far as it was told. */
interface Ownership {
  readonly generation: number;
  readonly start: TopicCursor;
  /** The partitions that it had not had before: where it starts at what is committed. */
  readonly gained: ReadonlySet<number>;
  readonly at: number;
  readonly stream: Stream;
}

/** Committed positions only move forward, an owner starts where the last one ended, and nobody commits who was followed by another one. */
export function checkCommits(history: History, report: Report): void {
  for (const subscriber of new Set(history.streams.flatMap((stream) => stream.subscriber ?? []))) {
    const commits = history.commits.filter((commit) => commit.subscriber === subscriber);
    const ownerships = ownershipsOf(history, subscriber);
    checkGenerations(subscriber, ownerships, commits, report);
    for (const incarnation of new Set(ownerships.map(({ start }) => start.incarnation))) {
      const inLife = commits.filter(({ asked }) => asked.incarnation === incarnation);
      checkForward(inLife, report);
      for (const ownership of ownerships)
        if (ownership.start.incarnation === incarnation) checkStart(ownership, inLife, report);
    }
    for (const { status, reason } of commits) {
      if (status !== 'ok' && untyped.has(reason)) report('failure', `a commit of ${subscriber} failed with ${reason}`);
    }
  }
}

function ownershipsOf(history: History, subscriber: string): Ownership[] {
  return history.streams
    .filter((stream) => stream.subscriber === subscriber)
    .flatMap(ownershipsIn)
    .sort((a, b) => a.generation - b.generation || a.at - b.at);
}

function ownershipsIn(stream: Stream): Ownership[] {
  const found: Ownership[] = [];
  let had: TopicCursor | undefined;
  for (const { kind, generation, cursor, at } of stream.frames) {
    if (kind !== 'ready' && kind !== 'assignment') continue;
    if (generation !== undefined && cursor) {
      const before = had?.incarnation === cursor.incarnation ? had.positions.map(([partition]) => partition) : [];
      const now = cursor.positions.map(([partition]) => partition);
      const gained = new Set(now.filter((partition) => !before.includes(partition)));
      found.push({ generation, start: cursor, gained, at, stream });
    }
    had = generation === undefined ? undefined : cursor;
  }
  return found;
}

function checkGenerations(
  subscriber: string,
  ownerships: readonly Ownership[],
  commits: readonly Commit[],
  report: Report,
): void {
  const streams = new Map<number, Stream>();
  for (const { generation, stream } of ownerships) {
    const other = streams.get(generation);
    if (other && other !== stream) {
      report('fence', `generation ${generation} of ${subscriber} was given to ${other.reader} and to ${stream.reader}`);
    }
    streams.set(generation, stream);
  }
  for (const commit of commits) {
    if (commit.status !== 'ok') continue;
    const partitions = commit.asked.positions.map(([partition]) => partition);
    const later = ownerships.find(
      ({ generation, at, gained, stream }) =>
        generation > commit.generation &&
        at < commit.startedAt &&
        stream !== streams.get(commit.generation) &&
        partitions.some((partition) => gained.has(partition)),
    );
    if (later === undefined) continue;
    report(
      'fence',
      `a commit of generation ${commit.generation} of ${subscriber} went through after generation ${later.generation} had begun`,
    );
  }
}

/** A commit that began after another was answered answers no less. */
function checkForward(commits: readonly Commit[], report: Report): void {
  const ok = commits.filter(({ status }) => status === 'ok');
  for (const { asked, answered } of ok) {
    for (const [partition, next] of asked.positions) {
      const got = answered.find(([one]) => one === partition)?.[1] ?? -1;
      if (got < next) report('commit_back', `a commit of ${next} in partition ${partition} was answered with ${got}`);
    }
  }
  const byEnd = [...ok].sort((a, b) => a.endedAt - b.endedAt);
  const reached = new Map<number, number>();
  let ended = 0;
  for (const commit of [...ok].sort((a, b) => a.startedAt - b.startedAt)) {
    for (let before = byEnd[ended]; before && before.endedAt < commit.startedAt; before = byEnd[++ended]) {
      for (const [partition, next] of before.answered)
        reached.set(partition, Math.max(next, reached.get(partition) ?? 0));
    }
    for (const [partition, next] of commit.answered) {
      const least = reached.get(partition) ?? 0;
      if (next < least) report('commit_back', `partition ${partition} was at ${least}, and then at ${next}`);
    }
  }
}

/** Not before what an earlier generation committed, and not after what any has tried to commit. */
function checkStart(
  { generation, start, gained, stream: { reader } }: Ownership,
  commits: readonly Commit[],
  report: Report,
): void {
  const earlier = commits.filter((commit) => commit.generation < generation);
  for (const [partition, next] of start.positions) {
    // What it keeps goes on where it was.
    if (!gained.has(partition)) continue;
    let least = 0;
    let most = 0;
    for (const { status, asked, answered } of earlier) {
      most = Math.max(most, asked.positions.find(([one]) => one === partition)?.[1] ?? 0);
      if (status === 'ok') least = Math.max(least, answered.find(([one]) => one === partition)?.[1] ?? 0);
    }
    if (next < least)
      report(
        'commit_back',
        `${reader} started at ${partition}/${next} with generation ${generation}; ${least} was committed`,
      );
    if (next > most)
      report(
        'resumed_late',
        `${reader} started at ${partition}/${next} with generation ${generation}; the first unprocessed is ${most}`,
      );
  }
}
