import { eventSchema } from '../events.js';
import { inRounds, perEvent, type Sample, type Subject } from '../rounds.js';
import { type Row, slope, slopeRow } from '../row.js';
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
/** How many topics are created at once. */
const atOnce = 10;

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
      // The server checks 32 schemas at a time, and refuses more.
      for (let done = 0; done < names.length; done += atOnce) {
        const some = names.slice(done, done + atOnce);
        await Promise.all(
          some.map((topic, i) => stage.createTopic(server, topic, { partitions: 1, schema: schema(done + i) })),
        );
      }
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
      const plan = { ...target, topics: schemas, batch: 200, eventBytes: 1024, ms: 1_000 };
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
      // Of one event, or of a byte of it: ten times as many at the same cost each are a slope of 1.
      const each = (of: readonly Sample[], { eventBytes }: Step) =>
        perEvent(of).map((cost) => (axis === 'size' ? (cost / eventBytes) * 1024 : cost));
      const costs = [each(samples.small, small), each(samples.middle, middle), each(samples.large, large)] as const;
      const step = (from: readonly number[], to: readonly number[]) =>
        spread(from.map((cost, i) => slope(cost, to[i] ?? Number.NaN)));
      const medians = costs.map((of) => spread(of).median.toFixed(1)).join(' → ');
      const unit = axis === 'size' ? 'CPU µs/KiB' : 'CPU µs/event';
      const note = `${unit}: ${medians}; first step ${step(costs[0], costs[1]).median.toFixed(2)}`;
      const name = { cell: 'slopes', variant: axis, pair: stage.pair };
      const warm = axis === 'schemas' ? '; validators warm' : '';
      rows.push(slopeRow(name, step(costs[1], costs[2]), 'every call answered OK', note + warm));
    }
    return rows;
  },
};
