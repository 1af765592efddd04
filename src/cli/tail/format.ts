import type { StreamRecord } from '../../client/index.js';
import type { ByteWriter } from './byte-writer.js';

/** Writes one record, with its line end. */
export type Format = (out: ByteWriter, topic: string, record: StreamRecord) => void;
