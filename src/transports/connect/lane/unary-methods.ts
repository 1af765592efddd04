import type { DescMessage, DescMethodUnary } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createMethodImplSpec,
  createServiceImplSpec,
  type MethodImplSpec,
} from '@connectrpc/connect';
import {
  createMethodSerializationLookup,
  createMethodUrl,
  validateReadWriteMaxBytes,
} from '@connectrpc/connect/protocol';

type UnarySpec = Extract<MethodImplSpec, { readonly kind: 'unary' }>;
type RouteOptions = Partial<ConnectRouterOptions>;

/** What the lane has to know to serve a unary method as the adapter does. */
export interface UnaryMethod {
  readonly method: DescMethodUnary;
  readonly impl: UnarySpec['impl'];
  readonly serialization: ReturnType<typeof createMethodSerializationLookup<DescMessage, DescMessage>>;
  readonly options: RouteOptions;
  readonly readMaxBytes: number;
}

/** A router that hands everything on, and keeps what it learns about unary methods, by path. */
export function recordUnary(router: ConnectRouter, base: ConnectRouterOptions) {
  const methods = new Map<string, UnaryMethod>();

  function record(spec: MethodImplSpec, routeOptions: RouteOptions | undefined): void {
    const options = { ...base, ...routeOptions };
    // Those may change anything, and see connect's own requests: calls with interceptors are the adapter's.
    if (spec.kind !== 'unary' || (options.interceptors?.length ?? 0) > 0) return;
    const { method, impl } = spec;
    const limits = validateReadWriteMaxBytes(options.readMaxBytes, options.writeMaxBytes, options.compressMinBytes);
    methods.set(createMethodUrl('/', method), {
      method,
      impl,
      serialization: createMethodSerializationLookup<DescMessage, DescMessage>(
        method,
        options.binaryOptions,
        options.jsonOptions,
        limits,
      ),
      options,
      readMaxBytes: limits.readMaxBytes,
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
