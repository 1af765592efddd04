import { Worker } from 'node:worker_threads';
import PQueue from 'p-queue';
import { BusError } from '../../core/errors.js';
import type { SchemaJudge } from '../../core/ports/schema-judge.js';
import { type Answer, type Job, pack } from './judge-jobs.js';

export interface JudgeOptions {
  /** How many answers are worked on at a time, each by a thread of its own. Default 2. */
  readonly threads?: number;
  /** How many more may wait. Default 32. */
  readonly waiting?: number;
  /** The compiled `judge-thread.js`; for where this module runs from its source. */
  readonly script?: URL;
}

const idleMs = 30_000;
/** Of one thread's heap: many times what the largest schema takes. */
const mostHeapMb = 512;

/** A judge whose threads start with the first question, and end after half a minute without one. */
export function createSchemaJudge({
  threads = 2,
  waiting = 32,
  script = new URL('./judge-thread.js', import.meta.url),
}: JudgeOptions = {}): SchemaJudge {
  const queue = new PQueue({ concurrency: threads });
  const idle: JudgeThread[] = [];
  const closing = new AbortController();

  async function ask(job: Job, signal: AbortSignal): Promise<Exclude<Answer, { kind: 'failed' }>> {
    const ends = AbortSignal.any([signal, closing.signal]);
    ends.throwIfAborted();
    if (queue.size >= waiting) {
      throw new BusError('OVERLOADED', `${threads + waiting} checks of schemas are under way; try again shortly`, {
        retryAfterMs: 1_000,
      });
    }
    const answer = await queue.add(() => run(job, ends), { signal: ends });
    if (answer.kind !== 'failed') return answer;
    const { reason, message, metadata, cause } = answer;
    throw new BusError(reason, message, { metadata, cause });
  }

  async function run(job: Job, signal: AbortSignal): Promise<Answer> {
    const thread = idle.pop() ?? startThread(script, (ended) => remove(idle, ended));
    const answer = await thread.ask(job, signal);
    idle.push(thread);
    return answer;
  }

  return {
    async compile(definition, signal) {
      await ask({ kind: 'compile', definition }, signal);
    },
    async compare(request, signal) {
      const answer = await ask({ kind: 'compare', request }, signal);
      if (answer.kind !== 'compared') throw new TypeError(`an answer to another question: ${answer.kind}`);
      return answer.report;
    },
    async validate(request, signal) {
      const answer = await ask({ kind: 'validate', request: pack(request) }, signal);
      if (answer.kind !== 'validated') throw new TypeError(`an answer to another question: ${answer.kind}`);
      return answer.refusals;
    },
    async close() {
      closing.abort(new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again'));
      await queue.onIdle();
      await Promise.all(idle.splice(0).map((thread) => thread.end()));
    },
  };
}

interface JudgeThread {
  /** One job at a time. A job that is aborted takes the thread with it: nothing else stops what it is doing. */
  ask(job: Job, signal: AbortSignal): Promise<Answer>;
  end(): Promise<void>;
}

/** @param onEnd called when the thread has ended by itself. */
function startThread(script: URL, onEnd: (thread: JudgeThread) => void): JudgeThread {
  const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: mostHeapMb } });
  let settle: ((answer: Answer | Error) => void) | undefined;
  let lifetime: NodeJS.Timeout | undefined;
  worker.on('message', (answer: Answer) => settle?.(answer));
  worker.on('error', (error) => settle?.(error));
  worker.on('exit', () => {
    settle?.(new Error('the thread has ended'));
    onEnd(thread);
  });

  const thread: JudgeThread = {
    async ask(job, signal) {
      clearTimeout(lifetime);
      worker.ref();
      const answer = await new Promise<Answer | Error>((resolve) => {
        const abort = () => resolve(BusError.from(signal.reason));
        settle = (found) => {
          signal.removeEventListener('abort', abort);
          resolve(found);
        };
        signal.addEventListener('abort', abort, { once: true });
        worker.postMessage(job);
      });
      settle = undefined;
      if (answer instanceof Error) {
        void worker.terminate();
        throw answer instanceof BusError ? answer : failureOf(answer);
      }
      worker.unref();
      lifetime = setTimeout(() => void worker.terminate(), idleMs);
      lifetime.unref();
      return answer;
    },
    async end() {
      clearTimeout(lifetime);
      await worker.terminate();
    },
  };
  return thread;
}

/** What took a thread down: only a schema can. */
function failureOf(error: Error): BusError {
  const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return outOfMemory
    ? new BusError('SCHEMA_INVALID', 'the schema takes more memory than a check may use; make it smaller', {
        cause: error,
      })
    : new BusError('INTERNAL', 'a check of schemas failed; the server log has the details', { cause: error });
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
