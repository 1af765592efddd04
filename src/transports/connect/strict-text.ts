import { Buffer, isUtf8 } from 'node:buffer';
import { Code, ConnectError } from '@connectrpc/connect';

/** What reads JSON messages for connect's codec, in place of a TextDecoder. */
export interface TextReader {
  decode(bytes: Uint8Array): string;
}

/** Reads a JSON message as it was sent or not at all: the usual decoder replaces what is not UTF-8, and drops a byte order mark. */
export const strictText: TextReader = wellFormed({
  decode(bytes) {
    if (!isUtf8(bytes)) throw refused('the request is not valid UTF-8');
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
      throw refused('the request begins with a byte order mark; send JSON without one');
    }
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  },
});

/** An escape of JSON: a pair of surrogates, or half of one, or anything else. */
const escapes = /\\(?:u(d[89ab][0-9a-f]{2})(\\ud[c-f][0-9a-f]{2})?|u(d[c-f][0-9a-f]{2})|.)/gis;

/**
 * Refuses escapes of lone surrogates: no text of protobuf can hold one, and the codec's error about it, which quotes it, cannot be written into
 * gRPC's trailers, so that the caller would get no answer at all.
 */
export function wellFormed(reader: TextReader): TextReader {
  return {
    decode(bytes) {
      const text = reader.decode(bytes);
      if (!/\\ud[89a-f]/i.test(text)) return text;
      for (const [found, high, low, aloneLow] of text.matchAll(escapes)) {
        if (aloneLow === undefined && (high === undefined || low !== undefined)) continue;
        throw refused(`the request has half a surrogate pair, ${found}, where text is expected`);
      }
      return text;
    },
  };
}

function refused(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
