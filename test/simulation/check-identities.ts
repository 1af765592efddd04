import { Buffer } from 'node:buffer';
import { idText, recordText } from '../../src/core/dedupe/identity.js';
import type { Recorded } from './history.js';
import { placeOf } from './positions.js';
import { payloadOf, type Remains } from './remains.js';
import type { Report } from './violation.js';

/**
 * Every event with an identity is acknowledged at one position: that of the first record of its identity in its partition, whichever instances
 * it was sent to, at once or one after the other. It is refused only where there is a record of its identity with another payload.
 */
export function checkIdentities(history: readonly Recorded[], { world }: Remains, report: Report): void {
  /** By partition and identity. */
  const first = new Map<string, number>();
  /** By topic and identity. */
  const payloads = new Map<string, Set<string>>();
  for (const topic of world.topics.names()) {
    world.topics.find(topic)?.partitions.forEach(({ records }, partition) => {
      for (const { offset, headers, value } of records) {
        const text = recordText(headers);
        if (text === undefined) continue;
        const place = `${placeOf({ topic, partition })} ${text}`;
        if (!first.has(place)) first.set(place, offset);
        const all = payloads.get(`${topic} ${text}`) ?? new Set();
        payloads.set(`${topic} ${text}`, all.add(Buffer.from(value ?? []).toString()));
      }
    });
  }
  for (const happening of history) {
    if (happening.kind === 'published' && happening.identity !== undefined) {
      const { at, topic, partition, offset, identity } = happening;
      const place = placeOf({ topic, partition });
      const expected = first.get(`${place} ${idText('/sim', identity)}`);
      if (offset !== expected) {
        report('twice', at, `${identity} was acknowledged at ${place}@${offset}, and is there at ${expected} first`);
      }
    }
    if (happening.kind === 'reused') {
      const { at, topic, id, identity } = happening;
      const others = [...(payloads.get(`${topic} ${idText('/sim', identity)}`) ?? [])];
      if (!others.some((payload) => payload !== payloadOf(id))) {
        report('twice', at, `${identity} was refused as reused in ${topic}, and has one payload`);
      }
    }
  }
}
