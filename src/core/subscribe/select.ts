import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { FilterCompiler } from '../ports/filter-compiler.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { SubscribeCommand } from './frames.js';
import { createProjection } from './projection.js';
import { createSample } from './sample.js';
import { createSelection, type Selection } from './selection.js';
import type { Turns } from './turns.js';

export interface SelectPorts {
  readonly filters: FilterCompiler | undefined;
  readonly turns: Turns;
  readonly clock: Clock;
}

/** Makes what a command asks to be selected, for a stream. */
export type Select = (stream: { wake(): void; readonly signal: AbortSignal }) => Selection;

/**
 * Checks what a command asks to be selected. The result takes the stream's topics, and is undefined where all of all records is asked for. Throws FILTER_INVALID,
 * INVALID_REQUEST.
 */
export function prepareSelect(
  command: SubscribeCommand,
  ports: SelectPorts,
): (topics: readonly ActiveTopic[]) => Select | undefined {
  const { filter, fields = [], sample, until, pattern } = command;
  if (sample !== undefined && !(sample > 0 && sample <= 1)) {
    throw new BusError('INVALID_REQUEST', `sample is ${sample}; it must be above 0, and 1 at most`);
  }
  if (filter !== undefined && !ports.filters) throw new BusError('UNIMPLEMENTED', 'this server has no filters');
  const parts = {
    filter: filter === undefined ? undefined : ports.filters?.compile(filter),
    projection: fields.length > 0 ? createProjection(fields) : undefined,
    sample: sample === undefined || sample === 1 ? undefined : createSample(sample),
  };
  return (topics) => {
    // Where publishers give the times a later record ends nothing: it is left out. A pattern may come to match such a topic.
    const mayRunBack = pattern !== undefined || topics.some(({ publisherTime }) => publisherTime);
    const before = until?.at === 'time' && mayRunBack ? until.timestamp : undefined;
    if (!parts.filter && !parts.projection && !parts.sample && before === undefined) return undefined;
    return (stream) => createSelection({ ...parts, before, ...ports, ...stream });
  };
}
