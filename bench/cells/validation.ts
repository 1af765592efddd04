import { eventsPerSecond, inRounds, perEvent, type Subject, saturated } from '../rounds.js';
import type { Row } from '../row.js';
import { spread } from '../stats.js';
import type { Cell } from './cell.js';

const variants = [
  { name: 'batch of 100 × 1 KiB', batch: 100, inFlight: 8 },
  { name: 'unary, 1 KiB', batch: 1, inFlight: 64 },
];

export const validation: Cell = {
  name: 'validation',
  describes:
    "The schema's share of publishing: the same events into a topic with a schema and into one that takes any JSON (which parses them too)",
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topics = { checked: stage.topicName('checked'), any: stage.topicName('any') };
    await stage.createTopic(server, topics.checked);
    await stage.createTopic(server, topics.any, { schema: null });
    const rows: Row[] = [];
    for (const { name, batch, inFlight } of variants) {
      const into = (topic: string): Subject => ({
        child: server.child,
        run: () =>
          stage.load.ask('closedLoop', {
            ...{ port: server.port, protocol: 'grpc', topics: [topic], batch, eventBytes: 1024 },
            ...{ inFlight, connections: 2, ms: sliceMs },
          }),
      });
      const { checked, any } = await inRounds(rounds, { checked: into(topics.checked), any: into(topics.any) });
      const [withSchema, without] = [perEvent(checked), perEvent(any)];
      rows.push({
        cell: 'validation',
        variant: name,
        pair: stage.pair,
        measure: "validation's share of CPU",
        better: 'lower',
        reach: 0.4,
        aim: 0.2,
        value: spread(withSchema.map((cost, i) => (cost - (without[i] ?? Number.NaN)) / cost)),
        ours: spread(withSchema),
        reference: spread(without),
        unit: 'CPU µs/event',
        throughput: { ours: spread(eventsPerSecond(checked)), reference: spread(eventsPerSecond(any)) },
        saturated: saturated(checked),
        verified: 'every call answered OK',
      });
    }
    return rows;
  },
};
