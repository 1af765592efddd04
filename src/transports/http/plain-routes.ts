import type { HttpHandler } from '../node-http.js';
import type { Served } from '../served.js';
import { publishRoute } from './publish/route.js';
import type { AnyRoute } from './route.js';
import { router } from './router.js';
import { operateRoutes } from './routes/operate.js';
import { welcomeRoute } from './routes/welcome.js';

/** What the server answers beside the calls, for people without a client. */
export function plainRoutes(served: Served): HttpHandler {
  const routes: AnyRoute[] = [welcomeRoute(), ...operateRoutes(served.readiness), publishRoute(served)];
  return router({ routes, onInternalError: served.onInternalError });
}
