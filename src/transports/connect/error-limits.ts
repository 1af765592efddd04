import { Buffer } from 'node:buffer';
import { type DescMessage, type Message, toBinary, toJson } from '@bufbuild/protobuf';

/** A message that explains an error further. */
export interface Detail {
  readonly desc: DescMessage;
  readonly value: Message;
}

/** How large an error may get on a protocol. In bytes, unless it says otherwise. */
export interface ErrorLimits {
  /** All of it, as it is encoded. */
  readonly total: number;
  /** The message, as it is encoded. */
  readonly message: number;
  /** The metadata of ErrorInfo. */
  readonly metadata: number;
  /** Field and description of a violation, in characters each. */
  readonly violationChars: number;
  /** A text of a schema report, in characters; a counterexample that is longer is left out. */
  readonly reportChars: number;
  /** What an error takes, encoded. */
  size(message: string, details: readonly Detail[]): number;
}

export const errorLimits = {
  /** In trailers: the message percent-encoded, and all of it again in base64. Clients allow about 8 KiB of trailers. */
  grpc: {
    total: 4_000,
    message: 900,
    metadata: 600,
    violationChars: 200,
    reportChars: 300,
    size(message, details) {
      let status = 16 + Buffer.byteLength(message);
      for (const { desc, value } of details) status += 40 + desc.typeName.length + toBinary(desc, value).length;
      return 100 + percentEncoded(message) + Math.ceil((status * 4) / 3);
    },
  },
  /** In a body: JSON, with each detail in base64 and once more for people to read. */
  elsewhere: {
    total: 64_000,
    message: 8_000,
    metadata: 4_000,
    violationChars: 1_000,
    reportChars: 8_000,
    size(message, details) {
      let bytes = 100 + percentEncoded(message);
      for (const { desc, value } of details) {
        const forPeople = Buffer.byteLength(JSON.stringify(toJson(desc, value)));
        bytes += 60 + desc.typeName.length + Math.ceil((toBinary(desc, value).length * 4) / 3) + forPeople;
      }
      return bytes;
    },
  },
} as const satisfies { readonly [protocol: string]: ErrorLimits };

/** A message that keeps within the limit. */
export function shortMessage(message: string, limits: ErrorLimits): string {
  let short = cutText(message, limits.message);
  while (percentEncoded(short) > limits.message) short = cutText(message, Math.floor(short.length * 0.8));
  return short;
}

/** A text of at most so many characters, well-formed (a lone surrogate cannot be encoded); the cut shows. */
export function cutText(text: string, chars: number): string {
  return (text.length <= chars ? text : `${text.slice(0, chars - 1)}…`).toWellFormed();
}

function percentEncoded(text: string): number {
  return encodeURIComponent(text).length;
}
