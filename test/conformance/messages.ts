import { readFileSync } from 'node:fs';
import { createFileRegistry, type FileRegistry, fromBinary, type Message } from '@bufbuild/protobuf';
import type { GenMessage, GenService } from '@bufbuild/protobuf/codegenv2';
import { type Any, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** What the server needs of the suite's package connectrpc.conformance.v1, by hand: the suite's files are fetched when it runs, nothing of it is in this repository. */
type Named<Name extends string, Fields> = Message<`connectrpc.conformance.v1.${Name}`> & Fields;

export type Header = Named<'Header', { name: string; value: string[] }>;
export type WantedError = Named<'Error', { code: number; message?: string; details: Any[] }>;

export type RequestInfo = Named<
  'ConformancePayload.RequestInfo',
  {
    requestHeaders: Header[];
    timeoutMs?: bigint;
    requests: Any[];
    connectGetInfo?: Named<'ConformancePayload.ConnectGetInfo', { queryParams: Header[] }>;
  }
>;
type Payload = Named<'ConformancePayload', { data: Uint8Array; requestInfo?: RequestInfo }>;

export type UnaryDefinition = Named<
  'UnaryResponseDefinition',
  {
    responseHeaders: Header[];
    response:
      | { case: 'responseData'; value: Uint8Array }
      | { case: 'error'; value: WantedError }
      | { case: undefined; value?: undefined };
    responseTrailers: Header[];
    responseDelayMs: number;
  }
>;
export type StreamDefinition = Named<
  'StreamResponseDefinition',
  {
    responseHeaders: Header[];
    responseData: Uint8Array[];
    responseDelayMs: number;
    error?: WantedError;
    responseTrailers: Header[];
  }
>;

type UnaryRequest<Name extends string> = Named<Name, { responseDefinition?: UnaryDefinition }>;
type StreamRequest<Name extends string, More = unknown> = Named<Name, { responseDefinition?: StreamDefinition } & More>;
type Response<Name extends string> = Named<Name, { payload?: Payload }>;

type Method<Kind extends string, Input extends Message, Output extends Message> = {
  methodKind: Kind;
  input: GenMessage<Input>;
  output: GenMessage<Output>;
};
export type ConformanceService = GenService<{
  unary: Method<'unary', UnaryRequest<'UnaryRequest'>, Response<'UnaryResponse'>>;
  idempotentUnary: Method<'unary', UnaryRequest<'IdempotentUnaryRequest'>, Response<'IdempotentUnaryResponse'>>;
  clientStream: Method<'client_streaming', UnaryRequest<'ClientStreamRequest'>, Response<'ClientStreamResponse'>>;
  serverStream: Method<'server_streaming', StreamRequest<'ServerStreamRequest'>, Response<'ServerStreamResponse'>>;
  bidiStream: Method<
    'bidi_streaming',
    StreamRequest<'BidiStreamRequest', { fullDuplex: boolean }>,
    Response<'BidiStreamResponse'>
  >;
}>;

/** What the suite tells a server before it starts. */
type CompatRequest = Named<
  'ServerCompatRequest',
  {
    useTls: boolean;
    /** PEM; empty where clients show no certificate. */
    clientTlsCert: Uint8Array;
    messageReceiveLimit: number;
    serverCreds?: Named<'TLSCreds', { cert: Uint8Array; key: Uint8Array }>;
  }
>;
type CompatResponse = Named<'ServerCompatResponse', { host: string; port: number; pemCert: Uint8Array }>;

export interface Suite {
  readonly registry: FileRegistry;
  readonly service: ConformanceService;
  readonly requestInfo: GenMessage<RequestInfo>;
  readonly compatRequest: GenMessage<CompatRequest>;
  readonly compatResponse: GenMessage<CompatResponse>;
}

/** The suite's package, from a file of descriptors as `buf build` writes it. */
export function loadSuite(file: string): Suite {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
  const found = <Type>(desc: Type | undefined): Type => {
    if (desc === undefined) throw new Error(`${file} is not the conformance suite's`);
    return desc;
  };
  // The registry cannot know the types above; the suite's version is pinned, and every message goes through every case.
  const message = <Type extends Message>(name: string) =>
    found(registry.getMessage(`connectrpc.conformance.v1.${name}`)) as GenMessage<Type>;
  return {
    registry,
    service: found(registry.getService('connectrpc.conformance.v1.ConformanceService')) as ConformanceService,
    requestInfo: message('ConformancePayload.RequestInfo'),
    compatRequest: message('ServerCompatRequest'),
    compatResponse: message('ServerCompatResponse'),
  };
}
