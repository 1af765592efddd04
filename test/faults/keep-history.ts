import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { RoundResult } from './round.js';
import type { Stand } from './stand-parts.js';

const folder = join(import.meta.dirname, '../../.cache/faults');

/** Writes down a round that failed: a line of JSON per violation, publish, stream, commit; the instances' output beside it. Returns the folder. */
export async function keepHistory({ topic, violations, history, figures }: RoundResult, stand: Stand): Promise<string> {
  const place = join(folder, `${topic}-${Date.now()}`);
  await mkdir(place, { recursive: true });
  const { final, publishes, streams, commits, ...rest } = history;
  function* lines(): Generator<string> {
    yield line('round', { figures, ...rest });
    for (const each of violations) yield line('violation', each);
    for (const each of publishes) yield line('publish', each);
    for (const each of streams) yield line('stream', each);
    for (const each of commits) yield line('commit', each);
    if (final) yield line('final', final);
  }
  await pipeline(lines, createWriteStream(join(place, 'history.ndjson')));
  for (const bus of stand.buses) {
    await pipeline([bus.output()], createWriteStream(join(place, `bus-${bus.name}.log`)));
  }
  return place;
}

const line = (kind: string, value: object) => `${JSON.stringify({ kind, ...value })}\n`;
