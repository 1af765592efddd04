import { Buffer } from 'node:buffer';

/** A request as the library's queue takes it: it sets `header.xid`, and looks at `header.type` when the reply comes. */
export interface SyncRequest {
  readonly header: { xid: number; readonly type: number };
  readonly payload: undefined;
  toBuffer(): Buffer;
}

const syncOperation = 9;
/** The type of a `delete`, whose reply has no body. The library closes the connection on replies to types that it does not know. */
const withoutBody = 2;
/** Any path will do: ZooKeeper syncs the whole server. */
const path = Buffer.from('/');

/**
 * ZooKeeper's `sync`, which node-zookeeper-client lacks. The server answers once it has carried out every transaction that the leader
 * had committed when the request reached the leader. The reply repeats the path; the library skips it with the rest of the frame.
 */
export function syncRequest(): SyncRequest {
  const header = { xid: 0, type: withoutBody };
  return {
    header,
    payload: undefined,
    toBuffer() {
      const frame = Buffer.alloc(16 + path.length);
      frame.writeInt32BE(frame.length - 4, 0);
      frame.writeInt32BE(header.xid, 4);
      frame.writeInt32BE(syncOperation, 8);
      frame.writeInt32BE(path.length, 12);
      path.copy(frame, 16);
      return frame;
    },
  };
}
