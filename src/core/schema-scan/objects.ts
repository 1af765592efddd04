import { maxDepth } from '../publish/payload.js';
import { dontKnow, type Scan, unknown } from './scan.js';
import { isPlain, type Text, toWanted, type Wanted } from './text.js';

export interface ObjectRules {
  readonly properties: ReadonlyMap<string, Scan>;
  readonly required: readonly string[];
  /** For the members that are not among `properties`; undefined: there must be none. */
  readonly additional: Scan | undefined;
}

const opening = 0x7b;
const closing = 0x7d;

/** A larger object is not scanned: what is required is kept account of in the bits of two numbers, and names are looked for one by one. */
const mostMembers = { named: 256, required: 60 };

interface Member {
  readonly name: Wanted;
  /** As it stands in most documents: in quotes, with the colon right behind it. */
  readonly usual: Wanted;
  readonly scan: Scan;
  /** Its bit among those that are required. */
  readonly low: number;
  readonly high: number;
}

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
    return { name: toWanted(name), usual: toWanted(`"${name}":`), scan: properties.get(name) ?? rest, low, high };
  });
  const unnamed: Member = { name: toWanted(''), usual: toWanted(''), scan: rest, low: 0, high: 0 };
  const allLow = members.reduce((bits, { low }) => bits | low, 0);
  const allHigh = members.reduce((bits, { high }) => bits | high, 0);

  return (text, start, depth) => {
    if (text.byteAt(start) !== opening || depth >= maxDepth) return unknown;
    let low = 0;
    let high = 0;
    let expected = 0;
    let at = text.tokenAt(start + 1);
    if (text.byteAt(at) === closing) return allLow === 0 && allHigh === 0 ? at + 1 : unknown;
    for (;;) {
      let member = members[expected];
      if (member !== undefined && text.standsAt(at, member.usual)) {
        at += member.usual.length;
        expected++;
      } else {
        const nameEnd = text.isQuote(at) ? text.plainEnd(at + 1) : at;
        const colonAt = text.tokenAt(nameEnd + 1);
        if (!text.isQuote(nameEnd) || nameEnd === at || !text.isColon(colonAt)) return unknown;
        const place = find(text, at + 1, nameEnd, expected);
        member = place < 0 ? unnamed : (members[place] ?? unnamed);
        if (member !== unnamed) expected = place + 1;
        at = colonAt + 1;
      }
      low |= member.low;
      high |= member.high;
      at = member.scan(text, text.tokenAt(at), depth + 1);
      if (at < 0) return unknown;
      at = text.tokenAt(at);
      if (!text.isComma(at)) break;
      at = text.tokenAt(at + 1);
    }
    return text.byteAt(at) === closing && low === allLow && high === allHigh ? at + 1 : unknown;
  };

  /** Members that may be absent are absent in groups: the one looked for is probably among the next. */
  function find(text: Text, at: number, end: number, expected: number): number {
    for (let i = 0; i < members.length; i++) {
      const place = (expected + i) % members.length;
      const name = members[place]?.name;
      if (name?.length === end - at && text.standsAt(at, name)) return place;
    }
    return -1;
  }
}

function bitsOf(index: number): [low: number, high: number] {
  if (index < 0) return [0, 0];
  return index < 30 ? [1 << index, 0] : [0, 1 << (index - 30)];
}
