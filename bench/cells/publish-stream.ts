import type { NoOpStreamCommands } from '../measured/no-op-stream.js';
import { inRounds } from '../rounds.js';
import { cpuRow, verify } from '../row.js';
import type { Cell } from './cell.js';

export const publishStream: Cell = {
  name: 'publish-stream',
  describes: 'PublishStream of 1 KiB events, one per message, against a stream on connect-node that drops them',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('stream');
    await stage.createTopic(server, topic);
    const noOp = await stage.startReference<NoOpStreamCommands>('measured/no-op-stream', 1);
    const noOpPort = await noOp.ask('port');
    const plan = { topic, eventBytes: 1024, streams: 4, ms: sliceMs };
    let acknowledged = 0;
    const { ours, reference } = await inRounds(rounds, {
      ours: {
        child: server.child,
        run: async () => {
          const done = await stage.load.ask('publishStreams', { ...plan, port: server.port, answered: true });
          acknowledged += done.events;
          return done;
        },
      },
      reference: {
        child: noOp,
        run: () => stage.load.ask('publishStreams', { ...plan, port: noOpPort, answered: false }),
      },
    });
    const verified = verify(
      'ours',
      await stage.load.ask('catchUp', { port: server.port, topic }),
      acknowledged,
      'inOrder',
    );
    const name = { cell: 'publish-stream', variant: 'gRPC, 4 streams', pair: stage.pair };
    return [cpuRow(name, { reach: 0.4, aim: 0.7 }, ours, reference, verified)];
  },
};
