import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** A TCP relay that can fall silent: connections stay open, and nothing goes through them any more, as behind a cut cable. */
export interface Relay {
  readonly url: string;
  freeze(): void;
  close(): void;
}

export interface RelayOptions {
  /** Breaks a connection off right behind this text when it comes from the server. Once. */
  readonly cutBehind?: string;
}

export async function startRelay(port: number, { cutBehind }: RelayOptions = {}): Promise<Relay> {
  const sockets = new Set<Socket>();
  let marker = cutBehind;
  const takeMarker = () => {
    const taken = marker;
    marker = undefined;
    return taken;
  };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const cutting = takeMarker();
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      if (from === far && cutting !== undefined) from.pipe(cutter(cutting)).pipe(to);
      else from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an AddressInfo once it listens.
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Lets bytes through up to the end of the text, and ends there. */
function cutter(text: string): Transform {
  let before = '';
  let isCut = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isCut) {
        done();
        return;
      }
      const seen = before + chunk.toString('latin1');
      const found = seen.indexOf(text);
      if (found < 0) {
        before = seen.slice(1 - text.length);
        done(null, chunk);
        return;
      }
      isCut = true;
      this.push(chunk.subarray(0, found + text.length - before.length));
      this.push(null);
      done();
    },
  });
}
