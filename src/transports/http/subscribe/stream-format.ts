import type { BusError } from '../../../core/errors.js';
import type { ControlFrame } from './control-frames.js';
import type { EventsFrame } from './slice.js';

/** How frames are written as text. */
export interface StreamFormat {
  readonly contentType: string;
  /** A frame without records; empty where the format has nothing to say about it. */
  control(frame: ControlFrame): string;
  /** Records, and the cursor after them, in parts, before each of which the client may be waited for. */
  slice(frame: EventsFrame): Iterable<Uint8Array>;
  /** The last words of a stream that fails in the middle. Undefined: the format has none, and the connection is cut. */
  failure(error: BusError): string | undefined;
  /** Whether its clients come again after every end, until the status 204 tells them that there is nothing left (HTML, 9.2.3). */
  readonly comesAgain: boolean;
  /** The longest cursor that its clients can come back with, in characters; undefined: any. */
  readonly longestCursor?: number | undefined;
  /** What is answered with status 200 in place of an error, where the client would take the error's status for final. Undefined: the error itself. */
  refusal(error: BusError): string | undefined;
}
