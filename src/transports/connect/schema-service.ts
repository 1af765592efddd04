import type { ServiceImpl } from '@connectrpc/connect';
import type { SchemaRegistry } from '../../core/schema-registry/commands.js';
import type { SchemaService } from '../../gen/mainstem/v1/schema_pb.js';
import type { OnInternalError } from '../served.js';
import { guardUnary, usesBinary } from './call.js';
import {
  toCheckOptions,
  toDiffCommand,
  toDiffResponse,
  toPolicyInput,
  toRegisteredSchema,
  toState,
  toValidateCommand,
  toValidateResponse,
} from './schema-mapper.js';
import { toPolicy, toReport } from './schema-report-mapper.js';

/** SchemaService on the schema registry. */
export function schemaService(
  schemas: SchemaRegistry,
  onInternalError: OnInternalError,
): ServiceImpl<typeof SchemaService> {
  return {
    registerSchema: guardUnary(onInternalError, async (request, { signal }) => {
      const { topic, definition, expectedVersion, allowAnything, options } = request;
      const command = { topic, definition, expectedVersion, allowAnything, options: toCheckOptions(options) };
      const { schema, created, report } = await schemas.register(command, signal);
      return { schema: toRegisteredSchema(schema), created, ...(report && { report: toReport(report) }) };
    }),
    checkSchema: guardUnary(onInternalError, async ({ topic, definition, allowAnything, options }, { signal }) => {
      const command = { topic, definition, allowAnything, options: toCheckOptions(options) };
      const { report, identicalVersion, nextVersion } = await schemas.check(command, signal);
      return {
        report: toReport(report),
        nextVersion,
        ...(identicalVersion === undefined ? {} : { identicalVersion }),
      };
    }),
    getSchema: guardUnary(onInternalError, async ({ topic, version }) => ({
      schema: toRegisteredSchema(await schemas.get(topic, version)),
    })),
    listSchemas: guardUnary(onInternalError, async ({ topic }) => {
      const { schemas: listed, policy } = await schemas.list(topic);
      return { schemas: listed.map(toRegisteredSchema), policy: toPolicy(policy) };
    }),
    diffSchemas: guardUnary(onInternalError, async (request, { signal }) =>
      toDiffResponse(await schemas.diff(toDiffCommand(request), signal)),
    ),
    validateEvents: guardUnary(onInternalError, async (request, context) => {
      const command = toValidateCommand(request, !usesBinary(context));
      return toValidateResponse(await schemas.validate(command, context.signal));
    }),
    setSchemaPolicy: guardUnary(onInternalError, async ({ topic, policy }) => ({
      policy: toPolicy(await schemas.setPolicy(topic, toPolicyInput(policy))),
    })),
    setSchemaState: guardUnary(onInternalError, async ({ topic, version, state }) => ({
      schema: toRegisteredSchema(await schemas.setState(topic, version, toState(state))),
    })),
  };
}
