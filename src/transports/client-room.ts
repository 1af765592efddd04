/** What an answer is written to: a response of HTTP/1.1, or a stream of HTTP/2. */
interface Answer {
  readonly destroyed: boolean;
  on(event: 'drain', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** The client of an answer that is being written. */
export interface Client {
  /** Nobody is there any more: nothing can be written. */
  readonly gone: boolean;
  /** Resolves when there is room again, or when the client is gone. To be asked right after a write that said that there is none. */
  room(): Promise<void>;
  /** Ends the wait for room, though there may be none. */
  resume(): void;
}

/** Watches what becomes of a client while its answer is made. */
export function watchClient(answer: Answer, onGone: () => void = () => undefined): Client {
  let gone = answer.destroyed;
  let waiting: Promise<void> | undefined;
  let wake: () => void = () => undefined;
  const resume = () => {
    waiting = undefined;
    wake();
  };
  answer.on('drain', resume);
  answer.once('close', () => {
    gone = true;
    onGone();
    resume();
  });
  return {
    get gone() {
      return gone;
    },
    resume,
    async room() {
      if (gone) return;
      waiting ??= new Promise<void>((resolve) => {
        wake = resolve;
      });
      await waiting;
    },
  };
}
