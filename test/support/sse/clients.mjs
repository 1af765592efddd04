// Reads an event stream with a client of the npm registry until it has so many records, and prints what its handler got as JSON.
// usage: node clients.mjs CLIENT URL COUNT
import { fetchEventSource } from '@microsoft/fetch-event-source';
import { EventSource } from 'eventsource';
import EventSource2 from 'eventsource-2';
import { createParser } from 'eventsource-parser';

const [client, url, count] = process.argv.slice(2);
const seen = [];
const known = new Set();
let empty = 0;

function onMessage({ event, data }) {
  if (data === '') empty++;
  if (event !== undefined && event !== '' && event !== 'message') return;
  const { n } = JSON.parse(data).data;
  seen.push(n);
  known.add(n);
  if (known.size < Number(count)) return;
  console.log(JSON.stringify({ seen, empty }));
  process.exit(0);
}

/** As both versions of `eventsource` are used: named events come to their own listeners. */
function listen(source) {
  for (const event of ['message', 'ready', 'heartbeat', 'assignment', 'gap', 'end', 'problem']) {
    source.addEventListener(event, ({ data }) => onMessage({ event, data }));
  }
}

const clients = {
  eventsource3: () => listen(new EventSource(url)),
  eventsource2: () => listen(new EventSource2(url)),
  'fetch-event-source': () => {
    // Made for pages: it takes its timers from the window.
    globalThis.window = globalThis;
    return fetchEventSource(url, { openWhenHidden: true, onmessage: onMessage });
  },
  // As a client that is built on the parser does it: the parser tells the ids, the client comes back with the last one.
  'eventsource-parser': async () => {
    let lastEventId = '';
    for (;;) {
      const parser = createParser({
        onEvent: ({ id, event, data }) => {
          if (id !== undefined) lastEventId = id;
          onMessage({ event, data });
        },
      });
      const headers = { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) };
      try {
        const answer = await fetch(url, { headers });
        for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) parser.feed(chunk);
      } catch (error) {
        if (error.name !== 'TypeError') throw error;
      }
    }
  },
};

await clients[client]();
