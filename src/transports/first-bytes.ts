import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

/** How every HTTP/2 connection begins; no method of HTTP/1.1 is called PRI. */
const preface = 'PRI ';

/**
 * Finds out by its first bytes which version of HTTP a connection speaks, and puts the bytes back. A connection that says nothing for
 * `timeoutMs`, or ends before, is closed without a word.
 */
export function byFirstBytes(socket: Socket, timeoutMs: number, decided: (version: 1 | 2) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const giveUp = () => socket.destroy();

  function look(): void {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const start = seen.toString('latin1', 0, preface.length);
    if (start.length < preface.length && preface.startsWith(start)) return;
    leave();
    socket.unshift(seen);
    decided(start === preface ? 2 : 1);
  }
  function leave(): void {
    clearTimeout(timer);
    socket.off('readable', look);
    socket.off('end', giveUp);
    socket.off('error', giveUp);
    socket.off('close', leave);
  }
  socket.on('readable', look);
  socket.on('end', giveUp);
  socket.on('error', giveUp);
  socket.on('close', leave);
}
