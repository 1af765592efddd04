import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeFigures } from './figures.js';
import { keepHistory } from './keep-history.js';
import { nemeses } from './nemeses.js';
import { runRound } from './round.js';
import { startStand } from './stand.js';
import type { Pair, Stand } from './stand-parts.js';

/** Every nemesis of a pair that is not slow once, shortly. Another seed: MAINSTEM_FAULTS_SEED. */
export function everyNemesisOnce(pair: Pair): void {
  const seed = Number(process.env['MAINSTEM_FAULTS_SEED'] ?? 7);

  describe(`on the ${pair} pair nothing is lost, doubled, out of order or silently missing`, () => {
    let stand: Stand;
    // The first time it builds what stands between the bus and its cluster.
    beforeAll(async () => {
      stand = await startStand(pair, () => performance.now());
    }, 400_000);
    afterAll(() => stand?.stop());

    test.each(nemeses.filter(({ pairs, slow }) => pairs.includes(pair) && !slow))(
      'under $name',
      async (nemesis) => {
        const result = await runRound({ stand, nemesis, seed, length: 'short' });
        console.log(`${pair} ${nemesis.name}: ${describeFigures(result.figures)}`);
        const kept = result.violations.length > 0 ? await keepHistory(result, stand) : '';
        expect(result.violations, `the history is kept in ${kept}`).toEqual([]);
      },
      600_000,
    );
  });
}
