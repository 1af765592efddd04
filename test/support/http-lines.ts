import { request } from 'node:http';

/** An answer over HTTP/1.1 that is read as it comes. */
export interface LineStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The next line without its end; undefined at a clean end. Rejects where the answer breaks off. */
  next(): Promise<string | undefined>;
  /** Reads to the end: all lines that are left. */
  rest(): Promise<string[]>;
  close(): void;
}

export async function openLines(url: string, headers: Readonly<Record<string, string>> = {}): Promise<LineStream> {
  const asked = request(url, { headers, agent: false });
  asked.end();
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve);
    asked.once('error', reject);
  });
  answer.setEncoding('utf8');
  const lines = (async function* () {
    let left = '';
    for await (const chunk of answer) {
      const parts = (left + chunk).split('\n');
      left = parts.pop() ?? '';
      yield* parts;
    }
    if (left !== '') yield left;
  })();
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    async next() {
      const { value, done } = await lines.next();
      return done ? undefined : value;
    },
    async rest() {
      const all: string[] = [];
      for await (const line of lines) all.push(line);
      return all;
    },
    close: () => asked.destroy(),
  };
}
