import type { RawHttp2Commands } from '../measured/raw-http2.js';
import { eventsPerSecond, inRounds, perEvent, ratios, saturated } from '../rounds.js';
import { type Row, slopeRow } from '../row.js';
import { spread } from '../stats.js';
import type { Cell } from './cell.js';
import { eventsIn, liveStreams } from './live-streams.js';

const counts = [10, 100, 1000];

export const subscribeFanout: Cell = {
  name: 'subscribe-fanout',
  describes:
    'Live subscribers of one topic, against raw node:http2 writing the same bytes to as many streams; what getting the events in costs is taken off both',
  async run(stage, { rounds, sliceMs }) {
    // The disk is not what is asked here: a commit to it costs more than ten deliveries, and never the same.
    const server = await stage.startMainstem({ inMemory: true });
    const topic = stage.topicName('live');
    await stage.createTopic(server, topic, { partitions: 1 });
    const raw = await stage.startReference<RawHttp2Commands>('measured/raw-http2', 1);
    const rawPort = await raw.ask('port');
    const ways = {
      ours: {
        child: server.child,
        port: server.port,
        through: eventsIn(stage),
      },
      reference: { child: raw, port: rawPort, through: 'emit' as const },
    };
    const subject = (side: keyof typeof ways, streams: number) => {
      const { child, ...way } = ways[side];
      return liveStreams(stage, child, { ...way, topic, streams, ms: sliceMs });
    };
    const all = [0, ...counts].flatMap((streams) =>
      (['ours', 'reference'] as const).map((side) => [`${side} ${streams}`, subject(side, streams)] as const),
    );
    // In the same rounds, so that what is compared was measured together: nobody, few and many.
    const samples = await inRounds<string>(rounds, Object.fromEntries(all));
    const of = (side: keyof typeof ways, streams: number) => samples[`${side} ${streams}`] ?? [];
    /** What an event costs when nobody listens: of our side, to get it into the log. */
    const withoutAny = (side: keyof typeof ways) => spread(perEvent(of(side, 0))).median;
    const perDelivery = (side: keyof typeof ways, streams: number) =>
      perEvent(of(side, streams)).map((cost) => (cost - withoutAny(side)) / streams);

    const named = { cell: 'subscribe-fanout', pair: stage.pair };
    const verified = 'each stream got each event once, in order';
    const rows = counts.map((streams): Row => {
      const [mine, theirs] = [perDelivery('ours', streams), perDelivery('reference', streams)];
      const deliveries = (side: keyof typeof ways) =>
        spread(eventsPerSecond(of(side, streams)).map((events) => events * streams));
      return {
        ...named,
        variant: `${streams} live subscribers`,
        measure: 'CPU reference ÷ ours',
        better: 'higher',
        reach: 0.3,
        aim: 0.6,
        value: ratios(theirs, mine),
        ours: spread(mine),
        reference: spread(theirs),
        unit: 'CPU µs/delivery',
        throughput: { ours: deliveries('ours'), reference: deliveries('reference') },
        saturated: saturated(of('ours', streams)),
        verified,
        note: `taken off: ${withoutAny('ours').toFixed(1)} µs/event, reference ${withoutAny('reference').toFixed(1)}`,
      };
    });
    const [few, more, many] = [10, 100, 1000].map((streams) => perDelivery('ours', streams));
    if (!few || !more || !many) return rows;
    const against: Row = {
      ...named,
      variant: 'CPU per delivery, 1,000 against 10',
      measure: 'CPU at 1,000 ÷ at 10',
      better: 'lower',
      reach: 1.2,
      aim: 1,
      value: ratios(many, few),
      ours: spread(many),
      reference: spread(few),
      unit: 'CPU µs/delivery',
      verified,
    };
    const slope = slopeRow(
      { ...named, variant: 'slope over subscribers' },
      [few, more, many],
      'CPU µs/delivery',
      verified,
    );
    return [...rows, against, slope];
  },
};
