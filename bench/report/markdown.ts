import type { Row } from '../row.js';
import type { Spread } from '../stats.js';
import type { Run } from './run.js';

/** The table of a run, and how it came about. */
export function markdown(run: Run, before?: Run): string {
  const { machine, command, began } = run;
  const lines = [
    `\`${command}\`, ${began}, commit ${machine.commit}`,
    '',
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}; load averages at the start: ${machine.load}`,
    '',
    `| cell | log | measure | median (low – high) | reach / aim | ours | reference | events/s | cores busy > 90 % | verified |${before ? ' before |' : ''}`,
    `|---|---|---|---|---|---|---|---|---|---|${before ? '---|' : ''}`,
  ];
  for (const row of run.rows) {
    const old = before?.rows.find((one) => keyOf(one) === keyOf(row));
    const columns = [
      `${row.cell}: ${row.variant}`,
      row.pair,
      row.measure,
      `${mark(row)} ${show(row.value)}`,
      row.reach === undefined ? '' : `${row.reach} / ${row.aim ?? ''}`,
      row.ours ? `${show(row.ours)} ${row.unit ?? ''}` : '',
      row.reference ? show(row.reference) : '',
      row.throughput
        ? `${whole(row.throughput.ours)}${row.throughput.reference ? ` (reference ${whole(row.throughput.reference)})` : ''}`
        : '',
      row.saturated ?? '',
      row.note ? `${row.verified}. ${row.note}` : row.verified,
    ];
    if (before) columns.push(old ? `${number(old.value.median)} (${change(old, row)})` : 'new');
    lines.push(`| ${columns.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

// A figure that carries its rate in its name is the same figure at another rate.
const keyOf = ({ cell, variant, pair }: Row): string => `${cell} ${variant.replace(/[\d.]+\/s/, '')} ${pair}`;

function mark({ value, better, reach, aim }: Row): string {
  const meets = (target: number | undefined) =>
    target !== undefined && (better === 'higher' ? value.median >= target : value.median <= target);
  return meets(aim) ? '**aim**' : meets(reach) ? 'reached' : reach === undefined ? '' : '**MISSED**';
}

function change(old: Row, now: Row): string {
  const factor = now.value.median / old.value.median;
  return `${factor >= 1 ? '+' : ''}${((factor - 1) * 100).toFixed(0)} %`;
}

const show = ({ median, low, high }: Spread): string =>
  low === high ? number(median) : `${number(median)} (${number(low)} – ${number(high)})`;

const whole = ({ median }: Spread): string => Math.round(median).toLocaleString('en');

function number(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
