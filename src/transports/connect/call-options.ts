import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { strictText } from './strict-text.js';

/** `textDecoder` is missing in connect's type, and heeded all the same. */
const jsonOptions = { ignoreUnknownFields: false, textDecoder: strictText };

/** What holds for every call, whatever service it is of. */
export const callOptions = {
  /** A batch has at most 8 MiB of payloads, which base64 in the JSON form makes 10.7 MiB; the rest is room for keys and headers. */
  readMaxBytes: 16 * 1024 * 1024,
  /** One record of 8 MiB, by the same arithmetic; a frame of several stays under 1 MiB. */
  writeMaxBytes: 16 * 1024 * 1024,
  /** The longest that a timer can run, 24.8 days; with a longer deadline Node's would go off at once. */
  maxTimeoutMs: 2 ** 31 - 1,
  // Requests may come compressed. Answers never are: it costs several times the CPU that everything else takes together.
  acceptCompression: [compressionGzip, compressionBrotli],
  compressMinBytes: Number.MAX_SAFE_INTEGER,
  // A misspelt field has to be noticed: left out, it would mean something else.
  jsonOptions,
};
