import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { PublishCommand, Publishing } from '../../core/publish/command.js';
import { PublishResponseSchema, type PublishService } from '../../gen/mainstem/v1/publish_pb.js';
import type { OnInternalError } from '../served.js';
import { guardStream, guardUnary, usesBinary } from './call.js';
import type { DirectUnary } from './lane/lane-methods.js';
import { decodePublish } from './publish-decoder.js';
import { toPublishCommand } from './publish-mapper.js';
import { publishStream } from './publish-stream.js';
import { encodeResponse, encodeResults, responseFields, toResult } from './result-mapper.js';

/** PublishService on the produce path. */
export function publishService(
  publishing: Publishing,
  onInternalError: OnInternalError,
): ServiceImpl<typeof PublishService> {
  return {
    publish: guardUnary(onInternalError, async (request, context) => {
      const binary = usesBinary(context);
      const response = create(PublishResponseSchema);
      const onWarning = (warning: string) => void response.warnings.push(warning);
      const command = { ...toPublishCommand(request, !binary), onWarning };
      const results = await publishing.publish(command, context.signal);
      if (binary) response.$unknown = encodeResults(responseFields.results, results);
      else response.results = results.map(toResult);
      return response;
    }),
    publishStream: guardStream(onInternalError, (requests, context) =>
      publishStream(publishing, requests, context, onInternalError),
    ),
  };
}

/** Publish in its binary form, without messages in between; what is unusual is the service's. */
export function directPublish(publishing: Publishing, onInternalError: OnInternalError): DirectUnary {
  const publish = guardUnary(onInternalError, async (command: PublishCommand, context) => {
    const warnings: string[] = [];
    const onWarning = (warning: string) => void warnings.push(warning);
    return encodeResponse(await publishing.publish({ ...command, onWarning }, context.signal), warnings);
  });
  return (message, context) => {
    const command = decodePublish(message);
    return command && publish(command, context);
  };
}
