import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureJars, kafkaJars } from './jars.js';
import { runJava } from './jvm.js';

/** Runs one of Kafka's own command line tools, by its main class, and returns what it printed. Needs java. */
export async function kafkaTool(main: string, args: readonly string[], input?: string): Promise<string> {
  const jars = await ensureJars(kafkaJars('3.9.1'));
  const folder = await mkdtemp(join(tmpdir(), 'mainstem-tool-'));
  try {
    return await runJava({ jars, main, args, heap: '128m', folder, ...(input === undefined ? {} : { input }) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
