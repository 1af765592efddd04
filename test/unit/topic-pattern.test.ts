import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPattern } from '../../src/core/topics/pattern.js';

test('a star stands for any characters, the rest for itself', () => {
  const letters = fc.constantFrom('a', 'b', '.');
  const pattern = fc.array(fc.oneof(letters, fc.constant('*')), { maxLength: 8 }).map((parts) => parts.join(''));
  const name = fc.array(letters, { maxLength: 10 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(pattern, name, (wanted, text) => {
      const expression = new RegExp(`^${wanted.replaceAll('.', '[.]').replaceAll('*', '.*')}$`);
      expect(matchesPattern(wanted, text)).toBe(expression.test(text));
    }),
  );
});

test('topics of the bus itself are matched only by patterns that say so', () => {
  expect(matchesPattern('*', 'mainstem.parked.mart')).toBe(false);
  expect(matchesPattern('main*', 'mainstem.parked.mart')).toBe(false);
  expect(matchesPattern('mainstem.*', 'mainstem.parked.mart')).toBe(true);
});

test('many stars take no longer than few', () => {
  expect(matchesPattern(`${'*a'.repeat(120)}b`, 'a'.repeat(249))).toBe(false);
});
