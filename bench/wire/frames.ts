/** Takes a stream of gRPC messages apart, however it was cut: hands over each whole message, which is only lent. */
export function messageReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  const parts: Buffer[] = [];
  let held = 0;
  let wanted = 5;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    let buffer = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    parts.length = 0;
    while (buffer.length >= 5) {
      wanted = 5 + buffer.readUInt32BE(1);
      if (buffer.length < wanted) break;
      onMessage(buffer.subarray(5, wanted));
      buffer = buffer.subarray(wanted);
      wanted = 5;
    }
    held = buffer.length;
    if (held > 0) parts.push(buffer);
  };
}

/** A place in a message that is being read. */
interface Scan {
  at: number;
}

function varint(bytes: Buffer, scan: Scan): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = bytes[scan.at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
}

/** Calls back with each field of a message: its number, and where its content is; for numbers `from` is the value. */
export function eachField(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (number: number, from: number, to: number) => void,
): void {
  const scan: Scan = { at: start };
  while (scan.at < end) {
    const tag = varint(bytes, scan);
    if ((tag & 7) === 0) visit(tag >> 3, varint(bytes, scan), -1);
    else {
      const length = varint(bytes, scan);
      visit(tag >> 3, scan.at, scan.at + length);
      scan.at += length;
    }
  }
}

/** What a stream tells its reader; offsets into the message, so that nothing is copied. */
export interface FrameVisitor {
  record?(message: Buffer, partition: number, offset: number, payloadFrom: number, payloadTo: number): void;
  /** `ready` tells where the stream starts, `events` and `heartbeat` how far it is. */
  cursor?(cursor: string): void;
  ready?(): void;
  /** The partitions that the stream serves: of `ready` and of `assignment`. */
  assigned?(partitions: number): void;
  end?(): void;
}

/** Fields of SubscribeResponse.frame. */
const kinds = { ready: 1, events: 2, heartbeat: 3, assignment: 5, end: 6 };

/** Reads a SubscribeResponse. */
export function readFrame(message: Buffer, visitor: FrameVisitor): void {
  eachField(message, 0, message.length, (kind, start, end) => {
    if (kind === kinds.end) visitor.end?.();
    if (kind === kinds.events) readEvents(message, start, end, visitor);
    if (kind === kinds.assignment) visitor.assigned?.(partitionsOf(message, start, end));
    if (kind !== kinds.ready) return;
    visitor.ready?.();
    eachField(message, start, end, (number, from, to) => {
      if (number === 1) visitor.cursor?.(message.toString('latin1', from, to));
      if (number === 2) visitor.assigned?.(partitionsOf(message, from, to));
    });
  });
}

function readEvents(message: Buffer, start: number, end: number, visitor: FrameVisitor): void {
  eachField(message, start, end, (number, from, to) => {
    if (number === 3) visitor.cursor?.(message.toString('latin1', from, to));
    if (number !== 2) return;
    let partition = 0;
    let offset = 0;
    let payloadFrom = 0;
    let payloadTo = 0;
    eachField(message, from, to, (part, a, b) => {
      if (part === 1) partition = a;
      else if (part === 2) offset = a;
      else if (part === 5) {
        payloadFrom = a;
        payloadTo = b;
      }
    });
    visitor.record?.(message, partition, offset, payloadFrom, payloadTo);
  });
}

/** A packed list of small numbers; one that is not packed comes as several fields. */
function partitionsOf(message: Buffer, start: number, end: number): number {
  let count = 0;
  eachField(message, start, end, (number, from, to) => {
    if (number !== 2) return;
    if (to < 0) count++;
    else for (let i = from; i < to; i++) if ((message[i] ?? 0) < 0x80) count++;
  });
  return count;
}
