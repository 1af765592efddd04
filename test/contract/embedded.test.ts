import { openEmbeddedCoordination, openEmbeddedLog } from '../../src/drivers/embedded/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { describeCoordination } from './coordination-suite.js';
import { describeEventLog } from './event-log-suite.js';

describeEventLog('embedded', async () => {
  const directory = await temporaryDirectory();
  return { open: () => openEmbeddedLog({ directory: directory.path }), close: directory.remove };
});

describeCoordination('embedded', async () => {
  const directory = await temporaryDirectory();
  return { open: () => openEmbeddedCoordination({ directory: directory.path }), close: directory.remove };
});
