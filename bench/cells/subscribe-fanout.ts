import type { RawHttp2Commands } from '../measured/raw-http2.js';
import { eventsPerSecond, inRounds, perEvent, saturated } from '../rounds.js';
import { type Row, slope, slopeRow } from '../row.js';
import { spread } from '../stats.js';
import type { Cell } from './cell.js';
import { eventsIn, type Figure, fromAll, liveStreams, perDelivery, slicesPerRound } from './live-streams.js';

const counts = [10, 100, 1000];

export const subscribeFanout: Cell = {
  name: 'subscribe-fanout',
  describes:
    'Live subscribers of one topic, against raw node:http2 writing the same bytes to as many streams; what getting the events in costs is taken off both',
  async run(stage, { rounds, sliceMs }) {
    // The disk is not what is asked here: a commit to it costs more than ten deliveries, and never the same.
    const server = await stage.startMainstem({ inMemory: true });
    const topic = stage.topicName('live');
    for (const streams of [0, ...counts]) await stage.createTopic(server, `${topic}-${streams}`, { partitions: 1 });
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
      return liveStreams(stage, child, { ...way, topic: `${topic}-${streams}`, streams, ms: sliceMs });
    };
    const all = [0, ...counts].flatMap((streams) =>
      (['ours', 'reference'] as const).map((side) => [`${side} ${streams}`, subject(side, streams)] as const),
    );
    // In the same rounds, so that what is compared was measured together: nobody, few and many.
    const samples = await inRounds<string>(rounds * slicesPerRound, Object.fromEntries(all));
    const of = (side: keyof typeof ways, streams: number) => samples[`${side} ${streams}`] ?? [];
    const cost = (side: keyof typeof ways, streams: number) => perDelivery(of(side, streams), of(side, 0), streams);
    const judged = (figure: Figure) => fromAll(rounds, figure);
    const nobody = (side: keyof typeof ways) => spread(perEvent(of(side, 0))).median.toFixed(1);

    const named = { cell: 'subscribe-fanout', pair: stage.pair };
    const unit = 'CPU µs/delivery';
    const verified = 'each stream got each event once, in order';
    const rows = counts.map((streams): Row => {
      const [mine, theirs] = [cost('ours', streams), cost('reference', streams)];
      const deliveries = (side: keyof typeof ways) =>
        spread(eventsPerSecond(of(side, streams)).map((events) => events * streams));
      return {
        ...named,
        variant: `${streams} live subscribers`,
        measure: 'CPU reference ÷ ours',
        better: 'higher',
        reach: 0.3,
        aim: 0.6,
        value: judged((keep) => theirs(keep) / mine(keep)),
        ours: judged(mine),
        reference: judged(theirs),
        unit,
        throughput: { ours: deliveries('ours'), reference: deliveries('reference') },
        saturated: saturated(of('ours', streams)),
        verified,
        note: `taken off: ${nobody('ours')} µs/event, reference ${nobody('reference')}`,
      };
    });
    const [few, more, many] = [cost('ours', 10), cost('ours', 100), cost('ours', 1000)];
    const against: Row = {
      ...named,
      variant: 'CPU per delivery, 1,000 against 10',
      measure: 'CPU at 1,000 ÷ at 10',
      better: 'lower',
      reach: 1.2,
      aim: 1,
      value: judged((keep) => many(keep) / few(keep)),
      ours: judged(many),
      reference: judged(few),
      unit,
      verified,
    };
    const step = (from: Figure, to: Figure) => judged((keep) => slope(from(keep), to(keep)));
    const medians = [few, more, many].map((each) => judged(each).median.toFixed(2)).join(' → ');
    const note = `${unit}: ${medians}; first step ${step(few, more).median.toFixed(2)}`;
    const grows = slopeRow({ ...named, variant: 'slope over subscribers' }, step(more, many), verified, note);
    return [...rows, against, grows];
  },
};
