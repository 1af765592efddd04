import { createContextKey } from '@connectrpc/connect';
import { noStallWatch, type StallWatch } from '../stalled-client.js';

/** Where a service finds the watch over the client of its call. */
export const stallWatch = createContextKey<StallWatch>(noStallWatch);
