import { constants } from 'node:http2';
import { createGzip, constants as zlib } from 'node:zlib';
import type { Client } from '../../client-room.js';
import type { HttpResponse } from '../../node-http.js';
import type { OpenStreams } from '../../open-streams.js';

/** Where an answer's text goes, its headers sent already. */
export interface StreamOutput extends Client {
  /** False if the client should first read what it has been sent. */
  write(text: string | Uint8Array): boolean;
  end(): void;
  /** Breaks the answer off, so that the client sees that it is not whole; what was written before is sent if that is possible. */
  cut(): void;
}

/** @param gzip each write can be read as it comes: compressed worse than a whole would be. */
export function streamOutput(response: HttpResponse, gzip: boolean, streams: OpenStreams): StreamOutput {
  const target = 'stream' in response ? response.stream : response;
  const cut = () => {
    if ('stream' in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else response.socket?.destroySoon();
  };
  if (!gzip)
    return Object.assign(streams.watch(target), {
      write: (text: string | Uint8Array) => target.write(text),
      end: () => void response.end(),
      cut,
    });
  // A live stream is to cost little: the fastest level still makes JSON a fraction of its size.
  const packer = createGzip({ level: zlib.Z_BEST_SPEED, flush: zlib.Z_SYNC_FLUSH });
  packer.on('data', (chunk: Buffer) => {
    if (!target.write(chunk)) packer.pause();
  });
  target.on('drain', () => packer.resume());
  target.once('close', () => packer.destroy());
  packer.once('end', () => response.end());
  // Also what is written in the moment in which the client goes.
  packer.on('error', cut);
  return Object.assign(streams.watch(target, undefined, packer), {
    write: (text: string | Uint8Array) => packer.write(text),
    end: () => void packer.end(),
    cut() {
      packer.destroy();
      cut();
    },
  });
}
