import type { TopicCursor } from '../../src/core/cursor.js';
import { untyped } from './check-publishes.js';
import type { Commit, History } from './history.js';
import type { Report } from './violation.js';

/** When a stream became the owner of a subscriber's partitions, as far as it was told. */
interface Ownership {
  readonly generation: number;
  readonly start: TopicCursor;
  readonly at: number;
  readonly reader: string;
}

/** Committed positions only move forward, an owner starts where the last one ended, and no former owner commits. */
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
    .flatMap(({ frames, reader }) =>
      frames.flatMap(({ kind, generation, cursor, at }) =>
        (kind === 'ready' || kind === 'assignment') && generation !== undefined && cursor
          ? [{ generation, start: cursor, at, reader }]
          : [],
      ),
    )
    .sort((a, b) => a.generation - b.generation);
}

function checkGenerations(
  subscriber: string,
  ownerships: readonly Ownership[],
  commits: readonly Commit[],
  report: Report,
): void {
  const seen = new Map<number, Ownership>();
  for (const ownership of ownerships) {
    const { generation, reader } = ownership;
    const other = seen.get(generation);
    if (other)
      report('fence', `generation ${generation} of ${subscriber} was given to ${other.reader} and to ${reader}`);
    seen.set(generation, ownership);
  }
  for (const commit of commits) {
    if (commit.status !== 'ok') continue;
    const later = ownerships.find(({ generation, at }) => generation > commit.generation && at < commit.startedAt);
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
function checkStart({ generation, start, reader }: Ownership, commits: readonly Commit[], report: Report): void {
  const earlier = commits.filter((commit) => commit.generation < generation);
  for (const [partition, next] of start.positions) {
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
