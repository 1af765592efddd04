import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, watchClient } from './client-room.js';
import type { HttpResponse } from './node-http.js';

/** An answer that is a stream: a stream of HTTP/2, or a response of HTTP/1.1. */
export type StreamAnswer = ServerHttp2Stream | Exclude<HttpResponse, { readonly stream: ServerHttp2Stream }>;

/** The answers that go on and on, as a server that stops sees them. */
export interface OpenStreams {
  /**
   * As `watchClient`; once the server stops, `room` waits no more, so that a stream's end can be written behind what is unread.
   *
   * @param written takes what is written in place of the answer, and passes it on, as a compressor does
   */
  watch(answer: StreamAnswer, onGone?: () => void, written?: Writable): Client;
  /**
   * Ends the waits for room. Resolves when every answer has reached its client or is closed; one whose client takes nothing for `stalledMs` is
   * cut. To be called in the tick in which the streams are told to end.
   */
  finish(options: { readonly stalledMs: number; readonly signal: AbortSignal }): Promise<void>;
}

/** A stream writes its end, and at most one frame that was under way, after it was told to end. Anything more waits for room again. */
const writesAfterEnd = 4;
/** How often `finish` looks; Node does not tell how much of an answer a client has taken. */
const lookEveryMs = 50;

export function createOpenStreams(): OpenStreams {
  const open = new Map<StreamAnswer, Client>();
  let finishing = false;

  return {
    watch(answer, onGone, written = answer) {
      const client = watchClient(written, () => {
        open.delete(answer);
        onGone?.();
      });
      let free = writesAfterEnd;
      const watched: Client = {
        get gone() {
          return client.gone;
        },
        async room() {
          if (finishing && free-- > 0) return;
          await client.room();
        },
        resume: client.resume,
      };
      if (!client.gone) open.set(answer, client);
      return watched;
    },
    async finish({ stalledMs, signal }) {
      finishing = true;
      for (const client of open.values()) client.resume();
      /** How much each has left to send, and since when that is so. */
      const seen = new Map<StreamAnswer, { readonly bytes: number; readonly since: number }>();
      while (!signal.aborted) {
        const unread = [...open.keys()].filter(({ writableLength }) => writableLength > 0);
        if (unread.length === 0) return;
        const now = performance.now();
        for (const answer of unread) {
          const last = seen.get(answer);
          if (last?.bytes !== answer.writableLength) seen.set(answer, { bytes: answer.writableLength, since: now });
          else if (now - last.since >= stalledMs) cut(answer);
        }
        await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** The client sees that the answer is not whole. A second cut takes the whole connection, where not even the first one leaves it. */
function cut(answer: StreamAnswer): void {
  if (!('session' in answer)) answer.socket?.destroy();
  else if (answer.closed) answer.session?.destroy();
  else answer.close(constants.NGHTTP2_INTERNAL_ERROR);
}
