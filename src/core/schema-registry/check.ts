import { judgeProposal } from '../compatibility/judge-proposal.js';
import { isAsStrict } from '../compatibility/policy.js';
import type { SchemaPolicy, SchemaReport } from '../compatibility/report.js';
import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { adviseOn } from '../schema/index.js';
import { effectiveText, type StoredSchema } from '../topics/schema-record.js';
import { invalidSetting } from '../topics/settings.js';
import type { TopicSchemas, TopicVersions } from '../topics/versions.js';
import { brokenReaders } from './broken-readers.js';
import type { CheckOptions } from './commands.js';
import { gatherEvidence } from './evidence.js';

/** A schema that may become the next version. */
export interface Proposal {
  /** With the version that it would get. */
  readonly schema: StoredSchema;
  /** The version that is the same schema. */
  readonly identicalVersion: number | undefined;
  /** What its author should know. */
  readonly warnings: readonly string[];
}

export interface Checks {
  /** SCHEMA_INVALID, SCHEMA_HAS_NO_KEYWORD, TOPIC_SETTINGS_INVALID where the topic is schemaless. */
  propose(read: TopicVersions, definition: string, allowAnything: boolean): Promise<Proposal>;
  /** What there is to say about it. SCHEMA_INVALID, INVALID_REQUEST, LOG_UNAVAILABLE. */
  judge(read: TopicVersions, proposal: Proposal, options: CheckOptions, signal: AbortSignal): Promise<SchemaReport>;
}

export interface CheckPorts {
  readonly topics: TopicSchemas;
  readonly log: EventLog;
  readonly coordination: Coordination;
  readonly judge: SchemaJudge;
  readonly clock: Clock;
}

const mostEvidence = 1_000_000;

export function createChecks({ topics, log, coordination, judge, clock }: CheckPorts): Checks {
  return {
    async propose(read, definition, allowAnything) {
      const { topic, settings, versions } = read;
      if (settings.schemaless) {
        throw invalidSetting(
          'schema',
          `topic ${topic} is schemaless; set schemaless to false, with its first schema, by ApplyTopic`,
        );
      }
      const schema = await topics.resolve({ version: (versions.at(-1) ?? 0) + 1, definition });
      const identicalVersion = versions.findLast((version) => read.facts(version)?.digest === schema.digest);
      // What is registered already stays valid, whatever it is.
      const advice = adviseOn(definition, allowAnything || identicalVersion !== undefined);
      return { schema, identicalVersion, warnings: [...warningsOf(schema), ...advice] };
    },

    async judge(read, { schema, identicalVersion, warnings }, options, signal) {
      checkEvidenceEvents(options.evidenceEvents);
      const policy = policyOf(read, options);
      const definition = effectiveText(schema);
      const load = async (version: number) => effectiveText(await topics.load(read, version));
      const { versions, latest } = read;
      const proposed = { definition, policy, latest, versions, load, acceptUndecided: options.acceptUndecided };
      const judgement =
        identicalVersion === undefined
          ? await judgeProposal(judge, proposed, signal)
          : {
              accepted: true,
              summary: `the same as version ${identicalVersion}: there is nothing to register`,
              findings: [],
            };
      const evidence =
        options.evidenceEvents === 0
          ? undefined
          : await gatherEvidence({ log, judge, clock }, read, definition, options.evidenceEvents, signal);
      const broken =
        identicalVersion === undefined
          ? await brokenReaders({ coordination, judge }, read, { definition, reading: policy.reading, load }, signal)
          : [];
      return { policy, ...judgement, evidence, brokenReaders: broken, warnings };
    },
  };
}

/** The policy of a call. */
function policyOf({ settings }: TopicVersions, { policy }: CheckOptions): SchemaPolicy {
  return { level: policy.level ?? settings.compatibility, reading: policy.reading ?? settings.reading };
}

/** Whoever registers may ask for more than the topic does, and never for less. */
export function checkNotLaxer(read: TopicVersions, options: CheckOptions): void {
  const { compatibility: level, reading } = read.settings;
  const asked = policyOf(read, options);
  if (isAsStrict(asked, { level, reading })) return;
  throw new BusError(
    'INVALID_REQUEST',
    `policy: ${asked.level} (reading ${asked.reading}) is laxer than the topic's, ${level} (reading ${reading}); change that first`,
  );
}

function checkEvidenceEvents(events: number): void {
  if (Number.isSafeInteger(events) && events >= 0 && events <= mostEvidence) return;
  throw new BusError(
    'INVALID_REQUEST',
    `evidence_events is ${events}; it must be a whole number from 0 to ${mostEvidence}`,
  );
}

function warningsOf({ definition, frozen }: StoredSchema): string[] {
  const schema: unknown = JSON.parse(frozen ?? definition);
  const stated = typeof schema !== 'object' || schema === null || '$schema' in schema;
  return stated ? [] : ['the schema does not say of which draft it is ($schema): 2020-12 applies'];
}
