import type { HttpRequest, HttpResponse } from './node-http.js';

/** How a stream tells its transport that others depend on its client. */
export interface StallWatch {
  /** While true the connection is cut when bytes wait for the client, and it has taken none for the bound's time. */
  expectReading(expected: boolean): void;
}

/** What HTTP/2 needs: there PINGs find out. */
export const noStallWatch: StallWatch = { expectReading: () => undefined };

/** Node says when a connection has moved nothing for a while. So many of such whiles in a row are the bound. */
const whiles = 4;

/**
 * Watches the client of an answer over HTTP/1.1, where one that reads no more cannot be asked whether it is there. What the kernel has taken counts as read: only bytes that it has no
 * room for any more show that somebody has stopped. So a client is also cut that lives, but takes less than the kernel's buffers hold (a megabyte or so) in that
 * time while more waits for it: `max_uncommitted` keeps a slow one from that.
 */
export function watchStalls(request: HttpRequest, response: HttpResponse, stalledMs = 30_000): StallWatch {
  if ('stream' in request) return noStallWatch;
  const { socket } = request;
  const whileMs = stalledMs / whiles;
  let expected = false;
  let stalled = 0;
  let last = 0;

  function onTimeout(): void {
    const now = performance.now();
    // A while in which something moved is not told: the time shows that there was one in between.
    const inARow = now - last < whileMs * 1.5;
    last = now;
    stalled = socket.writableLength === 0 ? 0 : inARow ? stalled + 1 : 1;
    if (stalled >= whiles) socket.destroy();
    else socket.setTimeout(whileMs);
  }

  return {
    expectReading(now) {
      if (now === expected || response.writableEnded) return;
      expected = now;
      if (now) response.on('timeout', onTimeout);
      else response.off('timeout', onTimeout);
      socket.setTimeout(now ? whileMs : 0);
    },
  };
}
