import type { HttpHandler } from '../node-http.js';
import type { Served } from '../served.js';
import { recordRoutes } from './explore/record-routes.js';
import { subscriberRoutes } from './explore/subscriber-routes.js';
import { topicRoutes } from './explore/topic-routes.js';
import { publishRoute } from './publish/route.js';
import type { AnyRoute } from './route.js';
import { router } from './router.js';
import { operateRoutes } from './routes/operate.js';
import { welcomeRoute } from './routes/welcome.js';
import { subscribeRoutes } from './subscribe/subscribe-routes.js';

/** What the server answers beside the calls, for people without a client. */
export function plainRoutes(served: Served): HttpHandler {
  const { exploration, subscribers, subscriptions, stalledMs, onInternalError } = served;
  const routes: AnyRoute[] = [
    welcomeRoute(),
    publishRoute(served),
    ...(subscriptions ? subscribeRoutes({ subscriptions, stalledMs, onInternalError }) : []),
    ...topicRoutes(served),
    ...(exploration ? recordRoutes(exploration) : []),
    ...(subscribers ? subscriberRoutes(subscribers) : []),
    ...operateRoutes(served.readiness),
  ];
  return router({ routes, onInternalError });
}
