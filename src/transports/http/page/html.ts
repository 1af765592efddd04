import { createHash } from 'node:crypto';
import { topicPath } from '../explore/links.js';
import { type Serves, topicCommands } from './commands.js';
import { createTopic, documents, type Page } from './page.js';

const style = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
pre{overflow-x:auto;padding:.5rem .75rem;margin:.1rem 0 .6rem;border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.3rem}
p.does{margin:0;opacity:.75;font-size:.9rem}`;

/** Nothing is loaded, run or framed; the page's own style is known by its digest. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** For a browser: the same as for curl, complete in itself. */
export function htmlPage({ origin, topics, next, trouble }: Page, serves: Serves): string {
  const command = ({ does, text }: { does: string; text: string }) =>
    `<p class="does">${escaped(does)}</p><pre>${escaped(text)}</pre>`;
  const sections = topics.map((topic) => {
    const commands = topicCommands(topic, origin, serves).map(command).join('\n');
    return `<h2><a href="${escaped(topicPath(topic.name))}">${escaped(topic.name)}</a></h2>\n${commands}`;
  });
  const empty = command({ does: 'There is no topic yet. Create one:', text: createTopic(origin) });
  const body =
    trouble !== undefined
      ? `<p>The topics cannot be listed now: ${escaped(trouble)}</p>`
      : sections.length > 0
        ? sections.join('\n')
        : empty;
  const links = documents
    .filter(({ path }) => serves('GET', path))
    .map(({ path, what }) => `<li><a href="${path}">${path}</a> ${escaped(what)}</li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mainstem</title>
<style>${style}</style>
</head>
<body>
<h1>Mainstem, a streaming data bus</h1>
<ul>
${links.join('\n')}
</ul>
${body}
${next === undefined ? '' : `<p><a href="${escaped(next)}">More topics</a></p>`}
<p>Connect, gRPC and gRPC-Web clients find the services by reflection.</p>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
