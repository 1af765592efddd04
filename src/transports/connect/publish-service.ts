import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { answerBefore } from '../../core/deadline.js';
import type { PublishCommand, Publishing } from '../../core/publish/command.js';
import { PublishResponseSchema, PublishService } from '../../gen/mainstem/v1/publish_pb.js';
import type { OnInternalError } from '../served.js';
import { eachOf, guardStream, guardUnary, mapped, usesBinary } from './call.js';
import type { DirectMethods, Together } from './lane/lane-methods.js';
import { decodePublish } from './publish-decoder.js';
import { toPublishCommand } from './publish-mapper.js';
import { publishStream } from './publish-stream.js';
import { encodeResponse, encodeResults, responseFields, toResult } from './result-mapper.js';
import { messageForm, wireForm } from './stream-form.js';

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
      const signal = answerBefore(context.signal, context.timeoutMs());
      const results = await publishing.publish(command, signal);
      if (binary) response.$unknown = encodeResults(responseFields.results, results);
      else response.results = results.map(toResult);
      return response;
    }),
    publishStream: guardStream(onInternalError, (requests, context) => {
      const single = mapped(requests, (request) => [request]);
      const answers = publishStream(publishing, single, messageForm(usesBinary(context)), context, onInternalError, 1);
      return eachOf(answers);
    }),
  };
}

/** The service's methods in their binary form, without messages in between; what is unusual is the codec's and the service's. */
export function directPublishing(publishing: Publishing, onInternalError: OnInternalError): DirectMethods {
  const publish = guardUnary(onInternalError, async (command: PublishCommand, context) => {
    const warnings: string[] = [];
    const onWarning = (warning: string) => void warnings.push(warning);
    return encodeResponse(await publishing.publish({ ...command, onWarning }, context.signal), warnings);
  });
  const { method } = PublishService;
  return {
    unary: new Map([
      [
        method.publish,
        (message, context) => {
          const command = decodePublish(message);
          return command && publish(command, context);
        },
      ],
    ]),
    duplex: new Map([
      [
        method.publishStream,
        guardStream(onInternalError, (requests: Together, context) =>
          publishStream(publishing, requests, wireForm, context, onInternalError),
        ),
      ],
    ]),
  };
}
