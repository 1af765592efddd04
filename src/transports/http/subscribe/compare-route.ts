import { BusError } from '../../../core/errors.js';
import { compareCursors } from '../../../core/subscribe/compare-cursors.js';
import { count, described, jsonResponse, listOf, objectOf, text } from '../documents/schema-parts.js';
import { sendJson } from '../problem.js';
import { textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';

const distance = described({ type: 'integer' }, 'Negative where `to` is before `from`; offsets may skip.');

/** The distance between two cursors. */
export const compareRoute: AnyRoute = route({
  method: 'GET',
  path: '/v1/cursors/distance',
  operation: {
    id: 'compareCursors',
    summary: 'How far two cursors are apart, by partition and in all',
    description:
      'A partition that only one of them has stands at offset 0 in the other. CURSOR_WRONG_TOPIC where they share no topic, CURSOR_STALE_TOPIC where they are of different lives of one.',
    tag: 'subscribe',
    responses: {
      200: jsonResponse(
        'The distance.',
        objectOf({
          total: distance,
          partitions: listOf(objectOf({ topic: text, partition: count, fromOffset: count, toOffset: count, distance })),
        }),
      ),
    },
  },
  query: { from: textParameter('A cursor.'), to: textParameter('Another cursor.') },
  handle({ response }, { from, to }) {
    if (from === undefined || to === undefined) {
      const field = from === undefined ? 'from' : 'to';
      throw new BusError('INVALID_REQUEST', 'from and to are two cursors', { metadata: { field } });
    }
    const { total, partitions } = compareCursors(from, to);
    const shown = partitions.map(({ from: fromOffset, to: toOffset, ...rest }) => ({ ...rest, fromOffset, toOffset }));
    sendJson(response, 200, { total, partitions: shown });
  },
});
