import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/** A web server that a page and the bus share, as in a deployment behind a reverse proxy. */
export interface PageServer {
  /** `http://127.0.0.1:12345`. */
  readonly address: string;
  /** Ends the answers that are being streamed in good order, as proxies do with what took too long for them. */
  endStreams(): void;
  close(): Promise<void>;
}

/** Answers `GET /` with the page and `GET /client.js` with the script; pipes all else to the bus and back as it comes. 502 while the bus is away. */
export async function startPageServer(bus: string, page: string, script: string): Promise<PageServer> {
  const files = new Map([
    ['/', { type: 'text/html; charset=utf-8', body: page }],
    ['/client.js', { type: 'text/javascript; charset=utf-8', body: script }],
  ]);
  const piped = new Set<ServerResponse>();
  const { hostname, port } = new URL(bus);

  const server = createServer((asked, answer) => {
    const { method = '', url = '/', headers } = asked;
    const file = method === 'GET' ? files.get(url) : undefined;
    if (file !== undefined) {
      answer.writeHead(200, { 'content-type': file.type }).end(file.body);
      return;
    }
    const forwarded = request({ hostname, port, method, path: url, headers });
    forwarded.on('response', (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      answer.flushHeaders();
      piped.add(answer);
      // Whichever side breaks, the other one sees a break.
      pipeline(got, answer, () => piped.delete(answer));
    });
    forwarded.on('error', () => {
      if (!answer.headersSent) answer.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>');
    });
    answer.on('close', () => forwarded.destroy());
    asked.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    // A TCP server's address is an AddressInfo once it listens.
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    endStreams() {
      for (const answer of piped) answer.end();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
