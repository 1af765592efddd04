import type { DirectCommands } from '../measured/direct.js';
import { inRounds } from '../rounds.js';
import { cpuRow, verify } from '../row.js';
import type { Cell } from './cell.js';
import { fillTopic } from './history.js';

/** Events in the topic per second of a slice: about what one core reads. */
const perSecond = 400_000;
/** More than the bus keeps of what it has read (32 MiB), and enough that opening the stream does not count. */
const least = 200_000;

export const subscribeCatchup: Cell = {
  name: 'subscribe-catchup',
  describes:
    'One subscriber that reads a topic of 1 KiB events from its beginning, against a loop of reads on the same driver',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('history');
    await stage.createTopic(server, topic);
    const direct = await stage.startReference<DirectCommands>('measured/direct', 4);
    await direct.ask('create');
    const events = Math.max(least, Math.round((perSecond * sliceMs) / 1000));
    const filled = await fillTopic(stage, server, topic, events);
    const other = await direct.ask('append', { batch: 100, eventBytes: 1024, events: filled });
    let verified = '';
    const { ours, reference } = await inRounds(rounds, {
      ours: {
        child: server.child,
        run: async () => {
          const { seconds, ...read } = await stage.load.ask('catchUp', { port: server.port, topic });
          verified = verify('ours', read, filled);
          return { events: read.records, seconds };
        },
      },
      reference: {
        child: direct,
        run: async () => {
          const start = performance.now();
          const read = await direct.ask('read');
          if (read !== other) throw new Error(`the reference read ${read} of ${other}`);
          return { events: read, seconds: (performance.now() - start) / 1000 };
        },
      },
    });
    const name = { cell: 'subscribe-catchup', variant: 'gRPC, 1 KiB', pair: stage.pair };
    return [cpuRow(name, { reach: 0.5, aim: 0.8 }, ours, reference, `${verified}, each round`)];
  },
};
