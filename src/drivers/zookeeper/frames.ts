const noBytes = Buffer.alloc(0);
/** No reply is larger: ZooKeeper's own limit is 1 MiB by default, and lists of children may exceed it. */
const maxFrameBytes = 128 * 1024 * 1024;

/**
 * Splits a connection's bytes into ZooKeeper's frames (a length of 4 bytes, then so many bytes), each handed on whole with its length. Throws
 * where a length makes no sense. Bytes are copied once at most.
 */
export function frameSplitter(deliver: (frame: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  /** Bytes that are needed before anything can be delivered. */
  let needed = 4;

  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < needed) return;
    const bytes = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    let at = 0;
    needed = 4;
    while (bytes.length - at >= 4) {
      const length = bytes.readInt32BE(at);
      if (length < 0 || length > maxFrameBytes) throw new RangeError(`ZooKeeper sent a frame of ${length} bytes`);
      if (bytes.length - at < length + 4) {
        needed = length + 4;
        break;
      }
      deliver(bytes.subarray(at, at + length + 4));
      at += length + 4;
    }
    const rest = at === bytes.length ? noBytes : bytes.subarray(at);
    held = rest.length;
    parts = held === 0 ? [] : [rest];
  };
}
