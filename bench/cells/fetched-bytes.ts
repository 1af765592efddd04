import { execFileSync } from 'node:child_process';
import type { Cell } from './cell.js';
import { eventsIn, liveStreams } from './live-streams.js';

export const fetchedBytes: Cell = {
  name: 'fetched-bytes',
  describes: 'Bytes that the server gets from Kafka per event, at 1,000 live subscribers against 1',
  pairs: ['cluster'],
  async run(stage, { sliceMs }) {
    const { cluster } = stage;
    if (!cluster) return [];
    const server = await stage.startMainstem();
    const topic = stage.topicName('fetched');
    await stage.createTopic(server, topic, { partitions: 1 });
    const brokerPort = cluster.kafka.address.slice(cluster.kafka.address.lastIndexOf(':') + 1);
    const perEvent = async (streams: number): Promise<number> => {
      const { port, child } = server;
      const { prepare, run } = liveStreams(stage, child, {
        port,
        topic,
        streams,
        through: eventsIn(stage),
        ms: sliceMs,
      });
      await prepare?.();
      const before = receivedBytes(server.pid, brokerPort);
      const { events } = await run();
      const bytes = receivedBytes(server.pid, brokerPort) - before;
      await stage.load.ask('closeFanOut');
      return bytes / events;
    };
    const one = await perEvent(1);
    const many = await perEvent(1000);
    const value = many / one;
    return [
      {
        cell: 'fetched-bytes',
        variant: '1,000 against 1 live subscriber',
        pair: stage.pair,
        measure: 'bytes from Kafka, 1,000 ÷ 1',
        better: 'lower',
        reach: 1.1,
        aim: 1,
        value: { median: value, low: value, high: value },
        ours: { median: many, low: many, high: many },
        reference: { median: one, low: one, high: one },
        unit: 'bytes/event',
        verified: 'each stream got each event once, in order',
      },
    ];
  },
};

/** What a process has received on its open connections to a port, as the kernel counts it. */
function receivedBytes(pid: number, port: string): number {
  const lines = execFileSync('ss', ['-tinpH', 'dport', '=', `:${port}`], { encoding: 'utf8' });
  // Two lines per connection: its ends and its process, then its counters.
  const own = [...lines.matchAll(/pid=(\d+),[^\n]*\n[^\n]*?bytes_received:(\d+)/g)].filter(
    ([, owner]) => Number(owner) === pid,
  );
  return own.reduce((sum, [, , bytes]) => sum + Number(bytes), 0);
}
