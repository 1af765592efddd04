import {
  type Assignment,
  createCommits,
  EndReason,
  type Frame,
  type Gap,
  GapReason,
  type MainstemClient,
  type MainstemError,
  type Place,
  resumingFrames,
  type StartFrom,
  type TopicChoice,
} from '../../client/index.js';
import { exitCodes, type Io, isClosedPipe, isTty, note, writeOut } from '../io.js';
import { interruptedCode } from '../process/stop-request.js';
import { reportError } from '../report-error.js';
import { safeText } from '../safe-text.js';
import { ExitWith } from '../usage-error.js';
import { ByteWriter } from './byte-writer.js';
import { chooseFormat } from './formats.js';

export interface TailOptions {
  readonly from?: StartFrom;
  readonly partition?: readonly number[];
  readonly subscriber?: string;
  readonly until?: Place;
  readonly filter?: string;
  readonly fields?: readonly string[];
  readonly sample?: number;
  readonly limit?: number;
  readonly follow: boolean;
  readonly reconnect: boolean;
  readonly output: 'pretty' | 'json';
  readonly dataOnly?: boolean;
  readonly onExpired: 'fail' | 'skip';
}

/** Prints the records of topics until the stream, the reader of the output, or the user ends it; everything that was written is committed. */
export async function runTail(
  io: Io,
  client: MainstemClient,
  topics: TopicChoice,
  options: TailOptions,
): Promise<void> {
  const { interrupted } = io;
  const outputBroke = new AbortController();
  const signal = AbortSignal.any([interrupted, outputBroke.signal]);
  const say = (text: string) => note(io, `mainstem: ${safeText(text)}`);
  const { subscriber } = options;
  let commitFailure: MainstemError | undefined;
  const commits =
    subscriber === undefined
      ? undefined
      : createCommits({
          send: ({ cursor, generation: owner }) =>
            client.commit({ subscriber, cursor, generation: owner }, { timeoutMs: 10_000 }),
          onTrouble: (error) => {
            if (error.reason === 'FENCED') {
              say(`not committed: another stream of ${subscriber} has taken over, and gets these records again`);
            } else if (commitFailure?.reason !== error.reason) {
              say(`not committed yet: ${error.message} (${error.reason})`);
            }
            commitFailure = error;
          },
          onCommitted: () => {
            commitFailure = undefined;
          },
          onFailure: (error) => {
            commitFailure = error;
          },
        });
  const format = chooseFormat({
    output: options.output,
    dataOnly: options.dataOnly ?? false,
    color: isTty(io.stdout) && !io.env['NO_COLOR'],
  });
  const out = new ByteWriter();
  let assignments = 0;
  let generation: bigint | undefined;
  let lastCursor: string | undefined;
  let writing: Promise<void> = Promise.resolve();
  let outputError: unknown;
  let tooCostly: string | undefined;
  let saidFilterErrors = false;

  const write = async (cursor: string, owner: bigint | undefined, within: number, bytes: Buffer) => {
    if (bytes.length > 0) await writeOut(io.stdout, bytes);
    lastCursor = cursor;
    if (owner !== undefined) commits?.processed({ cursor, generation: owner, assignment: within });
  };
  const assigned = (assignment: Assignment | undefined) => {
    assignments++;
    generation = assignment?.generation;
    if (assignment && subscriber !== undefined) say(describeAssignment(subscriber, assignment));
  };
  const handle = async (frame: Frame): Promise<void> => {
    if (frame.case === 'ready') assigned(frame.value.assignment);
    else if (frame.case === 'assignment') assigned(frame.value);
    else if (frame.case === 'gap') say(describeGap(frame.value));
    else if (frame.case === 'events') {
      for (const record of frame.value.records) format(out, frame.value.topic, record);
      // One write is under way while the next frame is made ready.
      await untilAborted(writing, signal);
      if (signal.aborted) return;
      writing = write(frame.value.cursor, generation, assignments, out.take()).catch((error: unknown) => {
        outputError ??= error;
        outputBroke.abort();
      });
      return;
    }
    if (frame.case === 'assignment') return;
    await untilAborted(writing, signal);
    if (signal.aborted) return;
    const { cursor } = frame.value;
    if (frame.case === 'heartbeat' && frame.value.filterErrors && !saidFilterErrors) {
      saidFilterErrors = true;
      const { failed, firstError } = frame.value.filterErrors;
      say(`the filter gave no answer for ${failed} records so far, which are not shown; the first was ${firstError}`);
    }
    // What a filter has passed over is done with, too.
    if (cursor !== '' && cursor !== lastCursor && generation !== undefined && frame.case !== 'ready') {
      commits?.processed({ cursor, generation, assignment: assignments });
    }
    lastCursor = cursor;
    if (frame.case !== 'end') return;
    if (frame.value.reason === EndReason.FILTER_TOO_COSTLY) tooCostly = frame.value.message;
    else if (frame.value.message !== '') say(frame.value.message);
  };

  let failure: unknown;
  try {
    const input = { ...topics, ...options, partitions: options.partition };
    let broken = false;
    const stream = resumingFrames(client.frames, input, {
      signal,
      reconnect: options.reconnect,
      longestMs: 5_000,
      onDisconnect: (why) => {
        if (!broken) say(`${why.message}; connecting again from the last cursor`);
        broken = true;
      },
      async beforeReconnect() {
        await untilAborted(writing, signal);
        await commits?.flush(10_000);
      },
    });
    for await (const frame of stream) {
      if (frame.case === 'ready' && broken) {
        say('connected again');
        broken = false;
      }
      await handle(frame);
    }
    await untilAborted(writing, signal);
  } catch (error) {
    failure = error;
  }
  // What is being written at the moment of an interrupt still counts, unless the reader has stopped reading.
  await untilAborted(writing, AbortSignal.timeout(1_000));
  let code: number = exitCodes.ok;
  if (failure !== undefined) code = reportError(io, failure);
  if (tooCostly !== undefined) {
    note(io, `error: ${safeText(tooCostly)}`);
    code = exitCodes.refused;
  }
  if (outputError !== undefined && !isClosedPipe(outputError)) code = reportError(io, outputError);
  if (commits && !(await commits.flush(10_000))) {
    say('the last records that were written are not committed, and will come again');
    if (commitFailure) code = reportError(io, commitFailure);
  }
  // It is empty while another stream of the subscriber has the partitions.
  if (lastCursor && outputError === undefined) say(`the cursor to go on from: ${lastCursor}`);
  if (code === exitCodes.ok && interrupted.aborted) code = interruptedCode(interrupted);
  if (code !== exitCodes.ok) throw new ExitWith(code);
}

