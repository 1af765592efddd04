import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameSplitter } from '../../src/drivers/zookeeper/frames.js';
import { checkChroot, decodeName, encodeName, nodeOf } from '../../src/drivers/zookeeper/names.js';

const anyName = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc
      .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 20 })
      .map((codes) => String.fromCharCode(...codes)),
    fc.constantFrom('.', '..', '/', 'a/b', '%', '%2f', '%u0041', '%uD800', '\0', 'zookeeper', '\ud800', '\ufffd'),
  )
  .filter((name) => name.length <= 250);

test('every name is one node, which tells its name, and no two share one', () => {
  fc.assert(
    fc.property(anyName, anyName, (a, b) => {
      const node = encodeName(a);
      expect(node).toMatch(/^[A-Za-z0-9_~%-][A-Za-z0-9_~.%-]*$/);
      expect(node).not.toBe('zookeeper');
      expect(decodeName(node)).toBe(a);
      expect(encodeName(b) === node).toBe(a === b);
    }),
    { numRuns: 2000 },
  );
});

test('nodes of others have no name; chroots are checked', () => {
  for (const node of ['zookeeper', '%2f', '%41', '..', 'ä', '%u0041']) expect(decodeName(node)).toBeUndefined();
  expect(nodeOf('/', ['..', 'a'])).toBe('/%2E./a');
  expect(nodeOf('/x/y', [])).toBe('/x/y');
  expect(() => nodeOf('/', [''])).toThrow(RangeError);
  expect(() => nodeOf('/', ['x'.repeat(251)])).toThrow(RangeError);
  for (const chroot of ['/', '/a', '/a/b.c']) expect(() => checkChroot(chroot)).not.toThrow();
  for (const chroot of ['', 'a', '/a/', '//', '/..', '/a b', '/zookeeper']) expect(() => checkChroot(chroot)).toThrow();
});

test('frames come out whole, however they were cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 30 })),
      (bodies, cuts) => {
        const bytes = Buffer.concat(
          bodies.map((body) => {
            const length = Buffer.alloc(4);
            length.writeInt32BE(body.length);
            return Buffer.concat([length, body]);
          }),
        );
        const seen: Buffer[] = [];
        const split = frameSplitter((frame) => seen.push(frame));
        let at = 0;
        for (const cut of cuts) {
          split(bytes.subarray(at, at + cut));
          at += cut;
        }
        split(bytes.subarray(at));
        expect(seen.map((frame) => frame.subarray(4).toString('hex'))).toEqual(
          bodies.map((body) => Buffer.from(body).toString('hex')),
        );
      },
    ),
  );
});
