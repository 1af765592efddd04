import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

export interface JvmOptions {
  readonly jars: string;
  readonly main: string;
  readonly args: readonly string[];
  /** Such as `512m`. */
  readonly heap: string;
  /** Its working directory; removed should this process die without stopping it. */
  readonly folder: string;
}

/** A running JVM, that dies with this process also when that is killed. */
export interface Jvm {
  readonly pid: number;
  /** Resolves when it has ended, by itself or not. */
  readonly exited: Promise<void>;
  hasExited(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Freezes it (SIGSTOP); resolves when none of its threads runs any more. */
  pause(): Promise<void>;
  /** What it has written so far, the end of it. */
  output(): Promise<string>;
}

/** Starts a JVM. Its output goes to files in its folder. */
export async function startJvm(options: JvmOptions): Promise<Jvm> {
  await writeFile(join(options.folder, 'log4j.properties'), logging);
  const log = join(options.folder, 'console.log');
  const file = openSync(log, 'a');
  const child = spawn('java', javaArguments(options), {
    cwd: options.folder,
    stdio: ['ignore', file, file],
    // A Ctrl-C in the terminal is for us: we stop it in order.
    detached: true,
  });
  closeSync(file);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  await once(child, 'spawn');
  const pid = child.pid;
  if (pid === undefined) throw new Error('java could not be started');
  const watchdog = startWatchdog(pid, options.folder);
  void exited.then(() => stopWatchdog(watchdog));
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const signal = (name: NodeJS.Signals) => {
    if (!hasExited()) child.kill(name);
  };
  return {
    pid,
    exited,
    hasExited,
    signal,
    async pause() {
      signal('SIGSTOP');
      while (!hasExited() && !(await isStopped(pid))) await setImmediate();
    },
    output: async () => (await readFile(log, 'utf8').catch(() => '')).slice(-4000),
  };
}

/** The signal is on its way for a moment, in which a thread may still answer a request. Where there is no /proc that cannot be seen. */
async function isStopped(pid: number): Promise<boolean> {
  const tasks = `/proc/${pid}/task`;
  const threads = await readdir(tasks).catch(() => []);
  const states = await Promise.all(
    threads.map((thread) => readFile(`${tasks}/${thread}/stat`, 'utf8').catch(() => ') T')),
  );
  return states.every((stat) => stat.slice(stat.lastIndexOf(')')).startsWith(') T'));
}

/** Runs a tool's main class to its end, and returns what it printed. */
export async function runJava(
  options: JvmOptions & { readonly input?: string; readonly timeoutMs?: number },
): Promise<string> {
  await writeFile(join(options.folder, 'log4j.properties'), logging);
  const child = spawn('java', ['-XX:TieredStopAtLevel=1', ...javaArguments(options)], {
    cwd: options.folder,
    timeout: options.timeoutMs ?? 60_000,
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code] = await once(child, 'close');
  if (code === 0) return Buffer.concat(out).toString();
  throw new Error(
    `${options.main} failed (${code}): ${Buffer.concat([...out, ...err])
      .toString()
      .slice(-2000)}`,
  );
}

function javaArguments(options: JvmOptions): string[] {
  return [
    `-Xmx${options.heap}`,
    '-XX:+UseSerialGC',
    '-Dzookeeper.4lw.commands.whitelist=*',
    `-Dlog4j.configuration=file:${join(options.folder, 'log4j.properties')}`,
    // Kafka 4 uses log4j 2, which reads the same format under this name.
    '-Dlog4j1.compatibility=true',
    `-Dkafka.logs.dir=${options.folder}`,
    '-cp',
    join(options.jars, '*'),
    options.main,
    ...options.args,
  ];
}

const logging = `log4j.rootLogger=WARN, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File=server.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d %p %c: %m%n
`;

// Reads a pipe that only this process holds open: its end, however this process ended, is the JVM's end.
function startWatchdog(pid: number, folder: string): ChildProcess {
  const script = 'cat >/dev/null; kill -9 "$0" 2>/dev/null; sleep 0.5; rm -rf "$1"';
  return spawn('sh', ['-c', script, String(pid), folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
}

function stopWatchdog(watchdog: ChildProcess): void {
  if (watchdog.pid === undefined) return;
  try {
    // The group: the shell, and the cat that it waits for.
    process.kill(-watchdog.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
