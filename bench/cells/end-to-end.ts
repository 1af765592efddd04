import type { DirectCommands } from '../measured/direct.js';
import { warmSeconds } from '../rounds.js';
import type { Row } from '../row.js';
import { percentileOf, spread } from '../stats.js';
import type { Cell } from './cell.js';

const targets = [
  { name: 'p50', fraction: 0.5, reach: 5, aim: 1 },
  { name: 'p99', fraction: 0.99, reach: 20, aim: 3 },
];

export const endToEnd: Cell = {
  name: 'end-to-end',
  describes:
    'From publisher to live subscriber at half of the load that 64 calls in flight make, against the same driver without a bus',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('end-to-end');
    await stage.createTopic(server, topic);
    const direct = await stage.startReference<DirectCommands>('measured/direct', 4);
    await direct.ask('create');
    const load = {
      ...{ port: server.port, protocol: 'grpc' as const, topics: [topic], batch: 1, eventBytes: 1024 },
      ...{ inFlight: 64, connections: 4 },
    };
    await stage.load.ask('closedLoop', { ...load, ms: warmSeconds * 1000 });
    const full = await stage.load.ask('closedLoop', { ...load, ms: 1000 });
    const plan = { perSecond: full.events / full.seconds / 2, ms: Math.max(sliceMs, 1500), eventBytes: 1024 };
    const ours: number[][] = [];
    const reference: number[][] = [];
    for (let round = 0; round <= rounds; round++) {
      const mine = await stage.load.ask('endToEnd', { ...plan, port: server.port, topic });
      const theirs = await direct.ask('endToEnd', plan);
      if (round === 0) continue;
      ours.push(mine);
      reference.push(theirs);
    }
    return targets.map(({ name, fraction, reach, aim }): Row => {
      const mine = ours.map((latencies) => percentileOf(latencies, fraction));
      const theirs = reference.map((latencies) => percentileOf(latencies, fraction));
      return {
        cell: 'end-to-end',
        variant: `${name} at ${Math.round(plan.perSecond)}/s`,
        pair: stage.pair,
        measure: `added ${name}, ms`,
        better: 'lower',
        reach,
        aim,
        value: spread(mine.map((value, i) => value - (theirs[i] ?? Number.NaN))),
        ours: spread(mine),
        reference: spread(theirs),
        unit: 'ms',
        verified: 'every event came out',
      };
    });
  },
};
