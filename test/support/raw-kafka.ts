import { Buffer } from 'node:buffer';
import { connect } from 'node:net';

/** Sends a record batch to a partition byte by byte, past all code of the product. Asks each broker until one leads the partition. */
export async function produceRaw(brokers: readonly string[], topic: string, partition: number, batch: Buffer) {
  let error = 0;
  for (const broker of brokers) {
    const answer = await exchange(broker, produceRequest(topic, partition, batch));
    // Correlation id, one topic with its name, one partition with its number; then the error.
    error = answer.readInt16BE(4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4);
    if (error === 0) return;
  }
  throw new Error(`Kafka answered the raw batch with error ${error}`);
}

/** Produce v3, with its header. */
function produceRequest(topic: string, partition: number, batch: Buffer): Buffer {
  const text = (value: string) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat([
    int16(0), // Produce
    int16(3), // version
    int32(1), // correlation id
    text('raw'),
    int16(-1), // no transaction
    int16(-1), // acks: all
    int32(10_000),
    int32(1),
    text(topic),
    int32(1),
    int32(partition),
    int32(batch.length),
    batch,
  ]);
}

function exchange(broker: string, request: Buffer): Promise<Buffer> {
  const { hostname, port } = new URL(`kafka://${broker}`);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.concat([int32(request.length), request])));
    let answer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      socket.destroy();
      resolve(answer.subarray(4));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the broker has closed the connection')));
  });
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
