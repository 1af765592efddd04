import { Presets, SingleBar } from 'cli-progress';
import { type Io, isTty } from '../io.js';
import { formatCount } from '../values.js';

/** What is shown on stderr while lines are published. */
export interface Progress {
  /** Bytes read, and events stored, so far. */
  update(bytesRead: number, stored: number): void;
  /** A line of text beside the bar. */
  say(text: string): void;
  stop(): void;
}

/** A bar over the input's bytes, or a count where its size is not known; nothing but the texts where stderr is no terminal. */
export function startProgress(io: Pick<Io, 'stderr'>, totalBytes: number | undefined): Progress {
  if (!isTty(io.stderr)) {
    return { update: () => undefined, say: (text) => void io.stderr.write(`${text}\n`), stop: () => undefined };
  }
  const started = performance.now();
  const known = totalBytes !== undefined && totalBytes > 0;
  const bar = new SingleBar(
    {
      format: known ? '{bar} {percentage} % · {stored} stored · {rate}/s' : '{stored} stored · {rate}/s',
      stream: io.stderr,
      clearOnComplete: true,
      hideCursor: null,
      fps: 8,
    },
    Presets.shades_classic,
  );
  bar.start(known ? totalBytes : 1, 0, { stored: '0', rate: '0' });
  return {
    update(bytesRead, stored) {
      const rate = Math.round(stored / Math.max(0.001, (performance.now() - started) / 1000));
      bar.update(known ? Math.min(bytesRead, totalBytes) : 0, { stored: formatCount(stored), rate: formatCount(rate) });
    },
    // The bar draws itself again with its next change.
    say: (text) => void io.stderr.write(`\r\u001b[K${text}\n`),
    stop: () => bar.stop(),
  };
}
