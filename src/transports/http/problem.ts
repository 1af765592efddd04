import { Buffer } from 'node:buffer';
import type { HttpResponse } from '../node-http.js';

/** Problem details, RFC 9457. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  /** What is wrong and what to do, in words. */
  readonly detail: string;
  /** From the catalogue of errors, where one is behind it. */
  readonly reason?: string;
}

export function sendProblem(response: HttpResponse, problem: Problem, headers: Record<string, string> = {}): void {
  const body = { type: 'about:blank', ...problem };
  send(response, problem.status, `${JSON.stringify(body)}\n`, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}

/** A short answer, whole. To a HEAD request Node sends the headers only. */
export function send(response: HttpResponse, status: number, text: string, headers: Record<string, string>): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, { 'content-length': bytes.length, 'cache-control': 'no-store', ...headers });
  response.end(bytes);
}
