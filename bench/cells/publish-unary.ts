import type { RawHttp2Commands } from '../measured/raw-http2.js';
import { eventsOf, inRounds, type Subject } from '../rounds.js';
import { cpuRow, type Row, verify } from '../row.js';
import type { Cell } from './cell.js';

const variants = [
  { protocol: 'grpc', inFlight: 64 },
  { protocol: 'grpc', inFlight: 256 },
  { protocol: 'connect', inFlight: 64 },
  { protocol: 'connect', inFlight: 256 },
  { protocol: 'http', inFlight: 64 },
  { protocol: 'http', inFlight: 256 },
] as const;

export const publishUnary: Cell = {
  name: 'publish-unary',
  describes: 'Publish of one 1 KiB event, against a raw node:http2 handler that awaits the same append',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('unary');
    await stage.createTopic(server, topic);
    const raw = await stage.startReference<RawHttp2Commands>('measured/raw-http2', 4);
    const rawPort = await raw.ask('port');
    const plan = { topics: [topic], batch: 1, eventBytes: 1024, connections: 4, ms: sliceMs };
    const acknowledged = { ours: 0, raw: 0 };
    const rows: Row[] = [];
    for (const { protocol, inFlight } of variants) {
      const count = (side: keyof typeof acknowledged, subject: Subject): Subject => ({
        ...subject,
        run: async () => {
          const done = await subject.run();
          acknowledged[side] += done.events;
          return done;
        },
      });
      const { ours, reference } = await inRounds(rounds, {
        ours: count('ours', {
          child: server.child,
          run: () => stage.load.ask('closedLoop', { ...plan, port: server.port, protocol, inFlight }),
        }),
        reference: count('raw', {
          child: raw,
          run: () => stage.load.ask('closedLoop', { ...plan, port: rawPort, protocol: 'raw', inFlight }),
        }),
      });
      const name = { cell: 'publish-unary', variant: `${protocol}, ${inFlight} in flight`, pair: stage.pair };
      rows.push(cpuRow(name, { reach: 0.35, aim: 0.6 }, ours, reference, `${eventsOf(ours)} events`));
    }
    verify('ours', await stage.load.ask('catchUp', { port: server.port, topic }), acknowledged.ours);
    verify('reference', await raw.ask('readBack'), acknowledged.raw);
    return rows;
  },
};
