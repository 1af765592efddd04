import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { buffer } from 'node:stream/consumers';

/** An answer over HTTP/2, as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body; where it is enveloped its first message. */
  readonly text: string;
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** One POST on a connection of its own. The body goes out in as many frames as it has parts. */
export async function http2(
  url: string,
  path: string,
  type: string,
  body: Uint8Array | readonly Uint8Array[],
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const session = connect(url);
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type, ...more });
    let trailers = {};
    stream.on('trailers', (got) => {
      trailers = got;
    });
    const head = once(stream, 'response');
    for (const part of body instanceof Uint8Array ? [body] : body) {
      stream.write(part);
      await new Promise(setImmediate);
    }
    stream.end();
    const content = await buffer(stream);
    const [headers] = await head;
    const enveloped = /grpc|connect[+]/.test(String(headers['content-type']));
    const text = enveloped && content.length >= 5 ? content.subarray(5, 5 + content.readUInt32BE(1)) : content;
    return { status: headers[':status'], headers, text: text.toString(), trailers };
  } finally {
    session.close();
  }
}

/** A message as gRPC and Connect's streams frame it. */
export function envelope(body: Uint8Array, flags = 0): Buffer {
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}
