// A datamart: takes the events of a topic into a store of its own, here a file with one event per line. Start as many as you like with the same
// subscriber name: they share the topic's partitions. Kill any of them: the others take over, and nothing is lost.
//
//   node examples/datamart.mjs <topic> <subscriber> <file>
import { appendFileSync } from 'node:fs';
import { createMainstemClient } from 'mainstem';

const [topic, subscriber, file] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node examples/datamart.mjs <topic> <subscriber> <file>');
  process.exit(2);
}

const client = createMainstemClient({ address: process.env.MAINSTEM_ADDRESS ?? 'http://127.0.0.1:8080' });
const subscription = client.subscribe({ topic, subscriber });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => subscription.stop());

// What happens beside the events: for logs and metrics.
async function tell() {
  for await (const status of subscription.status()) {
    if (status.kind === 'assigned')
      console.log('serving', status.topics.map(({ partitions }) => partitions).join() || 'nothing yet');
    else if (status.kind === 'disconnected')
      console.log(`${status.error.message}; again in ${Math.round(status.waitMs)} ms`);
    else if (status.kind === 'gap') console.log(status.gap.message);
  }
}
void tell();

// A batch is committed when the next one is asked for: by then it is in the store. After a crash the last batch may come again, so a store
// should know an event by its topic, partition and offset.
for await (const { events } of subscription.batches()) {
  const rows = events.map(
    ({ partition, offset, data }) => `${JSON.stringify({ partition, offset: Number(offset), data })}\n`,
  );
  appendFileSync(file, rows.join(''), { flush: true });
}
client.close();
