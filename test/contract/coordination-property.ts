import fc from 'fast-check';
import type { Coordination, Path } from '../../src/core/ports/coordination.js';
import { until } from '../support/until.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/**
 * Writes at random through two connections while both watch; what each saw last by reading from its callbacks must become the final state.
 */
export async function watchesMissNothing(
  [one, two]: readonly [Coordination, Coordination],
  below: () => (...rest: string[]) => Path,
  runs: number,
): Promise<void> {
  const connections = [one, two];
  const read = async (connection: Coordination, path: Path) => {
    const entry = await connection.get(path);
    return entry === undefined ? undefined : { value: Buffer.from(entry.value).toString(), version: entry.version };
  };
  const write = fc.record({
    connection: fc.integer({ min: 0, max: 1 }),
    record: fc.integer({ min: 0, max: 2 }),
    do: fc.constantFrom('create' as const, 'set' as const, 'delete' as const, 'set' as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(write, { maxLength: 6 }), { maxLength: 12 }), async (rounds) => {
      const at = below();
      await one.create(at(), bytes(''));
      const states = until();
      const last = new Map<string, unknown>();
      const undo: (() => void)[] = [];
      for (const [index, connection] of connections.entries()) {
        const follow = (name: string, what: 'value' | 'children', path: Path, state: () => Promise<unknown>) => {
          let turn = 0;
          const look = async () => {
            const mine = ++turn;
            const now = await state();
            if (mine === turn) last.set(`${index} ${name}`, now);
            states.changed();
          };
          undo.push(connection.watch(path, what, () => void look()));
          return look();
        };
        for (const r of [0, 1, 2]) {
          await follow(`value ${r}`, 'value', at(`${r}`), () => read(connection, at(`${r}`)));
        }
        await follow('children', 'children', at(), async () => (await connection.children(at())).sort());
      }
      let count = 0;
      const act = async (step: { connection: number; record: number; do: 'create' | 'set' | 'delete' }) => {
        const connection = step.connection === 0 ? one : two;
        const path = at(`${step.record}`);
        const value = bytes(`${count++}`);
        if (step.do === 'create') await connection.create(path, value);
        else if (step.do === 'delete') await connection.delete(path);
        else await connection.set(path, value, (await connection.get(path))?.version ?? 0);
      };
      // Within a round the writes race; which of them lose does not matter here.
      for (const round of rounds) await Promise.allSettled(round.map(act));
      const expected = new Map<string, unknown>();
      for (const index of connections.keys()) {
        for (const r of [0, 1, 2]) expected.set(`${index} value ${r}`, await read(one, at(`${r}`)));
        expected.set(`${index} children`, (await one.children(at())).sort());
      }
      const settled = () =>
        [...expected].every(([key, value]) => JSON.stringify(last.get(key)) === JSON.stringify(value));
      await states.until(settled);
      for (const stop of undo) stop();
    }),
    { numRuns: runs },
  );
}
