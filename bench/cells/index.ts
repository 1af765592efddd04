import type { Cell } from './cell.js';
import { endToEnd } from './end-to-end.js';
import { fetchedBytes } from './fetched-bytes.js';
import { idleMemory } from './idle-memory.js';
import { kafkaClients } from './kafka-clients.js';
import { publishBatch } from './publish-batch.js';
import { publishStream } from './publish-stream.js';
import { publishUnary } from './publish-unary.js';
import { restart } from './restart.js';
import { slopes } from './slopes.js';
import { subscribeCatchup } from './subscribe-catchup.js';
import { subscribeFanout } from './subscribe-fanout.js';
import { subscribeLines } from './subscribe-lines.js';
import { subscriberScale } from './subscriber-scale.js';
import { unaryLatency } from './unary-latency.js';
import { validation } from './validation.js';

export const cells: readonly Cell[] = [
  publishUnary,
  unaryLatency,
  publishBatch,
  publishStream,
  subscribeCatchup,
  subscribeFanout,
  subscribeLines,
  fetchedBytes,
  endToEnd,
  idleMemory,
  restart,
  subscriberScale,
  validation,
  slopes,
  kafkaClients,
];
