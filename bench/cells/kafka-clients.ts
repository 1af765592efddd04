import type { DirectCommands } from '../measured/direct.js';
import type { AppendPlan } from '../measured/direct-loops.js';
import type { Child } from '../process/child.js';
import { eventsOf, inRounds, type Subject } from '../rounds.js';
import { cpuRow, type Row, verify } from '../row.js';
import type { Cell } from './cell.js';

const appends = [
  { batch: 1, eventBytes: 1024 },
  { batch: 100, eventBytes: 1024 },
  { batch: 1000, eventBytes: 100 },
];
/** Events that are read again and again, of 1 KiB, in batches of 100. */
const stored = 40_000;

/** The driver alone, its connections carried by the one library and by the other. */
export const kafkaClients: Cell = {
  name: 'kafka-clients',
  describes: 'The Kafka driver through @platformatic/kafka (ours) against the same through kafkajs (reference)',
  pairs: ['cluster'],
  async run(stage, { rounds, sliceMs }) {
    const ours = await stage.startReference<DirectCommands>('measured/direct', 4, 'platformatic');
    const reference = await stage.startReference<DirectCommands>('measured/direct', 4, 'kafkajs');
    const rows: Row[] = [];
    const compare = async (variant: string, subject: (side: Child<DirectCommands>) => Subject, verified?: string) => {
      const samples = await inRounds(rounds, { ours: subject(ours), reference: subject(reference) });
      const name = { cell: 'kafka-clients', variant, pair: stage.pair };
      rows.push(cpuRow(name, {}, samples.ours, samples.reference, verified ?? `${eventsOf(samples.ours)} events`));
    };
    const timed = (side: Child<DirectCommands>, run: () => Promise<number>): Subject => ({
      child: side,
      run: async () => {
        const start = performance.now();
        const events = await run();
        return { events, seconds: (performance.now() - start) / 1000 };
      },
    });

    const acknowledged = new Map<Child<DirectCommands>, number>();
    const append = async (side: Child<DirectCommands>, plan: AppendPlan) => {
      const events = await side.ask('append', plan);
      acknowledged.set(side, (acknowledged.get(side) ?? 0) + events);
      return events;
    };
    for (const side of [ours, reference]) {
      await side.ask('create');
      await append(side, { batch: 100, eventBytes: 1024, events: stored });
    }
    const readAll = (how: 'read' | 'tail') => (side: Child<DirectCommands>) =>
      timed(side, async () => {
        const events = await side.ask(how);
        if (events < stored) throw new Error(`${how} found ${events} of ${stored} events`);
        return events;
      });
    await compare('range reads, 1 KiB', readAll('read'), `${stored} events, each round`);
    await compare('tail, 1 KiB', readAll('tail'), `${stored} events, each round`);
    for (const { batch, eventBytes } of appends) {
      const plan = { batch, eventBytes, ms: sliceMs };
      await compare(`append ${batch} × ${eventBytes} B`, (side) => timed(side, () => append(side, plan)));
    }
    for (const [side, events] of acknowledged) verify('kafka-clients', await side.ask('readBack'), events);
    return rows;
  },
};
