import { BusError } from '../../../core/errors.js';
import { isHeld } from '../../expect-continue.js';
import type { Served } from '../../served.js';
import type { Exchange } from '../exchange.js';
import { type AnyRoute, route } from '../route.js';
import { publishLines } from './lines/publish-lines.js';
import { bodyKind } from './media-type.js';
import { publishOperation } from './operation.js';
import { type PublishQuery, publishParameters } from './parameters.js';
import { publishWhole } from './publish-whole.js';
import { hasAttributes, refuseDoubled } from './request-headers.js';

/** `POST /v1/topics/{topic}/events`: an event, a batch, or a stream of lines, by content type. */
export function publishRoute({
  publishing,
  topics,
  stalledMs = 30_000,
}: Pick<Served, 'publishing' | 'topics' | 'stalledMs'>): AnyRoute {
  async function handle(exchange: Exchange, query: PublishQuery): Promise<void> {
    if (!publishing) throw new BusError('UNIMPLEMENTED', 'this server takes no events; ask one whose role is input');
    const { request, params } = exchange;
    refuseDoubled(request);
    const type = request.headers['content-type'];
    // A CloudEvent need not say the type of its data, and SDKs do not.
    const kind = type === undefined && hasAttributes(request) ? 'document' : bodyKind(type);
    // Who waits to be asked for the body is told now what can be known without it.
    if (isHeld(request)) await topics.get(params.topic ?? '');
    if (kind !== 'lines') {
      await publishWhole(kind, exchange, query, publishing);
      return;
    }
    if (hasAttributes(request)) {
      throw new BusError('INVALID_REQUEST', 'conflicting headers: ce-… cannot say anything about lines', {
        metadata: { field: 'content-type' },
      });
    }
    await publishLines(exchange, query, publishing, stalledMs);
  }
  return route({
    method: 'POST',
    path: '/v1/topics/{topic}/events',
    operation: publishOperation,
    query: publishParameters,
    handle,
  });
}
