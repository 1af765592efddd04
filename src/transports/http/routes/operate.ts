import type { Readiness } from '../../readiness.js';
import { send, sendJson } from '../problem.js';
import { type AnyRoute, route } from '../route.js';

const text = { 'content-type': 'text/plain; charset=utf-8' };

/** For balancers and operators: whether the process lives, and whether it is in service. */
export function operateRoutes(readiness: () => Readiness): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/livez',
      operation: {
        id: 'isAlive',
        summary: 'Whether the process lives',
        tag: 'operate',
        responses: { 200: { description: 'It does.', content: { 'text/plain': { schema: { type: 'string' } } } } },
      },
      query: {},
      handle: ({ response }) => send(response, 200, 'alive\n', text),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      operation: {
        id: 'isReady',
        summary: 'Whether the server is in service, and how what it depends on is',
        description:
          'False only before the first full start and while shutting down: the state of dependencies is in the body.',
        tag: 'operate',
        responses: {
          200: { description: 'In service.', content: { 'application/json': { schema: readinessSchema } } },
          503: { description: 'Not in service.', content: { 'application/json': { schema: readinessSchema } } },
        },
      },
      query: {},
      handle({ response }) {
        const { ready, dependencies, notices = [] } = readiness();
        const shown = dependencies.map(({ name, state, detail, since }) => {
          return { name, state, detail, since: new Date(since).toISOString() };
        });
        sendJson(response, ready ? 200 : 503, { ready, dependencies: shown, ...(notices.length > 0 && { notices }) });
      },
    }),
  ];
}

const readinessSchema = {
  type: 'object',
  required: ['ready', 'dependencies'],
  properties: {
    ready: { type: 'boolean' },
    notices: { type: 'array', items: { type: 'string' }, description: 'For operators: what should be done.' },
    dependencies: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'state', 'since'],
        properties: {
          name: { type: 'string' },
          state: { type: 'string' },
          detail: { type: 'string' },
          since: { type: 'string', format: 'date-time' },
        },
      },
    },
  },
};
