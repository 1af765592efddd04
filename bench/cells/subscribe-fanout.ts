import type { RawHttp2Commands } from '../measured/raw-http2.js';
import type { Measured } from '../process/child.js';
import { eventsPerSecond, inRounds, perEvent, ratios, type Sample, type Subject, saturated } from '../rounds.js';
import type { Row } from '../row.js';
import { type Spread, spread } from '../stats.js';
import type { Cell } from './cell.js';

const counts = [10, 100, 1000];
const batch = 20;
const eventBytes = 1024;

export const subscribeFanout: Cell = {
  name: 'subscribe-fanout',
  describes:
    'Live subscribers of one topic, against raw node:http2 writing the same bytes to as many streams; what getting the events in costs is taken off both',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('live');
    await stage.createTopic(server, topic, { partitions: 1 });
    const raw = await stage.startReference<RawHttp2Commands>('measured/raw-http2', 1);
    const rawPort = await raw.ask('port');
    const ourWay = stage.sharedLog === undefined ? ('publish' as const) : { log: stage.sharedLog };
    let outOfOrder = 0;

    function subject(child: Measured, port: number, streams: number, through: typeof ourWay | 'emit'): Subject {
      const plan = { port, topic, streams, batch, eventBytes, through, ms: Math.max(sliceMs, 1500) };
      return {
        child,
        prepare: () => stage.load.ask('openFanOut', plan),
        run: async () => {
          const pumped = await stage.load.ask('pumpFanOut', plan);
          outOfOrder += pumped.outOfOrder;
          return pumped;
        },
        async finish() {
          await stage.load.ask('closeFanOut');
          await new Promise((resolve) => setTimeout(resolve, 300));
        },
      };
    }
    const rows: Row[] = [];
    const perDelivery = new Map<number, Spread>();
    for (const streams of counts) {
      const { ours, reference, ourBase, rawBase } = await inRounds(rounds, {
        ourBase: subject(server.child, server.port, 0, ourWay),
        ours: subject(server.child, server.port, streams, ourWay),
        reference: subject(raw, rawPort, streams, 'emit'),
        rawBase: subject(raw, rawPort, 0, 'emit'),
      });
      const mine = net(ours, ourBase, streams);
      const theirs = net(reference, rawBase, streams);
      perDelivery.set(streams, spread(mine));
      rows.push({
        cell: 'subscribe-fanout',
        variant: `${streams} live subscribers`,
        pair: stage.pair,
        measure: 'CPU reference ÷ ours',
        better: 'higher',
        reach: 0.3,
        aim: 0.6,
        value: ratios(theirs, mine),
        ours: spread(mine),
        reference: spread(theirs),
        unit: 'CPU µs/delivery',
        throughput: { ours: deliveries(ours, streams), reference: deliveries(reference, streams) },
        saturated: saturated(ours),
        verified: `each stream got each event once, in order (${outOfOrder} exceptions)`,
      });
      if (outOfOrder > 0) throw new Error(`${outOfOrder} deliveries did not follow the one before`);
    }
    const [few, many] = [perDelivery.get(10), perDelivery.get(1000)];
    if (few && many) {
      rows.push({
        cell: 'subscribe-fanout',
        variant: 'CPU per delivery, 1,000 against 10',
        pair: stage.pair,
        measure: 'CPU at 1,000 ÷ at 10',
        better: 'lower',
        reach: 1.2,
        aim: 1,
        value: { median: many.median / few.median, low: many.low / few.high, high: many.high / few.low },
        ours: many,
        reference: few,
        unit: 'CPU µs/delivery',
        verified: 'as above',
      });
    }
    return rows;
  },
};

/** CPU per delivery, without what the same events cost when nobody listens. */
function net(samples: readonly Sample[], base: readonly Sample[], streams: number): number[] {
  const without = spread(perEvent(base)).median;
  return perEvent(samples).map((cost) => (cost - without) / streams);
}

function deliveries(samples: readonly Sample[], streams: number): Spread {
  return spread(eventsPerSecond(samples).map((events) => events * streams));
}
