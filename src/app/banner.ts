import type { Config } from '../config/index.js';

/** What a person sees once the server is up: where it is, and three commands to copy. */
export function banner(address: string, config: Config, topics: readonly string[]): string {
  const people = topics.includes('people');
  const topic = people ? 'people' : (topics[0] ?? 'people');
  const event = people ? '{"firstName":"Ada","lastName":"Lovelace","age":36}' : '{"hello":"world"}';
  const isDefault = address === 'http://127.0.0.1:8080';
  const cli = `npx mainstem${isDefault ? '' : ` --address ${address}`}`;
  const lines = [
    `Mainstem is ready at ${address} (log: ${place(config.log)}, coordination: ${place(config.coordination)})`,
    '',
  ];
  if (topics.length === 0) lines.push('There is no topic yet:', `  ${cli} topics create ${topic} --schemaless`, '');
  lines.push(
    'Publish with curl (more of it is at the address itself, also for a browser):',
    `  curl ${address}/v1/topics/${topic}/events -H 'content-type: application/json' -d '${event}'`,
    'Publish with the CLI, a line per event:',
    `  echo '${event}' | ${cli} publish ${topic}`,
    'Watch:',
    `  ${cli} tail ${topic} --from earliest`,
    '',
  );
  return `${lines.join('\n')}\n`;
}

function place(target: Config['log'] | Config['coordination']): string {
  switch (target.driver) {
    case 'embedded':
      return `embedded in ${target.directory}`;
    case 'kafka':
      return `kafka at ${target.brokers.join(', ')}`;
    case 'zookeeper':
      return `zookeeper at ${target.servers.join(', ')}${target.chroot}`;
  }
}
