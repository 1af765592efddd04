/**
 * A topic of the log: by its name; or as the one of that name which the caller knows, so that a topic which was deleted and created anew outside
 * the bus is never taken for it.
 */
export type TopicRef = string | KnownLogTopic;

export interface KnownLogTopic {
  readonly name: string;
  /** `LogTopic.id`, as it was when the bus took the topic on. Undefined: any topic of that name. */
  readonly logId: string | undefined;
}

export function nameOf(topic: TopicRef): string {
  return typeof topic === 'string' ? topic : topic.name;
}

export function logIdOf(topic: TopicRef): string | undefined {
  return typeof topic === 'string' ? undefined : topic.logId;
}
