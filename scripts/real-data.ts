// Writes real events as NDJSON, to publish by hand, in tests and in benchmarks: 200,000 flights (flights.ndjson) and
// 1,707 earthquakes (earthquakes.ndjson), each event on a line as JSON.stringify gives it.
// usage: tsx scripts/real-data.ts [folder]     default: .cache/real-data
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { earthquakes, flights } from './real-data-sets.js';

const folder = resolve(process.argv[2] ?? '.cache/real-data');
mkdirSync(folder, { recursive: true });
for (const [name, events] of Object.entries({ flights: flights(), earthquakes: earthquakes() })) {
  const file = join(folder, `${name}.ndjson`);
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  writeFileSync(file, text);
  console.log(`${file}: ${events.length} events, ${Buffer.byteLength(text)} bytes`);
}
