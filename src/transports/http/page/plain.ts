import { type Serves, topicCommands } from './commands.js';
import { createTopic, documents, type Page } from './page.js';

/** For curl. */
export function plainPage({ origin, topics, next, trouble }: Page, serves: Serves): string {
  const lines = ['Mainstem, a streaming data bus.', ''];
  if (trouble !== undefined) lines.push(`The topics cannot be listed now: ${trouble}`, '');
  else if (topics.length === 0) lines.push('There is no topic yet. Create one:', `  ${createTopic(origin)}`, '');
  for (const topic of topics) {
    lines.push(`${topic.name}:`);
    for (const { does, text } of topicCommands(topic, origin, serves)) lines.push(`  # ${does}`, `  ${text}`);
    lines.push('');
  }
  if (next !== undefined) lines.push('More topics:', `  curl '${origin}${next}'`, '');
  for (const { path, what } of documents) if (serves('GET', path)) lines.push(`${origin}${path}  ${what}`);
  lines.push('', 'Connect, gRPC and gRPC-Web clients find the services by reflection.', '');
  return lines.join('\n');
}
