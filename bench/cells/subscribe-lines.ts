import { inRounds, type Sample, type Subject, saturated } from '../rounds.js';
import { cpuRow, type Row, verify } from '../row.js';
import type { Mainstem, Stage } from '../stage.js';
import type { StreamForm } from '../wire/lines.js';
import type { Cell } from './cell.js';
import { fillTopic } from './history.js';
import { eventsIn, fromAll, liveStreams, perDelivery, slicesPerRound } from './live-streams.js';

const streams = 100;
/** Events in the topic per second of a slice. */
const perSecond = 60_000;

export const subscribeLines: Cell = {
  name: 'subscribe-lines',
  describes: 'NDJSON and server-sent events on the plain route, against the same streams by gRPC from the same server',
  async run(stage, options) {
    const server = await stage.startMainstem({ inMemory: true });
    return [...(await catchUps(stage, server, options)), ...(await fanOuts(stage, server, options))];
  },
};

type Options = Parameters<Cell['run']>[1];

async function catchUps(stage: Stage, server: Mainstem, { rounds, sliceMs }: Options): Promise<Row[]> {
  const topic = stage.topicName('lines-history');
  await stage.createTopic(server, topic);
  const events = Math.max(20_000, Math.round((perSecond * sliceMs) / 1000));
  const filled = await fillTopic(stage, server, topic, events);
  let verified = '';
  const reads = (form: StreamForm): Subject => ({
    child: server.child,
    run: async () => {
      const { seconds, ...read } = await stage.load.ask('catchUp', { port: server.port, topic, form });
      verified = verify(form, read, filled);
      return { events: read.records, seconds };
    },
  });
  const { grpc, ndjson, sse } = await inRounds(rounds, {
    grpc: reads('grpc'),
    ndjson: reads('ndjson'),
    sse: reads('sse'),
  });
  const row = (form: string, samples: readonly Sample[]) =>
    cpuRow(
      { cell: 'subscribe-lines', variant: `${form}, one reader from the beginning`, pair: stage.pair },
      { reach: 0.5, aim: 0.8 },
      samples,
      grpc,
      `${verified}, each round`,
    );
  return [row('NDJSON', ndjson), row('SSE', sse)];
}

async function fanOuts(stage: Stage, server: Mainstem, { rounds, sliceMs }: Options): Promise<Row[]> {
  const subject = async (form: StreamForm, count: number): Promise<Subject> => {
    const topic = stage.topicName(`lines-live-${form}-${count}`);
    await stage.createTopic(server, topic, { partitions: 1 });
    const plan = { port: server.port, topic, streams: count, form, through: eventsIn(stage), ms: sliceMs };
    return liveStreams(stage, server.child, plan);
  };
  const subjects = {
    grpc: await subject('grpc', streams),
    ndjson: await subject('ndjson', streams),
    sse: await subject('sse', streams),
    none: await subject('grpc', 0),
  };
  const { grpc, ndjson, sse, none } = await inRounds(rounds * slicesPerRound, subjects);
  const cost = (samples: readonly Sample[]) => perDelivery(samples, none, streams);
  const reference = cost(grpc);
  const row = (form: string, samples: readonly Sample[]): Row => ({
    cell: 'subscribe-lines',
    variant: `${form}, ${streams} live subscribers`,
    pair: stage.pair,
    measure: 'CPU gRPC ÷ lines',
    better: 'higher',
    reach: 0.5,
    aim: 0.8,
    value: fromAll(rounds, (keep) => reference(keep) / cost(samples)(keep)),
    ours: fromAll(rounds, cost(samples)),
    reference: fromAll(rounds, reference),
    unit: 'CPU µs/delivery',
    saturated: saturated(samples),
    verified: 'each stream got each event once, in order',
  });
  return [row('NDJSON', ndjson), row('SSE', sse)];
}
