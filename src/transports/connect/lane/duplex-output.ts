import { Buffer } from 'node:buffer';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ConnectError } from '@connectrpc/connect';
import { createEndStreamSerialization, endStreamFlag } from '@connectrpc/connect/protocol-connect';
import { watchClient } from '../../client-room.js';
import { noSniff } from '../../no-sniff.js';
import { discardRest } from '../../unread-body.js';
import { grpcTrailers } from './answer.js';
import type { CallForm } from './call-form.js';
import { envelopeBytes, writeEnvelope } from './envelope.js';
import type { LaneContext } from './lane-context.js';

/** The answers of one call, in envelopes. What is written in one turn of the event loop leaves together. */
export interface DuplexOutput {
  /** Resolves, or is undefined, when there is room for more. */
  write(message: Uint8Array): Promise<void> | undefined;
  end(failure: ConnectError | undefined): void;
}

/** So much is written at once, whatever else comes. */
const mostBytes = 64 * 1024;

const endStream = createEndStreamSerialization(undefined);

export function duplexOutput(stream: ServerHttp2Stream, form: CallForm, context: LaneContext): DuplexOutput {
  let waiting: { readonly flags: number; readonly message: Uint8Array }[] = [];
  /** With their envelopes. */
  let bytes = 0;
  let begun = false;
  const client = watchClient(stream);

  /** With the first message, so that the implementation may still set headers before. */
  function begin(): void {
    if (begun) return;
    begun = true;
    const headers: OutgoingHttpHeaders = { ...noSniff, ...(context.header && Object.fromEntries(context.header)) };
    headers[':status'] = 200;
    headers['content-type'] = form.answerType;
    stream.respond(headers, { waitForTrailers: form.protocol === 'grpc' });
  }

  function add(flags: number, message: Uint8Array): void {
    waiting.push({ flags, message });
    bytes += envelopeBytes + message.length;
  }

  function flush(): void {
    if (waiting.length === 0) return;
    const together = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const { flags, message } of waiting) {
      writeEnvelope(together, message.length, flags, at);
      together.set(message, at + envelopeBytes);
      at += envelopeBytes + message.length;
    }
    waiting = [];
    bytes = 0;
    if (!isOver(stream)) stream.write(together);
  }

  return {
    write(message) {
      begin();
      // Once all promises that are settled have run, so that answers to what was stored together share a frame.
      if (waiting.length === 0) process.nextTick(flush);
      add(0, message);
      if (bytes >= mostBytes) flush();
      // Whatever was written before counts: a client that does not read must not make answers pile up here.
      return stream.writableNeedDrain ? client.room() : undefined;
    },
    end(failure) {
      discardRest(stream);
      if (form.protocol === 'connect') {
        add(
          endStreamFlag,
          endStream.serialize({ metadata: context.trailer ?? new Headers(), ...(failure && { error: failure }) }),
        );
      } else {
        stream.once('wantTrailers', () => stream.sendTrailers(grpcTrailers(failure, context.trailer)));
      }
      begin();
      flush();
      stream.end();
    },
  };
}

/** Nothing more can be written: the client has cancelled, or is gone. */
export function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}
