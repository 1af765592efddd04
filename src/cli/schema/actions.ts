import {
  asJson,
  type Level,
  type MainstemClient,
  type Reading,
  SchemaState,
  type SchemaStateName,
} from '../../client/index.js';
import type { Io } from '../io.js';
import { type OutputOptions, print, printJson, readText } from '../print.js';
import { safeText } from '../safe-text.js';
import { plainTable } from '../table.js';
import { ExitWith, UsageError } from '../usage-error.js';
import { findingLines, policyText, reportLines, validText } from './report.js';

export interface PolicyOptions {
  readonly level?: Level;
  readonly reading?: Reading;
}

export interface CheckOptions extends OutputOptions, PolicyOptions {
  readonly acceptUndecided?: boolean;
  readonly allowAnything?: boolean;
  readonly evidence?: number;
}

/** The options of a check as the client takes them. */
export function checkInput(options: CheckOptions) {
  const { level, reading, acceptUndecided, allowAnything, evidence } = options;
  return {
    acceptUndecided,
    allowAnything,
    evidenceEvents: evidence,
    policy: level === undefined && reading === undefined ? undefined : { level, reading },
  };
}

export async function registerSchema(
  io: Io,
  client: MainstemClient,
  topic: string,
  file: string,
  options: CheckOptions & { readonly expectedVersion?: number },
): Promise<void> {
  const definition = await readText(io, file);
  const { expectedVersion } = options;
  const input = { topic, definition, expectedVersion, ...checkInput(options) };
  const answer = await client.schemas.register(input, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(answer));
  const version = answer.schema?.version ?? 0;
  if (!answer.created) return print(io, `nothing to do: it is version ${version} of ${safeText(topic)} already`);
  await print(io, `registered version ${version} of ${safeText(topic)}`);
  if (answer.report) await print(io, reportLines(answer.report).join('\n'));
}

export async function listSchemas(
  io: Io,
  client: MainstemClient,
  topic: string,
  options: OutputOptions,
): Promise<void> {
  const answer = await client.schemas.list(topic, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(answer));
  const table = plainTable(['version', 'state', 'registered', 'uri']);
  for (const schema of answer.schemas) {
    const { registeredAt: at } = schema;
    const time = at === undefined ? '' : new Date(Number(at.seconds) * 1000).toISOString();
    table.push([String(schema.version), stateText(schema.state), time, safeText(schema.uri)]);
  }
  await print(io, `${table.toString()}\npolicy: ${policyText(answer.policy)}`);
}

export async function showSchema(
  io: Io,
  client: MainstemClient,
  topic: string,
  version: number | undefined,
  options: OutputOptions,
): Promise<void> {
  const schema = await client.schemas.get(topic, version, { signal: io.interrupted });
  await (options.output === 'json' ? printJson(io, asJson(schema)) : print(io, schema.definition.trimEnd()));
}

/** @param to a version, or a file; undefined: the latest version */
export async function diffSchemas(
  io: Io,
  client: MainstemClient,
  topic: string,
  from: string | undefined,
  to: string | undefined,
  options: OutputOptions & PolicyOptions,
): Promise<void> {
  if (from !== undefined && versionIn(from) === undefined) {
    throw new UsageError(`the old side is a version number, not ${JSON.stringify(from)}`);
  }
  const input = {
    topic,
    from: from === undefined ? undefined : versionIn(from),
    to: await sideOf(io, to),
    reading: options.reading,
  };
  const answer = await client.schemas.diff(input, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(answer));
  const lines = [`version ${answer.from} → ${answer.to === undefined ? safeText(to ?? '') : `version ${answer.to}`}`];
  for (const { pointer, before, after } of answer.changes) {
    const what = before === '' ? `+ ${after}` : after === '' ? `- ${before}` : `${before} → ${after}`;
    lines.push(safeText(`  ${pointer || '/'}  ${what}`));
  }
  if (answer.changes.length === 0) lines.push('  no difference');
  for (const finding of [answer.backward, answer.forward]) if (finding) lines.push(...findingLines(finding));
  await print(io, lines.join('\n'));
}

/** Validates lines of NDJSON and stores nothing; exit code 1 if any is invalid. At most 10,000 at a time go to the server. */
export async function validateEvents(
  io: Io,
  client: MainstemClient,
  topic: string,
  file: string,
  options: OutputOptions & { readonly version?: number; readonly schema?: string },
): Promise<void> {
  if (options.version !== undefined && options.schema !== undefined) {
    throw new UsageError('--version and --schema exclude each other');
  }
  const against = options.schema === undefined ? options.version : { definition: await readText(io, options.schema) };
  const lines = (await readText(io, file)).split('\n').map((text, i) => ({ text, number: i + 1 }));
  const events = lines.filter(({ text }) => text.trim() !== '');
  let valid = 0;
  const refused: unknown[] = [];
  for (const part of parts(events)) {
    const answer = await client.schemas.validate(
      { topic, events: part.map(({ text }) => ({ payload: text })), against },
      { signal: io.interrupted },
    );
    valid += answer.valid;
    for (const [i, result] of answer.results.entries()) {
      if (result.valid) continue;
      const line = part[i]?.number ?? 0;
      const { reason, message, violations } = result;
      const listed = violations.map((v) => ({ pointer: v.pointer, rule: v.rule, message: v.message }));
      refused.push({ line, reason, message, violations: listed });
      if (options.output === 'text') await print(io, `line ${line}: ${safeText(message)}`);
    }
  }
  if (options.output === 'json') await printJson(io, { valid, invalid: refused.length, refused });
  else await print(io, validText(valid, events.length));
  if (refused.length > 0) throw new ExitWith(1);
}

export async function schemaPolicy(
  io: Io,
  client: MainstemClient,
  topic: string,
  { level, reading, output }: OutputOptions & PolicyOptions,
): Promise<void> {
  const asked = level === undefined && reading === undefined;
  const policy = asked
    ? (await client.schemas.list(topic, { signal: io.interrupted })).policy
    : await client.schemas.setPolicy(topic, { level, reading }, { signal: io.interrupted });
  if (output === 'json') await printJson(io, policy ? asJson(policy) : null);
  else await print(io, `${safeText(topic)}: ${policyText(policy)}`);
}

export async function setSchemaState(
  io: Io,
  client: MainstemClient,
  topic: string,
  version: number,
  state: SchemaStateName,
  options: OutputOptions,
): Promise<void> {
  const schema = await client.schemas.setState({ topic, version, state }, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(schema));
  await print(io, `version ${schema.version} of ${safeText(topic)} is ${stateText(schema.state)}`);
}

function stateText(state: SchemaState): string {
  return SchemaState[state]?.toLowerCase() ?? 'unknown';
}

function versionIn(text: string): number | undefined {
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

async function sideOf(io: Io, to: string | undefined): Promise<number | { definition: string } | undefined> {
  if (to === undefined) return undefined;
  return versionIn(to) ?? { definition: await readText(io, to) };
}

/** Below the limits of one call. */
function* parts<T extends { readonly text: string }>(events: readonly T[]): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = event.text.length * 3;
    if (part.length === 10_000 || (part.length > 0 && bytes + size > 8 * 1024 * 1024)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(event);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
