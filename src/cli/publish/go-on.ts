import { formatCount } from '../values.js';
import type { PublishOptions } from './options.js';
import type { PublishTotals } from './summary.js';

/**
 * Says after an interruption which lines are certain, and the command that goes on with the others. Lines that were in flight may be stored behind
 * the first one that is not: only with ids are they stored once whatever is sent again.
 */
export function howToGoOn({ topic, file, counts, end }: PublishTotals, options: PublishOptions): string[] {
  const open = [end.unknown[0], end.notStored[0], counts.lines + 1].filter((line) => line !== undefined);
  const next = Math.min(...open);
  const done =
    next > options.fromLine ? `lines ${formatCount(options.fromLine)} to ${formatCount(next - 1)}` : 'no line';
  const said = [`${done}: settled, each stored or rejected; line ${formatCount(next)} is the first that is not`];
  const command = (line: number) =>
    ['mainstem publish', quoted(topic), quoted(file), `--from-line ${line}`, ...flagsOf(options)].join(' ');
  const isIdentified = options.idPointer !== undefined || options.idempotencyKey !== undefined;
  if (isIdentified) {
    said.push('go on with this, within the dedupe window of the topic; what is stored already is not stored again:');
    return [...said, `  ${command(next)}`];
  }
  const isPrefix = end.unknown.length === 0 && end.notStored.every((line, i) => line === next + i);
  if (isPrefix) return [...said, 'nothing from there on is stored; go on with:', `  ${command(next)}`];
  if (end.unknown.length === 0) {
    said.push('of the lines behind it some are stored: go on with those that are named as not stored, then with:');
    return [...said, `  ${command(counts.lines + 1)}`];
  }
  const after = Math.max(...end.unknown) + 1;
  said.push('this sends the lines that may be stored or not again, and may store them twice:', `  ${command(next)}`);
  if (end.notStored.every((line) => line >= after))
    said.push('this leaves them out, and may lose them:', `  ${command(after)}`);
  return [...said, 'with --id-pointer or --idempotency-key, given from the start, each line is stored exactly once'];
}

function flagsOf({ key, schemaVersion, idPointer, idempotencyKey }: PublishOptions): string[] {
  const flags = { key, 'schema-version': schemaVersion, 'id-pointer': idPointer, 'idempotency-key': idempotencyKey };
  return Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${quoted(String(value))}`],
  );
}

/** As a POSIX shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
