import { answerCommands } from '../process/commands.js';
import { endToEnd } from './direct-end-to-end.js';
import { type AppendPlan, appendLoop, readBack, readLoop, tailLoop } from './direct-loops.js';
import { createTopic, openLog } from './open-log.js';

// Reference: the driver in a loop, with nothing around it.
const [place = '', topic = 'bench', count = '4', client] = process.argv.slice(2);
const partitions = Number(count);
const log = await openLog(place, client);

const commands = {
  create: () => createTopic(log, topic, partitions),
  append: (plan: AppendPlan) => appendLoop(log, topic, partitions, plan),
  read: () => readLoop(log, topic, partitions),
  tail: () => tailLoop(log, topic, partitions),
  readBack: () => readBack(log, topic, partitions),
  endToEnd: (plan: { readonly perSecond: number; readonly ms: number; readonly eventBytes: number }) =>
    endToEnd(log, topic, partitions, plan),
};
export type DirectCommands = typeof commands;
answerCommands(commands);
