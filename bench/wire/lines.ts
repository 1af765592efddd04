/** How a stream comes: as gRPC's messages, or as lines on the plain route. */
export type StreamForm = 'grpc' | 'ndjson' | 'sse';

const types = { ndjson: 'application/x-ndjson', sse: 'text/event-stream' };

/** The address of a stream of lines, and the headers that it takes besides. */
export function linesRequest(topic: string, form: 'ndjson' | 'sse', from: 'earliest' | 'latest', follow: boolean) {
  return {
    path: `/v1/topics/${topic}/events?from=${from}&follow=${follow}&heartbeat=60s`,
    headers: { accept: types[form] },
  };
}

/** What comes on such a stream. */
export interface LineEvents {
  ready?(): void;
  /** `from` is where the payload begins. */
  record(bytes: Buffer, partition: number, offset: number, from: number): void;
  end?(): void;
}

const partitionName = '"partition":';
const offsetName = ',"offset":';
const dataName = ',"data":';
/** No record's own metadata is longer here. */
const headChars = 400;

/** Takes a stream of lines apart, however it was cut. Both forms have one line of JSON per record, with the same beginning. */
export function lineReader({ ready, record, end }: LineEvents): (chunk: Buffer) => void {
  let left: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    let start = 0;
    for (let stop = bytes.indexOf(10); stop >= 0; stop = bytes.indexOf(10, start)) {
      const head = bytes.toString('latin1', start, Math.min(stop, start + headChars));
      const data = head.indexOf(dataName);
      if (data >= 0) {
        const partition = head.indexOf(partitionName) + partitionName.length;
        const offset = head.indexOf(offsetName) + offsetName.length;
        record(
          bytes,
          Number.parseInt(head.slice(partition, partition + 12), 10),
          Number.parseInt(head.slice(offset, offset + 17), 10),
          start + data + dataName.length,
        );
      } else if (head.includes('"streamId"')) ready?.();
      else if (head.includes('"reason":"caught_up"')) end?.();
      start = stop + 1;
    }
    left = bytes.subarray(start);
  };
}
