import type { Mainstem, Stage } from '../stage.js';

/** Publishes 1 KiB events to a topic until it has so many, or a few more. Returns how many it has. */
export async function fillTopic({ load }: Stage, { port }: Mainstem, topic: string, events: number): Promise<number> {
  const plan = { port, topics: [topic], batch: 100, eventBytes: 1024, inFlight: 8, connections: 2, ms: 200 };
  let filled = 0;
  while (filled < events) filled += (await load.ask('closedLoop', { ...plan, protocol: 'grpc' })).events;
  return filled;
}
