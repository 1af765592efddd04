import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/error_details_pb.js';
import type { Event } from '../../../src/gen/mainstem/v1/event_pb.js';
import {
  type PublishResultSchema,
  PublishService,
  PublishStatus,
  type PublishStreamResponseSchema,
} from '../../../src/gen/mainstem/v1/publish_pb.js';
import type { SubscribeRequest } from '../../../src/gen/mainstem/v1/subscribe_pb.js';
import { type SubscribeResponseSchema, SubscribeService } from '../../../src/gen/mainstem/v1/subscribe_pb.js';
import { TopicService, TopicState } from '../../../src/gen/mainstem/v1/topic_pb.js';

type Result = MessageInitShape<typeof PublishResultSchema>;
type Answer = MessageInitShape<typeof PublishStreamResponseSchema>;
type Frame = MessageInitShape<typeof SubscribeResponseSchema>;

/** What a test decides: what becomes of an event (undefined: stored), of a whole batch, and what a stream sends. */
export interface Script {
  event?(text: string, attempt: number): Result | undefined;
  batch?(events: number, call: number): Answer | undefined;
  subscribe?(request: SubscribeRequest, call: number): AsyncIterable<Frame>;
}

/**
 * A real Connect server over HTTP/2 that keeps what it is sent in memory, with the order rule of PublishStream: a partition (the number after `"p":`
 * in the payload) in which an event was not stored takes nothing more until the client goes on explicitly. Its failures are the test's to choose.
 */
export class LineServer {
  readonly stored: string[] = [];
  readonly keys: (string | undefined)[] = [];
  readonly commits: { cursor: string; generation: bigint | undefined }[] = [];
  readonly batchSizes: number[] = [];
  readonly subscribes: SubscribeRequest[] = [];
  onCommit: () => void = () => undefined;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #attempts = new Map<string, number>();

  private constructor(private readonly script: Script) {
    this.#server = createServer({}, connectNodeAdapter({ routes: (router) => this.#routes(router) }));
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
  }

  static async open(script: Script = {}, port = 0): Promise<LineServer> {
    const server = new LineServer(script);
    await new Promise<void>((resolve) => server.#server.listen(port, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // A TCP server's address is never a string.
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Cuts every connection, as a crash does. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #routes(router: ConnectRouter): void {
    const script = this.script;
    const self = this;
    router.service(TopicService, {
      getTopic({ topic }) {
        if (topic !== 'missing') return { topic: { name: topic, state: TopicState.ACTIVE } };
        const info = create(ErrorInfoSchema, { reason: 'TOPIC_NOT_FOUND', domain: 'mainstem.dev' });
        throw new ConnectError('there is no topic missing', Code.NotFound, undefined, [
          { desc: ErrorInfoSchema, value: info },
        ]);
      },
    });
    router.service(PublishService, {
      async *publishStream(requests) {
        const halted = new Set<string>();
        let sequence = 0n;
        for await (const request of requests) {
          if (request.continueAfterFailure) halted.clear();
          const failed = script.batch?.(request.events.length, Number(sequence));
          self.batchSizes.push(request.events.length);
          const results = failed ? [] : request.events.map((event) => self.#store(event, halted));
          if (failed) for (const event of request.events) halted.add(partitionOf(textOf(event)));
          yield { sequence: sequence++, results, ...failed };
        }
      },
    });
    router.service(SubscribeService, {
      async *subscribe(request) {
        self.subscribes.push(request);
        yield* script.subscribe?.(request, self.subscribes.length) ?? [];
      },
      commit({ cursor, generation }) {
        self.commits.push({ cursor, generation });
        self.onCommit();
        return {};
      },
    });
  }

  #store(event: Event, halted: Set<string>): Result {
    const text = textOf(event);
    const partition = partitionOf(text);
    if (halted.has(partition)) return { status: PublishStatus.NOT_STORED, reason: 'STREAM_HALTED', message: 'halted' };
    const attempt = (this.#attempts.get(text) ?? 0) + 1;
    this.#attempts.set(text, attempt);
    const verdict = this.script.event?.(text, attempt);
    if (verdict) {
      if (verdict.status !== PublishStatus.REJECTED) halted.add(partition);
      return verdict;
    }
    this.stored.push(text);
    this.keys.push(event.key && Buffer.from(event.key).toString());
    return { status: PublishStatus.STORED, partition: 0, offset: BigInt(this.stored.length - 1) };
  }
}

function textOf(event: Event): string {
  return event.payload.case === 'jsonBytes' ? Buffer.from(event.payload.value).toString() : '';
}

function partitionOf(text: string): string {
  return /"p":(\d+)/.exec(text)?.[1] ?? '0';
}
