import type { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { BusError } from '../../../../core/errors.js';
import { isWhole, noticeCut } from '../../../cut-bodies.js';
import type { HttpRequest } from '../../../node-http.js';
import { cutBody, notGzip } from '../../body.js';

/** Reads an upload as it comes, and no faster than it is asked to. */
export interface BodyReader {
  /**
   * What is there next; undefined at the end. Throws CANCELLED where the client is gone before, DEADLINE_EXCEEDED after `patienceMs` without a byte, and the reason
   * of `stop`.
   */
  read(patienceMs: number): Promise<Buffer | undefined>;
  /** Nothing is read any more. */
  close(): void;
}

/**
 * @param source the request, or what unpacks it
 * @param stop ends it
 */
export function createBodyReader(source: Readable, request: HttpRequest, stop: AbortSignal): BodyReader {
  noticeCut(request);
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;

  const changed = () => wake?.();
  const onEnd = () => {
    ended = true;
    changed();
  };
  const onClose = () => {
    if (!ended) failure ??= new BusError('CANCELLED', 'the client is gone');
    changed();
  };
  const onError = (error: Error) => {
    // Of the request only that it was cut: `close` says so too.
    if (source !== request) failure ??= notGzip(error);
    changed();
  };
  const onStop = () => {
    failure ??= BusError.from(stop.reason);
    changed();
  };
  source.on('readable', changed);
  source.on('end', onEnd);
  source.on('close', onClose);
  source.on('error', onError);
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();

  return {
    async read(patienceMs) {
      let late = false;
      let timer: NodeJS.Timeout | undefined;
      try {
        for (;;) {
          // What has come counts, also where the client is gone by now.
          const chunk: Buffer | null = source.read();
          if (chunk !== null) return chunk;
          if (failure) throw failure;
          if (ended && !isWhole(request)) throw cutBody();
          if (ended) return undefined;
          if (late) throw new BusError('DEADLINE_EXCEEDED', `nothing came for ${Math.round(patienceMs / 1000)} s`);
          await new Promise<void>((resolve) => {
            wake = resolve;
            timer ??= setTimeout(() => {
              late = true;
              changed();
            }, patienceMs);
          });
        }
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      source.off('readable', changed);
      source.off('end', onEnd);
      source.off('close', onClose);
      stop.removeEventListener('abort', onStop);
      if (source !== request) {
        request.unpipe();
        source.destroy();
      }
    },
  };
}
