import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';

/** An answer, as it came over either version of HTTP. */
export interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export type Ask = (
  method: string,
  path: string,
  headers?: Readonly<Record<string, string>>,
  body?: string,
) => Promise<Asked>;

/** Asks on one connection that is kept, path by path as it is written: nothing normalizes it. */
export function openAsk(version: 1 | 2, url: string): { readonly ask: Ask; close(): void } {
  const { hostname, port } = new URL(url);
  if (version === 1) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    return {
      async ask(method, path, headers = {}, body) {
        const call = request({ agent, hostname, port, method, path, headers });
        const answered = once(call, 'response');
        call.end(body);
        const [answer] = await answered;
        return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
      },
      close: () => agent.destroy(),
    };
  }
  const session = connect(url);
  return {
    async ask(method, path, headers = {}, body) {
      const stream = session.request({ ':method': method, ':path': path, ...headers });
      const answered = once(stream, 'response');
      stream.end(body);
      const [answer] = await answered;
      return { status: answer[':status'], headers: answer, body: await text(stream) };
    },
    close: () => session.close(),
  };
}
