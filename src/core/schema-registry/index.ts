import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import { systemClock } from '../ports/clock.js';
import type { TopicVersions } from '../topics/versions.js';
import { type CheckPorts, createChecks } from './check.js';
import type { RegisteredSchema, SchemaRegistry } from './commands.js';
import { chosen, describe, describeFacts } from './describe.js';
import { diffSchemas } from './diff.js';
import { registerSchema } from './register.js';
import { setPolicy, setState } from './set.js';
import { validateEvents } from './validate.js';

/** Definitions in one answer, in bytes; beyond that a list leaves them out. */
const listedBytes = 4 * 1024 * 1024;

export function createSchemaRegistry({
  clock = systemClock,
  ...ports
}: Omit<CheckPorts, 'clock'> & Partial<CheckPorts>): SchemaRegistry {
  const { topics } = ports;
  const checks = createChecks({ ...ports, clock });

  return {
    register: (command, signal) => mapped(() => registerSchema(ports, checks, command, signal)),

    check: ({ topic, definition, allowAnything = false, options }, signal) =>
      mapped(async () => {
        const versions = await topics.read(topic);
        const proposal = await checks.propose(versions, definition, allowAnything);
        const report = await checks.judge(versions, proposal, options, signal);
        return { report, identicalVersion: proposal.identicalVersion, nextVersion: proposal.schema.version };
      }),

    get: (topic, version) =>
      mapped(async () => {
        const versions = await topics.read(topic);
        return describe(versions, await topics.load(versions, chosen(versions, version)));
      }),

    list: (topic) =>
      mapped(async () => {
        const read = await topics.read(topic);
        const { compatibility: level, reading } = read.settings;
        return {
          schemas: (await withDefinitions(read)) ?? read.versions.flatMap(describeFacts(read)),
          policy: { level, reading },
        };
      }),

    diff: (command, signal) => mapped(() => diffSchemas(ports, command, signal)),
    validate: (command, signal) => mapped(() => validateEvents(ports, command, signal)),
    setPolicy: (topic, policy) => mapped(() => setPolicy(topics, topic, policy)),
    setState: (topic, version, state) =>
      mapped(async () => {
        const read = await setState(topics, topic, version, state);
        return describe(read, await topics.load(read, version));
      }),
  };

  /** All versions in full; undefined where that is too much for one answer. */
  async function withDefinitions(read: TopicVersions): Promise<RegisteredSchema[] | undefined> {
    const schemas: RegisteredSchema[] = [];
    let bytes = 0;
    for (const version of read.versions) {
      const schema = await topics.load(read, version);
      bytes += schema.definition.length;
      if (bytes > listedBytes) return undefined;
      schemas.push(describe(read, schema));
    }
    return schemas;
  }
}

async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof BusError ? error : toBusError(error);
  }
}
