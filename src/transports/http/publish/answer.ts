import type { BusError } from '../../../core/errors.js';
import type { EventResult } from '../../../core/publish/command.js';

/**
 * What became of an event, as the members of a JSON object without its braces.
 *
 * @param say how an error reads. Default: its message
 */
export function resultMembers(result: EventResult, say = (error: BusError) => error.message): string {
  if (result.status === 'stored') {
    const { partition, offset, timestamp, schemaVersion, duplicate } = result;
    const version = schemaVersion === undefined ? '' : `,"schemaVersion":${schemaVersion}`;
    return `"status":"stored","partition":${partition},"offset":${offset},"time":"${timeText(timestamp)}"${version}${duplicate ? ',"duplicate":true' : ''}`;
  }
  const { reason, violations } = result.error;
  const shown = {
    status: result.status,
    reason,
    message: say(result.error),
    ...(violations.length > 0 && {
      violations: violations.map(({ pointer, rule, message: why }) => ({ pointer, rule, message: why })),
    }),
  };
  return JSON.stringify(shown).slice(1, -1);
}

/** The answer to a request that was read whole. */
export function answerText(results: readonly EventResult[], warnings: readonly string[]): string {
  let text = '{"results":[';
  for (let i = 0; i < results.length; i++) {
    const result = results[i];
    if (result) text += `${i === 0 ? '' : ','}{${resultMembers(result)}}`;
  }
  return `${text}],"warnings":${JSON.stringify(warnings)}}\n`;
}

let lastTime = Number.NaN;
let lastText = '';

/** Events of one batch have one time. */
function timeText(timestamp: number): string {
  if (timestamp !== lastTime) {
    lastTime = timestamp;
    lastText = new Date(timestamp).toISOString();
  }
  return lastText;
}
