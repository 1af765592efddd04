import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = join(dirname(fileURLToPath(import.meta.url)), '../../.cache/jars');

/** A set of jars: its folder's name under `.cache/jars`, and what Maven is to fetch (`group:artifact:version`, or `group:artifact:version:type:classifier`). */
export interface JarSet {
  readonly name: string;
  readonly artifacts: readonly string[];
}

export function kafkaJars(version: string): JarSet {
  return {
    name: `kafka-${version}`,
    artifacts: [`org.apache.kafka:kafka_2.13:${version}`, `org.apache.kafka:kafka-tools:${version}`],
  };
}

export function zookeeperJars(version: string): JarSet {
  return {
    name: `zookeeper-${version}`,
    artifacts: [
      `org.apache.zookeeper:zookeeper:${version}`,
      // The server needs these two, and its pom does not say so.
      'io.dropwizard.metrics:metrics-core:4.1.12.1',
      'org.xerial.snappy:snappy-java:1.1.10.5',
      // ZooKeeper logs through slf4j 1.7; without a binding it complains on stderr.
      'org.slf4j:slf4j-reload4j:1.7.36',
    ],
  };
}

/**
 * The folder with the jars of a set, fetched through Maven the first time (about 7 s and 110 MB for Kafka). It appears complete or not at all,
 * so that several processes may ask at once.
 */
export async function ensureJars(set: JarSet): Promise<string> {
  const folder = join(cache, set.name);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, '.fetching-'));
  try {
    await writeFile(join(scratch, 'pom.xml'), pom(set));
    await maven(scratch);
    await rename(join(scratch, 'lib'), folder).catch((error: unknown) => {
      // Another process was faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return folder;
}

function pom(set: JarSet): string {
  const dependencies = set.artifacts.map((artifact) => {
    const [group, name, version, type = 'jar', classifier] = artifact.split(':');
    const file = `<type>${type}</type>${classifier === undefined ? '' : `<classifier>${classifier}</classifier>`}`;
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>${file}</dependency>`;
  });
  return (
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
    '<groupId>dev.mainstem</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>' +
    `<dependencies>${dependencies.join('')}</dependencies></project>\n`
  );
}

async function maven(folder: string): Promise<void> {
  const log = join(folder, 'mvn.log');
  const args = ['-q', '-B', '-l', log, 'dependency:copy-dependencies'];
  args.push('-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'lib')}`);
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn('mvn', args, { cwd: folder, stdio: 'ignore', timeout: 300_000 });
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code === 0) return;
  const output = await readFile(log, 'utf8').catch(() => 'no output');
  throw new Error(`mvn could not fetch the jars (exit code ${code}):\n${output.slice(0, 2000)}`);
}
