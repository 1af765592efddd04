import type { History, Shutdown, Stream } from './history.js';
import type { Report } from './violation.js';

/** Beyond the heartbeat interval: for a busy machine, not for the bus. */
const silenceToleranceMs = 5_000;
/** Until the first frame, or a refusal: what is away is given up after about 10 s. */
const openingMs = 15_000;
/** A server exits within 10 s of a SIGTERM, here much sooner: nothing in flight takes long. The rest is tolerance. */
const shutdownMs = 9_000;

/** No stream is silent for longer than its heartbeat while its server can run, and a SIGTERM ends streams in order. */
export function checkSilences(history: History, report: Report): void {
  for (const stream of history.streams) checkSilence(history, stream, report);
  for (const shutdown of history.shutdowns) checkShutdown(history, shutdown, report);
}

function checkSilence(history: History, stream: Stream, report: Report): void {
  const { openedAt, closedAt, frames, reader, instance, heartbeatMs } = stream;
  const windows = history.windows.filter((window) => window.instance === undefined || window.instance === instance);
  let before = openedAt;
  let allowed = openingMs;
  for (const at of [...frames.map((seen) => seen.at), closedAt]) {
    const excused = windows.reduce(
      (sum, { from, to }) => sum + Math.max(0, Math.min(at, to) - Math.max(before, from)),
      0,
    );
    const silence = at - before - excused;
    if (silence > allowed) {
      report(
        'silent',
        `a stream of ${reader} on ${instance} was silent for ${Math.round(silence)} ms, from ${Math.round(before)} on`,
      );
    }
    before = at;
    allowed = heartbeatMs + silenceToleranceMs;
  }
}

function checkShutdown(history: History, { instance, at, exitedAt, result }: Shutdown, report: Report): void {
  if (result !== 0) report('shutdown', `${instance} ended with ${result} after SIGTERM`);
  if (exitedAt - at > shutdownMs)
    report('shutdown', `${instance} took ${Math.round(exitedAt - at)} ms to end after SIGTERM`);
  for (const stream of history.streams) {
    const [first] = stream.frames;
    const concerned =
      stream.instance === instance && first && first.at < at && stream.closedAt > at && stream.openedAt < exitedAt;
    if (!concerned || stream.outcome === 'end' || stream.outcome === 'left') continue;
    report(
      'shutdown',
      `a stream of ${stream.reader} on ${instance} ended with ${stream.outcome} after SIGTERM, not with an end`,
    );
  }
}
