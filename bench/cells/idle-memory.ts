import { residentBytes } from '../process/cpu.js';
import type { Row } from '../row.js';
import type { Cell } from './cell.js';

export const idleMemory: Cell = {
  name: 'idle-memory',
  describes: 'Resident memory per stream that waits for events',
  async run(stage) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('idle');
    await stage.createTopic(server, topic, { partitions: 1 });
    const at = { port: server.port, topic };
    // What the first streams load and compile is not theirs.
    await stage.load.ask('openIdle', { ...at, streams: 200 });
    await stage.load.ask('closeIdle');
    const measured = async () => {
      const { heap, external } = await server.child.ask('memory');
      return { resident: residentBytes(server.pid), heap, external };
    };
    const empty = await measured();
    const rows: Row[] = [];
    let streams = 0;
    for (const wanted of [1000, 10_000]) {
      await stage.load.ask('openIdle', { ...at, streams: wanted - streams });
      streams = wanted;
      const now = await measured();
      const perStream = (key: keyof typeof now) => (now[key] - empty[key]) / streams / 1024;
      const value = perStream('resident');
      rows.push({
        cell: 'idle-memory',
        variant: `${wanted} idle streams`,
        pair: stage.pair,
        measure: 'KiB per stream, resident',
        better: 'lower',
        reach: 64,
        aim: 16,
        value: { median: value, low: value, high: value },
        verified: 'every stream ready',
        note: `heap ${perStream('heap').toFixed(1)} KiB, outside the heap ${perStream('external').toFixed(1)} KiB`,
      });
    }
    await stage.load.ask('closeIdle');
    return rows;
  },
};
