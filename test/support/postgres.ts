import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { steadyPort } from './ports.js';

const versions = '/usr/lib/postgresql';
const candidates = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];

/** Where this machine has PostgreSQL's programs; undefined, and said aloud, where it has none. */
export const postgresPrograms = candidates.find((path) => existsSync(join(path, 'initdb')));

if (postgresPrograms === undefined) {
  console.warn('SKIPPED: the datamart in PostgreSQL. There is none here: `apt-get install postgresql`.');
}

/** A PostgreSQL of its own, in a temporary directory. */
export interface Postgres extends AsyncDisposable {
  /** What makes programs find it. */
  readonly env: Readonly<Record<string, string>>;
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

export async function startPostgres(): Promise<Postgres> {
  const programs = postgresPrograms ?? '';
  const directory = await mkdtemp(join(tmpdir(), 'mainstem-postgres-'));
  chmodSync(directory, 0o777);
  const data = join(directory, 'data');
  const port = await steadyPort();
  run(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']);
  const args = ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', directory, '-c', 'fsync=off'];
  const [program, ...parameters] = asPostgres(join(programs, 'postgres'), args);
  const server = spawn(program, parameters, { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const env = { PGHOST: '127.0.0.1', PGPORT: `${port}`, PGUSER: 'postgres', PGDATABASE: 'postgres' };
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 4 });
  pool.on('error', () => undefined);
  await answers(pool);
  return {
    env,
    async query(text, values = []) {
      const { rows } = await pool.query<Record<string, unknown>>(text, [...values]);
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
      run(join(programs, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop']);
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The server refuses to run as root, as tests do in containers. */
function asPostgres(program: string, args: readonly string[]): [string, ...string[]] {
  return process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', program, ...args] : [program, ...args];
}

function run(program: string, args: readonly string[]): void {
  const [command, ...parameters] = asPostgres(program, args);
  const { status, stderr } = spawnSync(command, parameters, { encoding: 'utf8', cwd: '/' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
}

async function answers(pool: pg.Pool): Promise<void> {
  const until = Date.now() + 60_000;
  for (;;) {
    try {
      await pool.query('SELECT 1');
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
