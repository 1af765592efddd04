import { BusError } from '../errors.js';

const longest = 249;

/** Checks a topic's name by Kafka's grammar. Throws TOPIC_NAME_INVALID, saying what is wrong. */
export function checkTopicName(name: string): void {
  const wrong = whatIsWrong(name);
  if (wrong === undefined) return;
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
  throw new BusError('TOPIC_NAME_INVALID', `the topic name ${shown} ${wrong}`);
}

function whatIsWrong(name: string): string | undefined {
  if (name === '') return 'is empty; give a name';
  if (name.length > longest) return `has ${name.length} characters; at most ${longest} are allowed`;
  if (name === '.' || name === '..') return 'is not allowed';
  const bad = /[^a-zA-Z0-9._-]/u.exec(name)?.[0];
  if (bad !== undefined) return `contains ${JSON.stringify(bad)}; allowed are a-z, A-Z, 0-9, ".", "_" and "-"`;
  if (name.startsWith('__')) return 'starts with "__"; such names belong to Kafka itself';
  return undefined;
}
