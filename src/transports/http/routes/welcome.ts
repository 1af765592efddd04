import { send } from '../problem.js';
import { type AnyRoute, route } from '../route.js';

const welcome = (origin: string) => `Mainstem, a streaming data bus.

List the topics:
  curl -H 'content-type: application/json' -d '{}' ${origin}/mainstem.v1.TopicService/ListTopics
Publish an event:
  curl -H 'content-type: application/json' ${origin}/mainstem.v1.PublishService/Publish \\
    -d '{"topic":"people","events":[{"keyText":"ada","json":{"firstName":"Ada","lastName":"Lovelace","age":36}}]}'
Everything else: Connect, gRPC and gRPC-Web clients find the services by reflection; the state is at ${origin}/readyz
`;

/** What a person sees who looks at the server's address. */
export function welcomeRoute(): AnyRoute {
  return route({
    method: 'GET',
    path: '/',
    operation: {
      id: 'welcome',
      summary: 'What to do here, with commands',
      tag: 'explore',
      responses: { 200: { description: 'For people.', content: { 'text/plain': { schema: { type: 'string' } } } } },
    },
    query: {},
    handle: ({ response, origin }) =>
      send(response, 200, welcome(origin), { 'content-type': 'text/plain; charset=utf-8' }),
  });
}
