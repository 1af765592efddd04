// The Connect conformance suite and h2spec against the product's own listener, prints the counts. usage: npm run conformance
// Fails if a case fails or goes missing. What the tools said is kept in .cache/conformance.
import { type Part, runPart } from './connect-suite.js';
import { runH2spec } from './h2spec.js';
import { prepareTools, suiteVersion } from './tools.js';

const sizes = 'Server Message Size';
const main: Part = { name: 'all but sizes', cases: 4_942, choice: ['--skip', `${sizes}/**`], fastLane: true };
/** In halves, side by side: with messages so large most of the time is the suite's own comparing, on one core each. */
const sizesOfGrpc: Part = {
  name: 'sizes, gRPC over HTTP 2',
  cases: 168,
  choice: [
    '--run',
    `${sizes}/HTTPVersion:2/Protocol:PROTOCOL_GRPC/**`,
    '--run',
    `${sizes}/HTTPVersion:2/Protocol:PROTOCOL_GRPC_WEB/**`,
  ],
  fastLane: true,
};
const sizesOfOthers: Part = {
  name: 'sizes, HTTP 1 and Connect',
  cases: 156,
  choice: ['--run', `${sizes}/HTTPVersion:1/**`, '--run', `${sizes}/HTTPVersion:2/Protocol:PROTOCOL_CONNECT/**`],
  fastLane: true,
};
/** Where the short way could be taken: what has passed with it must pass without. */
const withoutLane: Part = {
  name: 'HTTP 2 without the fast lane',
  cases: 3_242,
  choice: ['--run', '*/HTTPVersion:2/**', '--skip', `${sizes}/**`],
  fastLane: false,
};

const begun = performance.now();
const tools = prepareTools();
console.log(`connectconformance ${suiteVersion} and h2spec are there after ${seconds(begun)} s`);
const counts = [
  ...(await Promise.all([runPart(main, tools), runH2spec(tools)])),
  ...(await Promise.all([runPart(sizesOfGrpc, tools), runPart(sizesOfOthers, tools)])),
  await runPart(withoutLane, tools),
];
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
console.log(`conformance and h2spec: ${failed === 0 ? 'ok' : `${failed} failed`} (${seconds(begun)} s)`);
process.exitCode = failed === 0 ? 0 : 1;

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000);
}
