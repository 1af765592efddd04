import { eventSchema } from '../events.js';
import { inRounds, perEvent, type Subject } from '../rounds.js';
import type { Row } from '../row.js';
import { spread } from '../stats.js';
import type { Cell } from './cell.js';

interface Step {
  readonly topics: readonly string[];
  readonly batch: number;
  readonly eventBytes: number;
}

/**
 * Events per schema before anything is measured. V8 compiles a validator for good only after some 5,000 documents, and before that one costs about ten
 * times as much: what grows with the schemas would be how cold they are.
 */
const warmEvents = 8_000;

export const slopes: Cell = {
  name: 'slopes',
  describes:
    'How the cost of publishing grows with size, batch, topics and schemas: log10 of the total cost at ten times as much',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const sized = stage.topicName('sized');
    await stage.createTopic(server, sized);
    const many = async (name: string, schema: (i: number) => string | null) => {
      const names = Array.from({ length: 100 }, (_, i) => stage.topicName(`${name}${i}`));
      for (const [i, topic] of names.entries())
        await stage.createTopic(server, topic, { partitions: 1, schema: schema(i) });
      return names;
    };
    const topics = await many('topic', () => null);
    const schemas = await many('schema', eventSchema);
    const axes: { readonly [axis: string]: readonly Step[] } = {
      size: [102, 1024, 10_240].map((eventBytes) => ({ topics: [sized], batch: 20, eventBytes })),
      batch: [10, 100, 1000].map((batch) => ({ topics: [sized], batch, eventBytes: 1024 })),
      topics: [1, 10, 100].map((count) => ({ topics: topics.slice(0, count), batch: 20, eventBytes: 1024 })),
      schemas: [1, 10, 100].map((count) => ({ topics: schemas.slice(0, count), batch: 20, eventBytes: 1024 })),
    };
    const target = { port: server.port, protocol: 'grpc' as const, inFlight: 8, connections: 2 };
    for (let left = warmEvents * schemas.length; left > 0; ) {
      const plan = { ...target, topics: schemas, batch: 20, eventBytes: 1024, ms: 1_000 };
      left -= (await stage.load.ask('closedLoop', plan)).events;
    }
    const rows: Row[] = [];
    for (const [axis, [small, middle, large]] of Object.entries(axes)) {
      if (!small || !middle || !large) continue;
      const of = ({ topics: into, batch, eventBytes }: Step): Subject => ({
        child: server.child,
        run: () => stage.load.ask('closedLoop', { ...target, topics: into, batch, eventBytes, ms: sliceMs }),
      });
      const samples = await inRounds(rounds, { small: of(small), middle: of(middle), large: of(large) });
      const costs = [perEvent(samples.small), perEvent(samples.middle), perEvent(samples.large)] as const;
      // Per event where events multiply: ten times the events at the same cost each are a slope of 1.
      const slope = (from: readonly number[], to: readonly number[]) =>
        from.map((cost, i) => Math.log10((to[i] ?? Number.NaN) / cost) + (axis === 'size' ? 0 : 1));
      rows.push({
        cell: 'slopes',
        variant: axis,
        pair: stage.pair,
        measure: 'slope of cost, second step of × 10',
        better: 'lower',
        reach: 1.1,
        aim: 1,
        value: spread(slope(costs[1], costs[2])),
        verified: 'every call answered OK',
        note: `CPU µs/event: ${costs.map((cost) => spread(cost).median.toFixed(1)).join(' → ')}; first step ${spread(slope(costs[0], costs[1])).median.toFixed(2)}${axis === 'schemas' ? '; validators warm' : ''}`,
      });
    }
    return rows;
  },
};
