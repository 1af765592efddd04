import { setTimeout as delay } from 'node:timers/promises';
import { create, type DescMessage, type Message, type MessageShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import type {
  ConformanceService,
  RequestInfo,
  StreamDefinition,
  Suite,
  UnaryDefinition,
  WantedError,
} from './messages.js';

type ClientRequest = MessageShape<ConformanceService['method']['clientStream']['input']>;
type BidiRequest = MessageShape<ConformanceService['method']['bidiStream']['input']>;

/** The suite's service: answers what each request asks for, and tells what the server saw of it. Unimplemented stays so. */
export function conformanceService({ service, requestInfo }: Suite): ServiceImpl<ConformanceService> {
  const { method } = service;
  const seen = (context: HandlerContext, desc: DescMessage, requests: readonly Message[]): RequestInfo =>
    create(requestInfo, {
      ...ofCall(context),
      requests: requests.map((request) => anyPack(desc, request)),
    });

  function fail(wanted: WantedError, info?: RequestInfo): ConnectError {
    const error = new ConnectError(wanted.message ?? '', wanted.code);
    for (const { typeUrl, value } of wanted.details) {
      error.details.push({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value });
    }
    if (info) error.details.push({ desc: requestInfo, value: info });
    return error;
  }

  async function single(
    context: HandlerContext,
    desc: DescMessage,
    requests: readonly (Message & { responseDefinition?: UnaryDefinition })[],
  ) {
    const wanted = requests[0]?.responseDefinition;
    sendHeaders(context, wanted);
    if (wanted) await wait(wanted.responseDelayMs, context);
    const info = seen(context, desc, requests);
    if (wanted?.response.case === 'error') throw fail(wanted.response.value, info);
    return { payload: { requestInfo: info, ...(wanted?.response.case && { data: wanted.response.value }) } };
  }

  return {
    unary: (request, context) => single(context, method.unary.input, [request]),
    idempotentUnary: (request, context) => single(context, method.idempotentUnary.input, [request]),

    async clientStream(stream, context) {
      const requests: ClientRequest[] = [];
      for await (const request of stream) requests.push(request);
      return single(context, method.clientStream.input, requests);
    },

    async *serverStream(request, context) {
      const wanted = request.responseDefinition;
      sendHeaders(context, wanted);
      let info: RequestInfo | undefined = seen(context, method.serverStream.input, [request]);
      for (const data of wanted?.responseData ?? []) {
        await wait(wanted?.responseDelayMs, context);
        yield { payload: { data, ...(info && { requestInfo: info }) } };
        info = undefined;
      }
      if (wanted?.error) throw fail(wanted.error, info);
    },

    // Full duplex: an answer to each request, as it comes. Half duplex: all answers after the last request.
    async *bidiStream(stream, context) {
      const { input } = method.bidiStream;
      let wanted: (Parameters<typeof sendHeaders>[1] & { responseData: Uint8Array[]; error?: WantedError }) | undefined;
      let fullDuplex = false;
      let first = true;
      let sent = 0;
      let requests: BidiRequest[] = [];
      for await (const request of stream) {
        if (first) {
          first = false;
          wanted = request.responseDefinition;
          fullDuplex = request.fullDuplex;
          sendHeaders(context, wanted);
        }
        requests.push(request);
        if (!fullDuplex) continue;
        const data = wanted?.responseData[sent];
        if (data === undefined) break;
        await wait(wanted?.responseDelayMs, context);
        const info =
          sent === 0
            ? seen(context, input, requests)
            : create(requestInfo, { requests: requests.map((one) => anyPack(input, one)) });
        yield { payload: { data, requestInfo: info } };
        sent += 1;
        requests = [];
      }
      for (const data of wanted?.responseData.slice(sent) ?? []) {
        await wait(wanted?.responseDelayMs, context);
        yield { payload: { data, ...(sent === 0 && { requestInfo: seen(context, input, requests) }) } };
        sent += 1;
      }
      if (wanted?.error) throw fail(wanted.error, sent === 0 ? seen(context, input, requests) : undefined);
    },
  };
}

function sendHeaders(context: HandlerContext, wanted: UnaryDefinition | StreamDefinition | undefined): void {
  for (const { name, value } of wanted?.responseHeaders ?? []) {
    for (const one of value) context.responseHeader.append(name, one);
  }
  for (const { name, value } of wanted?.responseTrailers ?? []) {
    for (const one of value) context.responseTrailer.append(name, one);
  }
}

/** What was cut short fails with the signal's reason, such as the deadline. */
async function wait(ms: number | undefined, { signal }: HandlerContext): Promise<void> {
  try {
    if (ms) await delay(ms, undefined, { signal });
  } catch (error) {
    throw signal.reason ?? error;
  }
}

function ofCall(context: HandlerContext) {
  const left = context.timeoutMs();
  const query = context.requestMethod === 'GET' ? new URL(context.url).searchParams : undefined;
  return {
    requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: value.split(', ') })),
    ...(left !== undefined && { timeoutMs: BigInt(Math.trunc(left)) }),
    ...(query && {
      connectGetInfo: {
        queryParams: [...new Set(query.keys())].map((name) => ({ name, value: query.getAll(name) })),
      },
    }),
  };
}
