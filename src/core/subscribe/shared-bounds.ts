import type { EventLog } from '../ports/event-log.js';
import { logIdOf, nameOf } from '../ports/topic-ref.js';
import { Coalesced } from '../topics/coalesce.js';

/** What has to be asked of a log to know where a stream starts. */
export type StartLog = Pick<EventLog, 'bounds' | 'divergence' | 'offsetForTime'>;

/**
 * The same answers for fewer questions: a thousand streams that come back at once ask for the bounds of the same partitions. Who asks while a
 * question is under way shares the next one, so that no answer is older than the call.
 */
export function sharedBounds(log: StartLog): StartLog {
  const asked = new Coalesced((place) => {
    // No topic's name has a slash.
    const [name = '', partition, ...id] = place.split('/');
    return log.bounds(id.length > 0 ? { name, logId: id.join('/') } : name, Number(partition));
  });
  return {
    bounds(topic, partition) {
      const id = logIdOf(topic);
      const place = `${nameOf(topic)}/${partition}`;
      return asked.run(id === undefined ? place : `${place}/${id}`);
    },
    divergence: (topic, partition, offset, epoch) => log.divergence(topic, partition, offset, epoch),
    offsetForTime: (topic, partition, timestamp) => log.offsetForTime(topic, partition, timestamp),
  };
}
