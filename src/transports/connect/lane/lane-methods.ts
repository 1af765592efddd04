import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  createMethodImplSpec,
  createServiceImplSpec,
  type HandlerContext,
  type MethodImplSpec,
} from '@connectrpc/connect';
import {
  createMethodSerializationLookup,
  createMethodUrl,
  validateReadWriteMaxBytes,
} from '@connectrpc/connect/protocol';

/** The kinds of methods that the lane serves. */
type LaneSpec = Extract<MethodImplSpec, { readonly kind: 'unary' | 'server_streaming' | 'bidi_streaming' }>;
type RouteOptions = Partial<ConnectRouterOptions>;

/**
 * A unary method in its binary form, from the request's bytes to the answer's, without messages in between. Undefined: the request is unusual, and
 * codec and implementation have to deal with it. It answers as they would.
 */
export type DirectUnary = (message: Uint8Array, context: HandlerContext) => Promise<Uint8Array> | undefined;

/** Messages in their binary form, those together that are there at the same time. */
export type Together = AsyncIterable<readonly Uint8Array[]>;

/** A method with streams both ways in its binary form, from bytes to bytes. What is unusual it gives to the codec itself. */
export type DirectDuplex = (messages: Together, context: HandlerContext) => Together;

/** The methods that can be served without messages. */
export interface DirectMethods {
  readonly unary: ReadonlyMap<DescMethod, DirectUnary>;
  readonly duplex: ReadonlyMap<DescMethod, DirectDuplex>;
}

/** What the lane has to know to serve a method as the adapter does. */
export interface LaneMethod<S extends LaneSpec = LaneSpec> {
  readonly spec: S;
  readonly serialization: ReturnType<typeof createMethodSerializationLookup<DescMessage, DescMessage>>;
  readonly options: RouteOptions;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly direct: DirectUnary | undefined;
  readonly directDuplex: DirectDuplex | undefined;
}

export type UnaryMethod = LaneMethod<Extract<LaneSpec, { readonly kind: 'unary' }>>;
export type ServerStreamMethod = LaneMethod<Extract<LaneSpec, { readonly kind: 'server_streaming' }>>;
export type DuplexMethod = LaneMethod<Extract<LaneSpec, { readonly kind: 'bidi_streaming' }>>;

export const isUnary = (method: LaneMethod): method is UnaryMethod => method.spec.kind === 'unary';
export const isServerStream = (method: LaneMethod): method is ServerStreamMethod =>
  method.spec.kind === 'server_streaming';
export const isDuplex = (method: LaneMethod): method is DuplexMethod => method.spec.kind === 'bidi_streaming';

/** A router that hands everything on, and keeps what it learns about the methods that the lane can serve, by path. */
export function recordMethods(router: ConnectRouter, base: ConnectRouterOptions, direct?: DirectMethods) {
  const methods = new Map<string, LaneMethod>();

  function record(spec: MethodImplSpec, routeOptions: RouteOptions | undefined): void {
    const options = { ...base, ...routeOptions };
    // Those may change anything, and see connect's own requests: calls with interceptors are the adapter's.
    if ((options.interceptors?.length ?? 0) > 0) return;
    if (spec.kind === 'client_streaming') return;
    const limits = validateReadWriteMaxBytes(options.readMaxBytes, options.writeMaxBytes, options.compressMinBytes);
    methods.set(createMethodUrl('/', spec.method), {
      spec,
      serialization: createMethodSerializationLookup<DescMessage, DescMessage>(
        spec.method,
        options.binaryOptions,
        options.jsonOptions,
        limits,
      ),
      options,
      readMaxBytes: limits.readMaxBytes,
      writeMaxBytes: limits.writeMaxBytes,
      direct: direct?.unary.get(spec.method),
      directDuplex: direct?.duplex.get(spec.method),
    });
  }

  const recording: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, implementation, options);
      const { methods: specs } = createServiceImplSpec(service, implementation);
      for (const spec of Object.values(specs)) record(spec, options);
      return recording;
    },
    rpc(method, impl, options) {
      router.rpc(method, impl, options);
      record(createMethodImplSpec(method, impl), options);
      return recording;
    },
  };
  return { router: recording, methods };
}

/** An answer that was made without the codec, which otherwise refuses one that is too large. */
export function checkedLength(answer: Uint8Array, writeMaxBytes: number): Uint8Array {
  if (answer.length <= writeMaxBytes) return answer;
  const why = `message size ${answer.length} is larger than configured writeMaxBytes ${writeMaxBytes}`;
  throw new ConnectError(why, Code.ResourceExhausted);
}
