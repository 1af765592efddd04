import type { ShownTopic } from './commands.js';

/** What stands at the server's address. */
export interface Page {
  readonly origin: string;
  readonly topics: readonly ShownTopic[];
  /** Where there are more topics: the path that shows them. */
  readonly next: string | undefined;
  /** Why there are no topics to be seen, where that is not because there are none. */
  readonly trouble: string | undefined;
}

export const documents = [
  { path: '/v1/topics', what: 'the topics' },
  { path: '/v1/subscribers', what: 'the subscribers' },
  { path: '/openapi.json', what: 'the routes, OpenAPI 3.1' },
  { path: '/asyncapi.json', what: 'the streams, AsyncAPI 3.0' },
  { path: '/readyz', what: 'the state of the server' },
];

/** How to begin where there is no topic. */
export const createTopic = (origin: string) =>
  `curl -H 'content-type: application/json' -d '{"topic":"hello","settings":{"schemaless":true}}' ${origin}/mainstem.v1.TopicService/CreateTopic`;
