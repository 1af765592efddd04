import { Buffer } from 'node:buffer';
import type { EventInput } from '../../../../core/publish/command.js';

/** A line of an upload that is not blank. */
export interface Line {
  /** From 1; blank lines count. */
  readonly number: number;
  /** Where it begins in the unpacked body, from 0. */
  readonly byte: number;
  /** Without LF or CRLF. */
  readonly payload: Uint8Array;
}

/** A line as an event. Its number stands for it with an idempotency key, since batches are cut differently each time. */
export function lineEvent({ number, payload }: Line, key: Uint8Array | undefined): EventInput {
  return { key, payload, number: number - 1 };
}

/** The longest line: the largest payload that a topic can allow. */
export const maxLineBytes = 8 * 1024 * 1024;

/** Splits an upload into lines at LF or CRLF, holding at most one of them. */
export interface Splitter {
  /** The lines that are complete with this. A line above the limit is given up: see `tooLong`. */
  push(chunk: Buffer): Line[];
  /** The input is over: a last line without its terminator counts. */
  end(): Line[];
  /** The number of the line that is being read, and where it begins. */
  readonly at: { readonly line: number; readonly byte: number };
  /** Whether a part of a line is held. */
  readonly midLine: boolean;
  /** The line at `at` is longer than the limit; nothing is split any more. */
  readonly tooLong: boolean;
}

export function createSplitter(limit = maxLineBytes): Splitter {
  let line = 1;
  let byte = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  let tooLong = false;

  function take(lines: Line[], bytes: Buffer, terminator: number): void {
    const length = bytes.length - (bytes[bytes.length - 1] === 0x0d ? 1 : 0);
    if (length > limit) {
      tooLong = true;
      return;
    }
    const payload = length === bytes.length ? bytes : bytes.subarray(0, length);
    if (!isBlank(payload)) lines.push({ number: line, byte, payload });
    line++;
    byte += bytes.length + terminator;
  }
  function whole(last: Buffer): Buffer {
    if (heldBytes === 0) return last;
    const bytes = Buffer.concat([...held, last], heldBytes + last.length);
    held = [];
    heldBytes = 0;
    return bytes;
  }

  return {
    push(chunk) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end !== -1 && !tooLong; end = chunk.indexOf(0x0a, start)) {
        take(lines, whole(chunk.subarray(start, end)), 1);
        start = end + 1;
      }
      const rest = chunk.length - start;
      // One byte more for the CR of a terminator.
      if (heldBytes + rest > limit + 1) tooLong = true;
      if (tooLong) {
        held = [];
        heldBytes = 0;
      } else if (rest > 0) {
        // A copy: the lines in front of it need not stay in memory until it is complete.
        held.push(Buffer.from(chunk.subarray(start)));
        heldBytes += rest;
      }
      return lines;
    },
    end() {
      const lines: Line[] = [];
      if (heldBytes > 0) take(lines, whole(Buffer.alloc(0)), 0);
      return lines;
    },
    get at() {
      return { line, byte };
    },
    get midLine() {
      return heldBytes > 0;
    },
    get tooLong() {
      return tooLong;
    },
  };
}

/** Whether there is nothing but the space that JSON allows. */
function isBlank(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
}
