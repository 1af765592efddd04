import { answerCommands } from '../process/commands.js';
import { catchUp } from './catch-up.js';
import { closeDurable, feedDurable, leave, openDurable, settled } from './durable-streams.js';
import { endToEnd } from './end-to-end.js';
import { closeFanOut, openFanOut, pumpFanOut } from './fan-out.js';
import { allBack, closeIdle, openIdle, openReconnecting } from './idle-streams.js';
import { closedLoop, steadyRate } from './publish.js';
import { publishStreams } from './publish-stream.js';

// The load generator: plain HTTP/2 clients with prepared bytes, in a process of its own on the other core.
const commands = {
  closedLoop,
  steadyRate,
  publishStreams,
  catchUp,
  openFanOut,
  pumpFanOut,
  closeFanOut,
  openIdle,
  closeIdle,
  openReconnecting,
  allBack,
  endToEnd,
  openDurable,
  settled,
  leave,
  feedDurable,
  closeDurable,
};
export type LoadCommands = typeof commands;
answerCommands(commands);
