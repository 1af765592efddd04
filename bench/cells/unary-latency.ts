import type { RawHttp2Commands } from '../measured/raw-http2.js';
import { warmSeconds } from '../rounds.js';
import type { Row } from '../row.js';
import { percentileOf, spread } from '../stats.js';
import type { Cell } from './cell.js';

export const unaryLatency: Cell = {
  name: 'unary-latency',
  describes: 'Latency that the bus adds to a unary Publish, open loop at half of what 1 and 16 calls in flight reach',
  async run(stage, { rounds, sliceMs }) {
    const server = await stage.startMainstem();
    const topic = stage.topicName('latency');
    await stage.createTopic(server, topic);
    const raw = await stage.startReference<RawHttp2Commands>('measured/raw-http2', 4);
    const rawPort = await raw.ask('port');
    // At half of what one call at a time reaches, a shorter slice has too few calls.
    const plan = { topics: [topic], batch: 1, eventBytes: 1024, ms: Math.max(sliceMs, 1000) };
    const sides = {
      ours: { ...plan, port: server.port, protocol: 'grpc' as const },
      reference: { ...plan, port: rawPort, protocol: 'raw' as const },
    };
    const warm = { inFlight: 64, connections: 4, ms: warmSeconds * 1000 };
    await stage.load.ask('closedLoop', { ...sides.ours, ...warm });
    await stage.load.ask('closedLoop', { ...sides.reference, ...warm });
    const rows: Row[] = [];
    for (const inFlight of [1, 16]) {
      const connections = Math.min(inFlight, 4);
      const full = await stage.load.ask('closedLoop', { ...sides.ours, inFlight, connections });
      const perSecond = Math.max(20, full.events / full.seconds / 2);
      const p50 = { ours: [] as number[], reference: [] as number[] };
      for (let round = 0; round <= rounds; round++) {
        for (const side of round % 2 === 0 ? (['ours', 'reference'] as const) : (['reference', 'ours'] as const)) {
          const latencies = await stage.load.ask('steadyRate', { ...sides[side], perSecond, connections });
          if (round > 0) p50[side].push(percentileOf(latencies, 0.5));
        }
      }
      rows.push({
        cell: 'unary-latency',
        variant: `gRPC, as ${inFlight} in flight (${Math.round(perSecond)}/s)`,
        pair: stage.pair,
        measure: 'added p50, ms',
        better: 'lower',
        reach: 2,
        aim: 1,
        value: spread(p50.ours.map((value, i) => value - (p50.reference[i] ?? Number.NaN))),
        ours: spread(p50.ours),
        reference: spread(p50.reference),
        unit: 'ms, p50',
        verified: 'every call answered OK',
      });
    }
    return rows;
  },
};
