import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { main } from '../../src/cli/main.js';
import { answerCommands } from '../process/commands.js';

// The product's own command line, `serve …`; beside it only what measurements of memory and profiles need.
const inspector = new Session();
const commands = {
  /** Bytes on the heap and beside it, after a collection. */
  memory: async (): Promise<{ heap: number; external: number }> => {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { heapUsed, external } = process.memoryUsage();
    return { heap: heapUsed, external };
  },
  profileStart: async (): Promise<void> => {
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.setSamplingInterval', { interval: 500 });
    await inspector.post('Profiler.start');
  },
  profileStop: async (file: string): Promise<void> => {
    const { profile } = await inspector.post('Profiler.stop');
    inspector.disconnect();
    writeFileSync(file, JSON.stringify(profile));
  },
};
export type MainstemCommands = typeof commands;

answerCommands(commands);
// The server alone decides how long the process lives.
process.channel?.unref();
await main();
