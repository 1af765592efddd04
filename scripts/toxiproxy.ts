// Builds the proxy that stands between the bus and its cluster in the fault rounds, where it is not there yet; tells where it is. For `.ci/run`,
// which does so before the tests.
import { ensureToxiproxy } from '../test/faults/toxiproxy.js';

console.log(await ensureToxiproxy());
