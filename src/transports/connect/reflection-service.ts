import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Code, type ServiceImpl } from '@connectrpc/connect';
import {
  type ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../../gen/grpc/reflection/v1/reflection_pb.js';
import {
  ServerReflectionRequestSchema as AlphaRequestSchema,
  ServerReflectionResponseSchema as AlphaResponseSchema,
  type ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
  type ServerReflectionResponse as ServerReflectionResponseAlpha,
} from '../../gen/grpc/reflection/v1alpha/reflection_pb.js';
import type { OnInternalError } from '../served.js';
import { guardStream } from './call.js';
import type { DescriptorIndex } from './descriptor-index.js';
import { inOrder, type Started } from './in-order.js';

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

/** One question at a time: they are answered at once. */
const limits = { batches: 1, bytes: 1 };

/** Server reflection, by which grpcurl and `buf curl` work without any files. A stream that is still open when `draining` aborts ends with its reason. */
export function reflectionService(
  index: DescriptorIndex,
  onInternalError: OnInternalError,
  draining?: AbortSignal,
): ServiceImpl<typeof ServerReflection> {
  return {
    serverReflectionInfo: guardStream(onInternalError, (requests, { signal }) =>
      inOrder(requests, (request) => answered(reflect(index, request)), limits, signal, draining),
    ),
  };
}

/** The same under its older name: v1 and v1alpha differ in nothing but the name. */
export function reflectionAlphaService(
  index: DescriptorIndex,
  onInternalError: OnInternalError,
  draining?: AbortSignal,
): ServiceImpl<typeof ServerReflectionAlpha> {
  function answer(request: ServerReflectionRequestAlpha): Started<ServerReflectionResponseAlpha> {
    const asked = fromBinary(ServerReflectionRequestSchema, toBinary(AlphaRequestSchema, request));
    return answered(fromBinary(AlphaResponseSchema, toBinary(ServerReflectionResponseSchema, reflect(index, asked))));
  }
  return {
    serverReflectionInfo: guardStream(onInternalError, (requests, { signal }) =>
      inOrder(requests, answer, limits, signal, draining),
    ),
  };
}

function answered<T>(response: T): Started<T> {
  return { bytes: 1, result: Promise.resolve(response) };
}

function reflect(index: DescriptorIndex, request: ServerReflectionRequest): ServerReflectionResponse {
  return create(ServerReflectionResponseSchema, {
    validHost: request.host,
    originalRequest: request,
    messageResponse: answerTo(index, request.messageRequest),
  });
}

function answerTo(index: DescriptorIndex, asked: ServerReflectionRequest['messageRequest']): Answer {
  switch (asked.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: index.services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return files(index.file(asked.value), `file ${asked.value}`);
    case 'fileContainingSymbol':
      return files(index.fileOf(asked.value), `symbol ${asked.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const what = `extension ${extensionNumber} of ${containingType}`;
      return files(index.fileOfExtension(containingType, extensionNumber), what);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionsOf(asked.value);
      if (extensionNumber === undefined) return failure(Code.NotFound, `message ${asked.value} not found`);
      return {
        case: 'allExtensionNumbersResponse',
        value: { baseTypeName: asked.value, extensionNumber: [...extensionNumber] },
      };
    }
    default:
      return failure(Code.InvalidArgument, 'the request asks nothing that this server knows of');
  }
}

function files(fileDescriptorProto: readonly Uint8Array[] | undefined, what: string): Answer {
  if (fileDescriptorProto === undefined) return failure(Code.NotFound, `${what} not found`);
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...fileDescriptorProto] } };
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}
