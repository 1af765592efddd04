/** The client for TypeScript services: `createMainstemClient({ address })`. `browser.ts` is the one for browsers. */

export { type EncodedEvents, EventEncoder, pickEvents } from './encoded-events.js';
export * from './exports.js';
export { createMainstemClient } from './node.js';
export type { ConnectionOptions, Protocol } from './transport.js';
