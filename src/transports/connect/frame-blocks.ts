import { Buffer } from 'node:buffer';

/** How large a block is: a record that weighs more has memory of its own. */
export const blockBytes = 64 * 1024;
/** How many of those that were written out wait to be used again, in the whole process: as many as a few frames take. */
const mostSpare = 64;

const spare: Buffer[] = [];

/** Memory for a part of a frame that is written to one stream. What new memory costs, in pages and in garbage, is more than what encoding does. */
export function takeBlock(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
}

/** To be called when everything in them has been sent: nobody may hold a part of them any more. */
export function giveBack(blocks: readonly Buffer[]): void {
  for (const block of blocks) if (spare.length < mostSpare) spare.push(block);
}
