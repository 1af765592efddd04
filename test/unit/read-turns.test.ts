import { expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { systemClock } from '../../src/core/ports/clock.js';
import { createReadTurns } from '../../src/core/subscribe/read-turns.js';
import { until } from '../support/until.js';

const away = () => new BusError('LOG_UNAVAILABLE', 'its broker is away');

test('reads whose broker does not answer do not keep others waiting for it', async () => {
  const turns = createReadTurns(systemClock);
  const stuck = new Promise<string>(() => undefined);
  for (let i = 0; i < 20; i++) void turns.run(`away/${i}`, () => stuck);
  expect(await turns.run('here/0', async () => 'read')).toBe('read');
});

test('of a partition that was unavailable one read at a time tries again', async () => {
  const turns = createReadTurns(systemClock);
  const progress = until();
  let asked = 0;
  let fail: (error: Error) => void = () => undefined;
  const read = () => {
    asked++;
    progress.changed();
    return new Promise<string>((_, reject) => {
      fail = reject;
    });
  };
  const first = turns.run('t/0', read);
  await progress.until(() => asked === 1);
  fail(away());
  await expect(first).rejects.toMatchObject({ reason: 'LOG_UNAVAILABLE' });

  const many = Array.from({ length: 50 }, () => turns.run('t/0', read));
  await progress.until(() => asked === 2);
  fail(away());
  for (const each of await Promise.allSettled(many))
    expect(each).toMatchObject({ reason: { reason: 'LOG_UNAVAILABLE' } });
  expect(asked).toBe(2);
  expect(await turns.run('t/0', async () => 'back')).toBe('back');
});
