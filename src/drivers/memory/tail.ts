import type { LogTail, TailSink } from '../../core/ports/event-log.js';
import { logIdOf, nameOf, type TopicRef } from '../../core/ports/topic-ref.js';
import type { Link } from './link.js';
import { boundsOf, divergenceOf, type MemoryTopics, readFrom } from './topics.js';

const sliceBytes = 256 * 1024;

/** Follows partitions: one slice of each is on its way at a time, so that they arrive in order however the link delays them. */
export function openTail(topics: MemoryTopics, link: Link, sink: TailSink): LogTail {
  const followed = new Map<string, () => void>();

  function follow(ref: TopicRef, number: number, from: number, since: number | undefined): () => void {
    const name = nameOf(ref);
    const now = topics.find(name);
    const topic = logIdOf(ref) === undefined || logIdOf(ref) === now?.settings.id ? now : undefined;
    const partition = topic?.partitions[number];
    let position = from;
    let epoch = since;
    let stopped = false;
    let onItsWay = false;
    /** What the sink knows, to spare it slices that tell nothing. */
    let told = '';

    function send(deliver: () => void): void {
      onItsWay = true;
      link.notify(() => {
        onItsWay = false;
        if (stopped) return;
        deliver();
        look();
      });
    }

    function stop(): void {
      stopped = true;
      partition?.followers.delete(look);
    }

    function stopBecause(why: Parameters<TailSink['stopped']>[2]): void {
      send(() => {
        stop();
        followed.delete(keyOf(name, number));
        sink.stopped(name, number, why);
      });
    }

    function look(): void {
      if (stopped || onItsWay) return;
      if (topic === undefined || partition === undefined || topic.gone) {
        stopBecause({ outcome: 'deleted' });
        return;
      }
      const lost = epoch === undefined ? undefined : divergenceOf(partition, position, epoch);
      if (lost !== undefined) {
        stopBecause({ outcome: 'truncated', at: lost, ...boundsOf(partition) });
        return;
      }
      const result = readFrom(partition, position, sliceBytes);
      if (result.outcome !== 'ok') {
        stopBecause(result);
        return;
      }
      const news = `${result.nextOffset}/${result.earliest}/${result.highWatermark}`;
      if (news === told) return;
      told = news;
      position = result.nextOffset;
      epoch = result.epoch;
      send(() => sink.slice(name, number, result));
    }

    partition?.followers.add(look);
    look();
    return stop;
  }

  function remove(topic: string, partition: number): void {
    followed.get(keyOf(topic, partition))?.();
    followed.delete(keyOf(topic, partition));
  }

  return {
    add(topic, partition, from, epoch) {
      remove(nameOf(topic), partition);
      followed.set(keyOf(nameOf(topic), partition), follow(topic, partition, from, epoch));
    },
    remove,
    async close() {
      for (const stop of followed.values()) stop();
      followed.clear();
    },
  };
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
