import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/core/subscribe/fifo.js';

test('a queue behaves as a list does in which each item stands once', () => {
  const command = fc.oneof(
    fc.record({ do: fc.constant('push'), item: fc.nat(5) }),
    fc.record({ do: fc.constant('putBack'), item: fc.nat(5) }),
    fc.record({ do: fc.constant('shift'), item: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const items = Array.from({ length: 6 }, (_, id) => ({ id, queued: false }));
      const queue = new Fifo<(typeof items)[number]>();
      const model: number[] = [];
      for (const { do: what, item } of commands) {
        const given = items[item];
        if (what === 'shift') expect(queue.shift()?.id).toBe(model.shift());
        else if (given && what === 'push') {
          queue.push(given);
          if (!model.includes(item)) model.push(item);
        } else if (given) {
          queue.putBack(given);
          if (!model.includes(item)) model.unshift(item);
        }
        expect(queue.size).toBe(model.length);
        expect(queue.peek()?.id).toBe(model[0]);
      }
    }),
  );
});
