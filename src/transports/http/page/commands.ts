import { topicPath } from '../explore/links.js';

/** A command that a person can copy, and what it does. */
export interface Command {
  readonly does: string;
  readonly text: string;
}

/** What the page says of a topic. */
export interface ShownTopic {
  readonly name: string;
  /** A document that can be published, as JSON; undefined where none is known. */
  readonly example: string | undefined;
}

/** Whether a route is served, by method and path. */
export type Serves = (method: string, path: string) => boolean;

/** The commands for a topic, as far as their routes are served. */
export function topicCommands({ name, example }: ShownTopic, origin: string, serves: Serves): Command[] {
  const topic = `${origin}${topicPath(name)}`;
  const events = `${topic}/events`;
  const found: Command[] = [];
  if (serves('POST', '/v1/topics/{topic}/events') && example !== undefined) {
    const body = `-H 'content-type: application/json' -d ${shellWord(example)}`;
    found.push({ does: 'publish an event', text: `curl ${shellWord(events)} ${body}` });
  }
  if (serves('GET', '/v1/topics/{topic}/events')) {
    found.push(
      { does: 'stream what comes', text: `curl -N ${shellWord(events)}` },
      { does: 'everything from the beginning', text: `curl -N ${shellWord(`${events}?from=earliest&follow=false`)}` },
      {
        does: 'only what a filter lets through (CEL)',
        text: `curl -NG ${shellWord(`${events}?from=earliest&follow=false`)} --data-urlencode ${shellWord('filter=partition == 0')}`,
      },
    );
  }
  if (serves('GET', '/v1/topics/{topic}/profile')) {
    found.push({ does: 'what the newest events look like', text: `curl ${shellWord(`${topic}/profile?last=1000`)}` });
  }
  found.push({ does: 'partitions, rate, size, schema', text: `curl ${shellWord(topic)}` });
  return found;
}

/** A word of a shell's command line that stands for exactly this text. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
