import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const candidates = [process.env.MAINSTEM_TEST_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];

/** Where this machine has Chromium; undefined, and said aloud, where it has none. */
export const chromiumPath = candidates.find((path) => path !== undefined && existsSync(path));

if (chromiumPath === undefined) {
  console.warn(
    'SKIPPED: the client in a real browser. There is no Chromium here: `apt-get install chromium`, or name one in MAINSTEM_TEST_CHROMIUM.',
  );
}

/** @param args further ones of its command line */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    // Its sandbox refuses to run as root, as tests do in containers; /dev/shm is small there.
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...args],
  });
}
