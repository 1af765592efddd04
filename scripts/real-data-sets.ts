import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The 200,000 flights of the package vega-datasets, as parsed. */
export function flights(): unknown[] {
  return rows(read('flights-200k.json'), 'flights-200k.json');
}

/** The 1,707 earthquakes of one week (USGS), each a GeoJSON feature. */
export function earthquakes(): unknown[] {
  const collection = read('earthquakes.json');
  const features = typeof collection === 'object' && collection !== null && 'features' in collection;
  return rows(features ? collection.features : undefined, 'earthquakes.json');
}

function read(file: string): unknown {
  // The package's entry point is build/index.js; its data lies beside that folder and is not exported.
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  return JSON.parse(readFileSync(join(dirname(entry), '../data', file), 'utf8'));
}

function rows(value: unknown, file: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`vega-datasets: ${file} is not what it was; is the package pinned?`);
  return value;
}
