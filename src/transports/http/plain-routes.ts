import type { HttpHandler } from '../node-http.js';
import { createOpenStreams } from '../open-streams.js';
import type { Served } from '../served.js';
import { documentRoutes } from './documents/document-routes.js';
import { manageRoutes } from './explore/manage-routes.js';
import { recordRoutes } from './explore/record-routes.js';
import { subscriberRoutes } from './explore/subscriber-routes.js';
import { topicRoutes } from './explore/topic-routes.js';
import { pageRoutes } from './page/page-routes.js';
import { publishRoute } from './publish/route.js';
import type { AnyRoute } from './route.js';
import { router } from './router.js';
import { operateRoutes } from './routes/operate.js';
import { subscribeRoutes } from './subscribe/subscribe-routes.js';

/** What the server answers beside the calls, for people without a client. */
export function plainRoutes(served: Served): HttpHandler {
  const { topics, exploration, subscribers, subscriptions, stalledMs, onInternalError } = served;
  const { streams = createOpenStreams() } = served;
  const all = () => routes;
  const routes: AnyRoute[] = [
    ...pageRoutes({ topics, exploration }, all),
    publishRoute(served),
    ...(subscriptions ? subscribeRoutes({ subscriptions, stalledMs, streams, onInternalError }) : []),
    ...topicRoutes(served),
    ...manageRoutes(topics),
    ...(exploration ? recordRoutes(exploration) : []),
    ...(subscribers ? subscriberRoutes(subscribers) : []),
    ...documentRoutes(served, all),
    ...operateRoutes(served.readiness),
  ];
  return router({ routes, onInternalError });
}
