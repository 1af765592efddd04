import type { HttpHandler, HttpResponse } from '../node-http.js';
import type { Readiness } from '../readiness.js';
import { send, sendProblem } from './problem.js';

const text = { 'content-type': 'text/plain; charset=utf-8' };
const allowed = 'GET, HEAD';

const welcome = (origin: string) => `Mainstem, a streaming data bus.

List the topics:
  curl -H 'content-type: application/json' -d '{}' ${origin}/mainstem.v1.TopicService/ListTopics
Publish an event:
  curl -H 'content-type: application/json' ${origin}/mainstem.v1.PublishService/Publish \\
    -d '{"topic":"people","events":[{"keyText":"ada","json":{"firstName":"Ada","lastName":"Lovelace","age":36}}]}'
Everything else: Connect, gRPC and gRPC-Web clients find the services by reflection; the state is at ${origin}/readyz
`;

/** What the server answers beside the calls: /livez, /readyz, a word of welcome at /, and what is not there. */
export function plainRoutes(readiness: () => Readiness): HttpHandler {
  const routes: Record<string, (response: HttpResponse, origin: string) => void> = {
    '/': (response, origin) => send(response, 200, welcome(origin), text),
    '/livez': (response) => send(response, 200, 'alive\n', text),
    '/readyz': (response) => sendReadiness(response, readiness()),
  };
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '/';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const method = request.method ?? 'GET';
    if (route === undefined) {
      const detail = `there is nothing at ${path.slice(0, 200)}; calls are at /package.Service/Method, see /`;
      sendProblem(response, { status: 404, title: 'Not Found', detail });
    } else if (method !== 'GET' && method !== 'HEAD') {
      const detail = `${path} is only for ${allowed}`;
      sendProblem(response, { status: 405, title: 'Method Not Allowed', detail }, { allow: allowed });
    } else {
      const asked = String(request.headers[':authority'] ?? request.headers.host ?? '');
      // It is shown in commands to copy, and so must not be able to say anything else.
      const host = /^[\w.:[\]-]{1,255}$/.test(asked) ? asked : 'localhost';
      const secure = 'encrypted' in request.socket && request.socket.encrypted === true;
      route(response, `${secure ? 'https' : 'http'}://${host}`);
    }
  };
}

function sendReadiness(response: HttpResponse, { ready, dependencies }: Readiness): void {
  const body = {
    ready,
    dependencies: dependencies.map(({ name, state, detail, since }) => ({
      name,
      state,
      detail,
      since: new Date(since).toISOString(),
    })),
  };
  const headers = { 'content-type': 'application/json' };
  send(response, ready ? 200 : 503, `${JSON.stringify(body, undefined, 2)}\n`, headers);
}
