import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import type { Count } from './connect-suite.js';
import { loadSuite } from './messages.js';
import { run } from './process-group.js';
import { type Tools, work } from './tools.js';

const all = 145;
const limitMs = 120_000;
/** How long h2spec waits for an answer; five of the known failures wait as long. */
const patienceSeconds = 4;

const ignored =
  'nghttp2, within Node, ignores frames on streams that are closed; it does not answer them with an error';
/** What fails, and why it may. Node alone fails as many. */
const known = new Map([
  [
    'http2/3.5 Sends invalid connection preface',
    'what is not HTTP/2 is taken for HTTP/1.1 on this port: answered 400, then closed',
  ],
  ['http2/5.1 closed: Sends a DATA frame after sending RST_STREAM frame', ignored],
  ['http2/5.1 closed: Sends a HEADERS frame after sending RST_STREAM frame', ignored],
  ['http2/5.1 closed: Sends a DATA frame', ignored],
  ['http2/5.1 closed: Sends a HEADERS frame', ignored],
  ['http2/5.1.1 Sends stream identifier that is numerically smaller than previous', ignored],
  ['http2/6.7 Sends a PING frame with ACK', 'Node closes a connection that acknowledges a PING which was never sent'],
  [
    'http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1',
    'Node ends the connection with GOAWAY, but names another error',
  ],
]);

/** HTTP/2 itself, on the same server. Fails with a failure that is not known. */
export async function runH2spec(tools: Tools): Promise<Count> {
  const [output, report] = [join(work, 'h2spec.out'), join(work, 'h2spec.xml')];
  rmSync(report, { force: true });
  const server = await startServer(tools);
  try {
    const where = ['-h', '127.0.0.1', '-p', String(server.port), '-P', '/livez'];
    await run([tools.h2spec, ...where, '-o', String(patienceSeconds), '-j', report], output, limitMs);
  } finally {
    server.stop();
  }

  const failures: string[] = [];
  let passed = 0;
  for (const [, name, title, rest] of readFileSync(report, 'utf8').matchAll(
    /<testcase package="([^"]*)" classname="([^"]*)"[^>]*>(.*)/g,
  )) {
    if (rest === '</testcase>') passed += 1;
    else failures.push(`${name} ${title}`);
  }
  const news = failures.filter((failure) => !known.has(failure));
  if (passed + failures.length !== all) news.push(`${passed + failures.length} tests ran, not ${all}; see ${output}`);
  const excused = failures.length - failures.filter((failure) => !known.has(failure)).length;
  console.log(`h2spec: ${passed} of ${all} passed, ${excused} of ${known.size} known failures, ${news.length} new`);
  for (const failure of news) console.log(`  FAILED: ${failure}`);
  for (const [failure] of known) if (!failures.includes(failure)) console.log(`  passes now: ${failure}`);
  return { passed, failed: news.length };
}

async function startServer({ server: [program = '', ...parameters], descriptors }: Tools) {
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const stop = () => void child.kill('SIGKILL');
  process.once('exit', stop);
  // A request without content: cleartext, and the product's own limit.
  child.stdin.end(new Uint8Array(4));
  for await (const chunk of child.stdout) {
    const { port } = fromBinary(loadSuite(descriptors).compatResponse, chunk.subarray(4));
    return { port, stop };
  }
  throw new Error('the server ended before it listened');
}
