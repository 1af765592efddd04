// A datamart in PostgreSQL that has every event exactly once: its rows and its positions change in one transaction, and the bus sends from where the
// store is. Start as many as you like with the same subscriber name; kill any of them, restore the database from a backup: it catches up by itself.
//
//   node examples/postgres.mjs <topic> <subscriber>      PGHOST, PGPORT, PGUSER, PGDATABASE … say which database
import { createMainstemClient } from 'mainstem';
import pg from 'pg';

const [topic, subscriber] = process.argv.slice(2);
if (subscriber === undefined) {
  console.error('usage: node examples/postgres.mjs <topic> <subscriber>');
  process.exit(2);
}

/** Another process owns the partitions by now: nothing of this transaction was stored. */
class Fenced extends Error {}

const database = new pg.Pool({ max: 2 });
// Processes that start together would create the tables at the same moment: the lock, which ends with the statements, lets one after the other.
await database.query(`
  SELECT pg_advisory_xact_lock(7319);
  CREATE TABLE IF NOT EXISTS mainstem_positions (
    subscriber text, topic text, incarnation text, partition int,
    next_offset bigint NOT NULL, generation bigint NOT NULL,
    PRIMARY KEY (subscriber, topic, incarnation, partition));
  CREATE TABLE IF NOT EXISTS events (
    topic text, incarnation text, partition int, "offset" bigint, data json,
    PRIMARY KEY (topic, incarnation, partition, "offset"))`);

async function transaction(work) {
  const connection = await database.connect();
  try {
    await connection.query('BEGIN');
    const result = await work(connection);
    await connection.query('COMMIT');
    return result;
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    connection.release();
  }
}

// Asked after each assignment. The generation goes into the table first: from then on no former owner can store anything of these partitions. A topic that
// was deleted and created again has another incarnation, so it begins at 0.
async function positions({ generation, partitions }) {
  const { rows } = await database.query(
    `INSERT INTO mainstem_positions AS p
       SELECT $1, n.topic, n.incarnation, n.partition, 0, $2 FROM unnest($3::text[], $4::text[], $5::int[]) AS n (topic, incarnation, partition)
     ON CONFLICT (subscriber, topic, incarnation, partition) DO UPDATE SET generation = greatest(p.generation, excluded.generation)
     RETURNING topic, incarnation, partition, next_offset`,
    [
      subscriber,
      generation.toString(),
      partitions.map((each) => each.topic),
      partitions.map((each) => each.incarnation),
      partitions.map((each) => each.partition),
    ],
  );
  return rows.map(({ next_offset, ...place }) => ({ ...place, nextOffset: BigInt(next_offset) }));
}

// Rows and positions, or neither.
async function store({ topic: name, incarnation, generation, events }) {
  const moved = new Map();
  for (const { partition, offset } of events) {
    const { first = offset } = moved.get(partition) ?? {};
    moved.set(partition, { first, next: offset + 1n });
  }
  const columns = (of) => [...moved.values()].map((each) => each[of].toString());
  await transaction(async (connection) => {
    const { rowCount } = await connection.query(
      `UPDATE mainstem_positions AS p SET next_offset = n.next
         FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS n (partition, first, next)
        WHERE p.subscriber = $4 AND p.topic = $5 AND p.incarnation = $6 AND p.partition = n.partition
          AND p.generation = $7 AND p.next_offset <= n.first`,
      [[...moved.keys()], columns('first'), columns('next'), subscriber, name, incarnation, generation.toString()],
    );
    if (rowCount !== moved.size) throw new Fenced('another process owns these partitions');
    await connection.query(
      `INSERT INTO events SELECT $1, $2, n.partition, n."offset", n.data
         FROM unnest($3::int[], $4::bigint[], $5::json[]) AS n (partition, "offset", data)`,
      [
        name,
        incarnation,
        events.map(({ partition }) => partition),
        events.map(({ offset }) => offset.toString()),
        events.map(({ kind, bytes }) => (kind === 'json' ? new TextDecoder().decode(bytes) : null)),
      ],
    );
  });
}

const client = createMainstemClient({ address: process.env.MAINSTEM_ADDRESS ?? 'http://127.0.0.1:8080' });
let subscription;
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopping = true;
    void subscription?.stop();
  });
}
while (!stopping) {
  subscription = client.subscribe({ topic, subscriber }, { positions });
  try {
    // What is stored is committed at the bus too, for its lag; no position of the store depends on it.
    for await (const batch of subscription.batches()) await store(batch);
    break;
  } catch (error) {
    if (!(error instanceof Fenced)) throw error;
    console.log(`${error.message}: subscribing again`);
  }
}
client.close();
await database.end();
