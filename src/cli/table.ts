import Table from 'cli-table3';
import pc from 'picocolors';

/** A table without lines, which copies and greps well. */
export function plainTable(head: readonly string[]): Table.Table {
  const corners = ['top-left', 'top-right', 'bottom-left', 'bottom-right', 'left-mid', 'mid-mid', 'right-mid'];
  const edges = ['top', 'top-mid', 'bottom', 'bottom-mid', 'left', 'mid', 'right'];
  return new Table({
    head: head.map((name) => pc.dim(name)),
    chars: { ...Object.fromEntries([...corners, ...edges].map((part) => [part, ''])), middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
}
