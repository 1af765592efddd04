import { Buffer } from 'node:buffer';
import type { HttpResponse } from '../../../node-http.js';

/** The lines of an answer, which begins when the first of the upload's lines is accepted. */
export interface Output {
  /** Adds a line, without its LF. */
  line(text: string): void;
  /** Sends status 200 and what there is. */
  begin(): void;
  readonly begun: boolean;
  /** Resolves with true when the client has taken so much that more can be added; false where it has taken nothing for 30 s. */
  room(): Promise<boolean>;
  /** The last line. A client that does not read it within 30 s is cut off. */
  end(text: string): void;
}

/** How long a client has to send the rest of its upload, which is dropped, and to read the last line. */
export const lastLineMs = 30_000;
/** What may wait for a client before no more of its upload is read. */
const maxUnreadBytes = 1024 * 1024;
/** Refusals that are held back until a line is accepted; with more of them the answer begins. */
const maxHeldBytes = 64 * 1024;

export function createOutput(response: HttpResponse, stalledMs: number): Output {
  let begun = false;
  let held = '';
  let scheduled = false;
  let unread = 0;
  let wake: (() => void) | undefined;

  function flush(): void {
    scheduled = false;
    if (!begun || held === '') return;
    const bytes = Buffer.from(held);
    held = '';
    unread += bytes.length;
    response.write(bytes, () => {
      unread -= bytes.length;
      wake?.();
    });
  }
  function begin(): void {
    if (begun) return;
    begun = true;
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    // On HTTP/2 they are out already.
    if ('flushHeaders' in response) response.flushHeaders();
    flush();
  }

  return {
    line(text) {
      held += `${text}\n`;
      if (held.length > maxHeldBytes) begin();
      if (scheduled) return;
      scheduled = true;
      // Once for all lines of a batch.
      queueMicrotask(flush);
    },
    begin,
    get begun() {
      return begun;
    },
    async room() {
      while (unread > maxUnreadBytes && !response.destroyed) {
        const before = unread;
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, stalledMs);
        });
        clearTimeout(timer);
        if (unread >= before) return false;
      }
      return true;
    },
    end(text) {
      begin();
      held += `${text}\n`;
      flush();
      response.end();
      const timer = setTimeout(() => response.destroy(), lastLineMs);
      response.once('close', () => clearTimeout(timer));
    },
  };
}
