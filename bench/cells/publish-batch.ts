import type { DirectCommands } from '../measured/direct.js';
import { eventsOf, eventsPerSecond, inRounds, ratios, saturated } from '../rounds.js';
import { cpuRow, type Row, verify } from '../row.js';
import { spread } from '../stats.js';
import type { Cell } from './cell.js';
import { producerPerformance } from './producer-performance.js';

const variants = [
  { batch: 100, eventBytes: 1024 },
  { batch: 1000, eventBytes: 100 },
];

export const publishBatch: Cell = {
  name: 'publish-batch',
  describes:
    'Publish of batches over gRPC, against the same driver appending the same batches; on Kafka also against ProducerPerformance',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const rows: Row[] = [];
    for (const { batch, eventBytes } of variants) {
      const topic = stage.topicName(`batch-${batch}`);
      await stage.createTopic(server, topic);
      const direct = await stage.startReference<DirectCommands>('measured/direct', 4);
      await direct.ask('create');
      const acknowledged = { ours: 0, reference: 0 };
      const plan = { port: server.port, protocol: 'grpc' as const, topics: [topic], batch, eventBytes, connections: 2 };
      const { ours, reference } = await inRounds(rounds, {
        ours: {
          child: server.child,
          run: async () => {
            const done = await stage.load.ask('closedLoop', { ...plan, inFlight: 8, ms: sliceMs });
            acknowledged.ours += done.events;
            return done;
          },
        },
        reference: {
          child: direct,
          run: async () => {
            const start = performance.now();
            const events = await direct.ask('append', { batch, eventBytes, ms: sliceMs });
            acknowledged.reference += events;
            return { events, seconds: (performance.now() - start) / 1000 };
          },
        },
      });
      verify('ours', await stage.load.ask('catchUp', { port: server.port, topic }), acknowledged.ours);
      verify('reference', await direct.ask('readBack'), acknowledged.reference);
      const name = { cell: 'publish-batch', variant: `${batch} × ${eventBytes} B`, pair: stage.pair };
      rows.push(cpuRow(name, { reach: 0.4, aim: 0.7 }, ours, reference, `${eventsOf(ours)} events`));
      await direct.kill();
      if (!stage.cluster) continue;
      const java = await producerPerformance(stage.cluster, topic, eventBytes, rounds > 1 ? 3 : 1);
      rows.push({
        ...name,
        variant: `${name.variant}, throughput`,
        measure: 'events/s ours ÷ Java',
        better: 'higher',
        reach: 0.4,
        aim: 0.8,
        value: ratios(
          eventsPerSecond(ours),
          eventsPerSecond(ours).map(() => spread(java).median),
        ),
        ours: spread(eventsPerSecond(ours)),
        reference: spread(java),
        unit: 'events/s',
        saturated: saturated(ours),
        verified: `${eventsOf(ours)} events`,
        note: 'Java: ProducerPerformance after the rounds, on the same core',
      });
    }
    return rows;
  },
};
