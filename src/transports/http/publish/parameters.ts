import { choiceParameter, numberParameter, type QueryOf, type QueryParameter } from '../query.js';
import { emptyKey } from './key.js';

const keyParameter: QueryParameter<string> = {
  description:
    "The key of all events of the request, as text. The header `mainstem-key` does the same, and a CloudEvent's `partitionkey` for one event. Default: what the topic's key pointer finds.",
  schema: { type: 'string', minLength: 1 },
  parse(text) {
    if (text === '') throw emptyKey('key');
    // What stands for bytes that are no text would silently be another key.
    if (text.includes('\uFFFD')) throw new Error('it is not UTF-8 once its percent-encoding is removed');
    return text;
  },
};

/** What the query of a publish may say. */
export const publishParameters = {
  key: keyParameter,
  schema_version: numberParameter('The schema version to validate against. Default: the latest that is open.', {
    from: 1,
    to: 2 ** 31 - 1,
  }),
  mode: choiceParameter(
    'What one bad event means for the others: nothing is stored (`all_or_nothing`), or each stands for itself (`independent`). Default: `all_or_nothing`; of lines `independent`.',
    ['all_or_nothing', 'independent'],
  ),
  on_invalid: choiceParameter(
    'Of lines, in mode `independent`: whether the upload goes on after a line that is refused. Default `continue`.',
    ['continue', 'stop'],
  ),
  results: choiceParameter(
    'Of lines: which of them the answer lists: those that were not stored (`errors`), or all, for clients that read while they write. Default `errors`.',
    ['errors', 'all'],
  ),
} as const;

export type PublishQuery = QueryOf<typeof publishParameters>;