/** Waits for `work`, but no longer than until the abort: a reader that has stopped reading must not hold up the end. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    onAbort = resolve;
    signal.addEventListener('abort', onAbort);
  });
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', onAbort);
}

function describeAssignment(subscriber: string, { topics, generation, waiting }: Assignment): string {
  if (topics.length === 0) {
    return waiting
      ? `waiting: other streams of ${subscriber} have the partitions`
      : `${subscriber} has no partition here`;
  }
  const owned = topics.map(({ topic, partitions }) => `${topic} ${partitions.join(', ')}`).join('; ');
  return `${subscriber} has partition ${owned} (generation ${generation ?? '?'})`;
}

function describeGap(gap: Gap): string {
  const reasons: Partial<Record<GapReason, string>> = {
    [GapReason.RETENTION]: 'retention has removed them',
    [GapReason.TOO_LARGE]: 'too large for the stream',
    [GapReason.TOPIC_RECREATED]: 'the topic was deleted and created anew',
    [GapReason.LOG_TRUNCATED]: 'the log has lost records; it goes on where they begin',
  };
  const from = gap.fromOffset ?? 0n;
  const to = gap.toOffset ?? 0n;
  const which = to - from === 1n ? `offset ${from}` : `offsets ${from} to ${to - 1n}`;
  return `gap in partition ${gap.partition ?? 0} of ${gap.topic}: ${which} will not come: ${gap.message || reasons[gap.reason] || 'unknown reason'}`;
}
