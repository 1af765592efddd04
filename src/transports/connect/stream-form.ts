import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { createMethodSerializationLookup } from '@connectrpc/connect/protocol';
import type { EventResult } from '../../core/publish/command.js';
import {
  type BatchFailureSchema,
  PublishService,
  type PublishStreamRequest,
  type PublishStreamResponse,
  PublishStreamResponseSchema,
} from '../../gen/mainstem/v1/publish_pb.js';
import { callOptions } from './call-options.js';
import { decodePublishStream, type PublishBatch } from './publish-decoder.js';
import { encodeResults, encodeStreamAnswer, streamFields, toResult } from './result-mapper.js';

/** How the batches of a PublishStream are read, and their answers written. */
export interface StreamForm<I, O> {
  /** The topic is empty where the request names none. Throws a ConnectError for what cannot be decoded. */
  read(request: I): PublishBatch | PublishStreamRequest;
  /** Whether the requests that it reads came in the JSON form. */
  readonly isJson: boolean;
  answer(sequence: number, results: readonly EventResult[], warnings: readonly string[]): O;
  failure(sequence: number, failure: MessageInitShape<typeof BatchFailureSchema>, warnings: readonly string[]): O;
}

/** As messages for connect's codecs. */
export function messageForm(binary: boolean): StreamForm<PublishStreamRequest, PublishStreamResponse> {
  return {
    read: (request) => request,
    isJson: !binary,
    answer(sequence, results, warnings) {
      const response = create(PublishStreamResponseSchema, { sequence: BigInt(sequence), warnings: [...warnings] });
      if (binary) response.$unknown = encodeResults(streamFields.results, results);
      else response.results = results.map(toResult);
      return response;
    },
    failure: failureMessage,
  };
}

const { parse } = createMethodSerializationLookup(
  PublishService.method.publishStream,
  undefined,
  undefined,
  callOptions,
).getI(true);

/** From bytes to bytes. */
export const wireForm: StreamForm<Uint8Array, Uint8Array> = {
  read: (message) => decodePublishStream(message) ?? parse(message),
  isJson: false,
  answer: encodeStreamAnswer,
  failure: (sequence, failure, warnings) =>
    toBinary(PublishStreamResponseSchema, failureMessage(sequence, failure, warnings)),
};

function failureMessage(
  sequence: number,
  failure: MessageInitShape<typeof BatchFailureSchema>,
  warnings: readonly string[],
): PublishStreamResponse {
  return create(PublishStreamResponseSchema, { sequence: BigInt(sequence), failure, warnings: [...warnings] });
}
