import type { Row } from '../row.js';
import type { Stage } from '../stage.js';
import { type Spread, spread } from '../stats.js';
import type { Cell } from './cell.js';

export const restart: Cell = {
  name: 'restart',
  describes:
    'kill -9 with 1,000 subscribers, until the last of them is ready on the server that was started again at once',
  async run(stage, { rounds }) {
    const rows: Row[] = [];
    for (const durable of [false, true]) {
      rows.push({
        cell: 'restart',
        variant: durable ? '1,000 durable subscribers' : '1,000 subscribers with cursors',
        pair: stage.pair,
        measure: 'seconds',
        better: 'lower',
        reach: 15,
        aim: 3,
        value: await measure(stage, durable, Math.min(rounds, 3)),
        verified: 'every stream serves its partitions again',
        ...(durable ? { note: 'ready: when the new server has given it its partitions' } : {}),
      });
    }
    return rows;
  },
};

async function measure(stage: Stage, durable: boolean, rounds: number): Promise<Spread> {
  let server = await stage.startMainstem();
  const topic = stage.topicName(`restart-${durable}`);
  await stage.createTopic(server, topic, { partitions: 1 });
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await stage.load.ask('openReconnecting', { port: server.port, topic, streams: 1000, durable });
    const killed = Date.now();
    const back = stage.load.ask('allBack');
    await server.child.kill();
    server = await server.restart();
    seconds.push(((await back) - killed) / 1000);
  }
  await server.child.kill();
  return spread(seconds);
}
