import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { steadyPort } from './ports.js';
import { until } from './wait.js';

/** Where this machine has nginx; undefined where it has none. */
export const nginxPath = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path));

export interface Nginx {
  /** `http://127.0.0.1:12345`. */
  readonly address: string;
  close(): Promise<void>;
}

/** A real nginx in front of the bus, as a deployment has it: 502 while the bus is away. */
export async function startNginx(bus: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'mainstem-nginx-'));
  const port = await steadyPort();
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const isRoot = process.getuid?.() === 0;
  await writeFile(
    join(folder, 'nginx.conf'),
    `${isRoot ? 'user root;' : ''} daemon off; pid ${folder}/pid; error_log ${folder}/error.log; worker_processes 1;
    events {}
    http { access_log off; ${places.join(' ')}
      server { listen 127.0.0.1:${port};
        location / { proxy_pass ${bus}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; } } }\n`,
  );
  const nginx: ChildProcess = spawn(nginxPath ?? 'nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdio: 'ignore',
  });
  const gone = once(nginx, 'exit');
  const address = `http://127.0.0.1:${port}`;
  await until(
    () =>
      fetch(`${address}/livez`).then(
        () => true,
        () => false,
      ),
    { what: 'nginx to answer' },
  );
  return {
    address,
    async close() {
      nginx.kill('SIGTERM');
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
