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
): Promise<Answer & { readonly body: Buffer }> {
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
    return { status: headers[':status'], headers, text: text.toString(), body: content, trailers };
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

/** Flags and message of each envelope in a body. */
export function envelopes(body: Buffer): { readonly flags: number; readonly message: Buffer }[] {
  const found: { flags: number; message: Buffer }[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    found.push({ flags: body[at] ?? 0, message: body.subarray(at + 5, end) });
    at = end;
  }
  return found;
}
