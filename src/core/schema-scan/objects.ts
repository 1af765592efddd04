import { Buffer } from 'node:buffer';
import { maxDepth } from '../publish/payload.js';
import { colon, comma, dontKnow, isPlain, plainEnd, quote, type Scan, standsAt, tokenAt, unknown } from './scan.js';

export interface ObjectRules {
  readonly properties: ReadonlyMap<string, Scan>;
  readonly required: readonly string[];
  /** For the members that are not among `properties`; undefined: there must be none. */
  readonly additional: Scan | undefined;
}

/** A larger object is not scanned: what is required is kept account of in the bits of two numbers, and names are looked for one by one. */
const mostMembers = { named: 256, required: 60 };

interface Member {
  readonly name: Uint8Array;
  /** As it stands in most documents: in quotes, with the colon right behind it. */
  readonly usual: Uint8Array;
  readonly scan: Scan;
  /** Its bit among those that are required. */
  readonly low: number;
  readonly high: number;
}

const opening = 0x7b;
const closing = 0x7d;

/**
 * An object. A name that comes twice is scanned twice: where each of its values is accepted the last one is, and that is the one that counts.
 * Members are expected in the order of `properties`, and looked for where they are not.
 */
export function objects({ properties, required, additional }: ObjectRules): Scan {
  const rest = additional ?? dontKnow;
  const names = new Set([...properties.keys(), ...required]);
  if (names.size > mostMembers.named || required.length > mostMembers.required) return dontKnow;
  for (const name of names) if (!isPlain(name) || name === '__proto__') return dontKnow;
  const members = [...names].map((name): Member => {
    const [low, high] = bitsOf(required.indexOf(name));
    const usual = Uint8Array.from(Buffer.from(`"${name}":`));
    return { name: usual.subarray(1, -2), usual, scan: properties.get(name) ?? rest, low, high };
  });
  const unnamed: Member = { name: new Uint8Array(), usual: new Uint8Array(), scan: rest, low: 0, high: 0 };
  const allLow = members.reduce((bits, { low }) => bits | low, 0);
  const allHigh = members.reduce((bits, { high }) => bits | high, 0);

  return (bytes, start, depth) => {
    if (bytes[start] !== opening || depth >= maxDepth) return unknown;
    let low = 0;
    let high = 0;
    let expected = 0;
    let at = tokenAt(bytes, start + 1);
    if (bytes[at] === closing) return allLow === 0 && allHigh === 0 ? at + 1 : unknown;
    for (;;) {
      let member = members[expected];
      if (member !== undefined && standsAt(bytes, at, member.usual)) {
        at += member.usual.length;
        expected++;
      } else {
        const nameEnd = bytes[at] === quote ? plainEnd(bytes, at + 1) : at;
        const colonAt = tokenAt(bytes, nameEnd + 1);
        if (bytes[nameEnd] !== quote || nameEnd === at || bytes[colonAt] !== colon) return unknown;
        const place = find(bytes, at + 1, nameEnd, expected);
        member = members[place] ?? unnamed;
        if (member !== unnamed) expected = place + 1;
        at = colonAt + 1;
      }
      low |= member.low;
      high |= member.high;
      at = member.scan(bytes, tokenAt(bytes, at), depth + 1);
      if (at < 0) return unknown;
      at = tokenAt(bytes, at);
      if (bytes[at] !== comma) break;
      at = tokenAt(bytes, at + 1);
    }
    return bytes[at] === closing && low === allLow && high === allHigh ? at + 1 : unknown;
  };

  /** Members that may be absent are absent in groups: the one looked for is probably among the next. */
  function find(bytes: Uint8Array, at: number, end: number, expected: number): number {
    for (let i = 0; i < members.length; i++) {
      const place = (expected + i) % members.length;
      const name = members[place]?.name;
      if (name?.length === end - at && standsAt(bytes, at, name)) return place;
    }
    return -1;
  }
}

function bitsOf(index: number): [low: number, high: number] {
  if (index < 0) return [0, 0];
  return index < 30 ? [1 << index, 0] : [0, 1 << (index - 30)];
}
