import { BusError } from '../../../core/errors.js';
import type { Exploration } from '../../../core/explore/exploration.js';
import type { TopicAdmin } from '../../../core/topics/topic.js';
import { addVary } from '../../vary.js';
import { acceptedType } from '../accept.js';
import { headerOf } from '../exchange.js';
import { send, sendProblem } from '../problem.js';
import { textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import type { ShownTopic } from './commands.js';
import { htmlPage, pagePolicy } from './html.js';
import type { Page } from './page.js';
import { plainPage } from './plain.js';

/** Topics on one page: finding documents for all of them takes 200 ms of CPU at most. */
const perPage = 50;
const types = ['text/plain', 'text/html'] as const;

/** What a person sees who looks at the server's address: the topics, with commands to copy. */
export function pageRoutes(
  { topics, exploration }: { readonly topics: TopicAdmin; readonly exploration: Exploration | undefined },
  routes: () => readonly AnyRoute[],
): AnyRoute[] {
  const serves = (method: string, path: string) =>
    routes().some((each) => each.method === method && each.path === path);

  /** The topics whose names come after one, and where the others are. */
  async function shown(after: string): Promise<Omit<Page, 'origin'>> {
    try {
      const found = (await topics.list()).filter(({ name, state }) => state === 'active' && name > after);
      const page: ShownTopic[] = [];
      for (const { name } of found.slice(0, perPage)) {
        page.push({ name, example: await exploration?.example(name) });
        // Others get their turn: each example may be a search.
        await new Promise(setImmediate);
      }
      const last = page.at(-1)?.name ?? '';
      const next = found.length > page.length ? `/?after=${encodeURIComponent(last)}` : undefined;
      return { topics: page, next, trouble: undefined };
    } catch (error) {
      const known = BusError.from(error);
      if (!known.retryable) throw error;
      return { topics: [], next: undefined, trouble: known.message };
    }
  }

  return [
    route({
      method: 'GET',
      path: '/',
      operation: {
        id: 'welcome',
        summary: 'What to do here: the topics that exist, with commands to copy',
        tag: 'explore',
        headers: { accept: 'text/plain (default) or text/html.' },
        responses: {
          200: {
            description: 'For people.',
            content: { 'text/plain': { schema: { type: 'string' } }, 'text/html': { schema: { type: 'string' } } },
          },
        },
      },
      query: { after: textParameter('Topics whose names come after this one; 50 stand on a page.') },
      async handle(exchange, { after = '' }) {
        const { response, origin } = exchange;
        addVary(response, 'Accept');
        const type = acceptedType(headerOf(exchange, 'accept'), types);
        if (type === undefined) {
          const detail = `the page comes as ${types.join(' or ')}; the Accept header has neither`;
          sendProblem(response, { status: 406, title: 'Not Acceptable', detail, offered: types });
          return;
        }
        const page = { origin, ...(await shown(after)) };
        const body = type === 'text/html' ? htmlPage(page, serves) : plainPage(page, serves);
        send(response, 200, body, {
          'content-type': `${type}; charset=utf-8`,
          'referrer-policy': 'no-referrer',
          ...(type === 'text/html' && { 'content-security-policy': pagePolicy }),
        });
      },
    }),
  ];
}
