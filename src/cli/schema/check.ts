import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { asJson, type CheckSchemaResponse, type MainstemClient, MainstemError } from '../../client/index.js';
import { type Io, note } from '../io.js';
import { type OutputOptions, print, printJson, readText } from '../print.js';
import { describeError } from '../report-error.js';
import { safeText } from '../safe-text.js';
import { ExitWith, UsageError } from '../usage-error.js';
import { type CheckOptions, checkInput } from './actions.js';
import { reportLines } from './report.js';

/** A proposed schema, and the number that its author gave it; undefined: whichever comes next. */
interface Proposal {
  readonly topic: string;
  readonly version: number | undefined;
  readonly definition: string;
  /** As its topic.json says. */
  readonly allowAnything?: boolean;
}

type Outcome = 'accepted' | 'refused' | 'unchanged' | 'new topic' | 'changed';

interface Checked extends Pick<Proposal, 'topic' | 'version'> {
  readonly outcome: Outcome;
  readonly lines: readonly string[];
  readonly answer: CheckSchemaResponse | undefined;
}

/**
 * Checks schema files against a server and changes nothing: a directory of topics as `schemas/` is, or one file. Exit code 1 if any would be
 * refused, so that the CI of a pull request can run it.
 */
export async function checkSchemas(
  io: Io,
  client: MainstemClient,
  path: string,
  options: CheckOptions & { readonly topic?: string },
): Promise<void> {
  const checked: Checked[] = [];
  for (const proposal of await proposalsAt(io, path, options.topic)) {
    const result = await checkOne(io, client, proposal, options);
    checked.push(result);
    if (options.output === 'text') await print(io, textOf(result, options));
  }
  if (options.output === 'json') {
    const json = checked.map(({ topic, version, outcome, answer }) => ({
      topic,
      version,
      outcome,
      ...(answer?.report ? { report: asJson(answer.report) } : {}),
    }));
    await printJson(io, json);
  }
  if (checked.length === 0) note(io, `no schemas in ${path}: it should have a directory per topic, with 1.json in it`);
  if (checked.some(({ outcome }) => outcome === 'refused' || outcome === 'changed')) throw new ExitWith(1);
}

async function proposalsAt(io: Io, path: string, topic: string | undefined): Promise<Proposal[]> {
  const full = resolve(io.cwd, path);
  if (path !== '-' && statSync(full, { throwIfNoEntry: false })?.isDirectory()) {
    if (topic !== undefined)
      throw new UsageError('--topic goes with a file; in a directory the folders name the topics');
    const { readTopicFiles } = await import('../../config/index.js');
    return readTopicFiles(full).flatMap(({ name, schemas, allowAnything }) =>
      schemas.map((schema) => ({ topic: name, allowAnything, ...schema })),
    );
  }
  const definition = await readText(io, path);
  const [, number] = /^([1-9]\d*)\.json$/.exec(basename(full)) ?? [];
  if (topic !== undefined) return [{ topic, version: undefined, definition }];
  if (number === undefined) throw new UsageError(`which topic is ${path} for? --topic NAME says it`);
  return [{ topic: basename(dirname(full)), version: Number(number), definition }];
}

async function checkOne(
  io: Io,
  client: MainstemClient,
  { topic, version, definition, allowAnything }: Proposal,
  options: CheckOptions,
): Promise<Checked> {
  const result = (outcome: Outcome, lines: readonly string[], answer?: CheckSchemaResponse): Checked => ({
    topic,
    version,
    outcome,
    lines,
    answer,
  });
  try {
    const answer = await client.schemas.check(
      { topic, definition, ...checkInput(options), ...(allowAnything && { allowAnything }) },
      { signal: io.interrupted },
    );
    if (answer.identicalVersion !== undefined && (version ?? answer.identicalVersion) === answer.identicalVersion) {
      return result('unchanged', [`it is version ${answer.identicalVersion}`], answer);
    }
    if (version !== undefined && version < answer.nextVersion) {
      return result('changed', [
        `refused: version ${version} is registered with another content, and versions never change; make this ${answer.nextVersion}.json`,
      ]);
    }
    const { report } = answer;
    if (report === undefined) throw new Error('the server answered without a report');
    return result(report.accepted ? 'accepted' : 'refused', reportLines(report), answer);
  } catch (error) {
    if (!(error instanceof MainstemError) || error.code === 'unavailable' || io.interrupted.aborted) throw error;
    if (error.reason === 'TOPIC_NOT_FOUND') return result('new topic', ['a new topic: nothing to be compatible with']);
    return result(
      'refused',
      describeError(error).map((line) => line.replace(/^error: /, 'refused: ')),
    );
  }
}

function textOf({ topic, version, lines, answer, outcome }: Checked, _options: OutputOptions): string {
  const number = version ?? answer?.nextVersion;
  const [first = '', ...rest] = lines;
  const name = safeText(number === undefined || outcome === 'unchanged' ? topic : `${topic}/${number}`);
  return [`${name}: ${first}`, ...rest].join('\n');
}
