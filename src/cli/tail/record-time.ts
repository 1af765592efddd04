import type { StreamRecord } from '../../client/index.js';

/** Record times as ISO 8601 with milliseconds; neighbouring records mostly share one. */
export function timeFormatter(): (time: StreamRecord['time']) => string {
  let lastMs = Number.NaN;
  let lastText = '';
  return (time) => {
    if (time === undefined) return '';
    const ms = Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
    if (ms !== lastMs) {
      const date = new Date(ms);
      lastText = Number.isNaN(date.getTime()) ? '' : date.toISOString();
      lastMs = ms;
    }
    return lastText;
  };
}
