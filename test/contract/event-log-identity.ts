import { expect, test } from 'vitest';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import type { TailCollector } from '../support/tail-collector.js';
import { tailCollector } from '../support/tail-collector.js';
import { until } from '../support/wait.js';

interface IdentitySuite {
  log(): EventLog;
  newTopic(settings?: Parameters<typeof keepAll>[0]): Promise<string>;
  openTail(collector: TailCollector): ReturnType<EventLog['openTail']>;
}

/** A topic that was created anew is never taken for the one before it, where the log gives its topics ids; and facts about topics are recent. */
export function keepsLivesApart({ log, newTopic, openTail }: IdentitySuite): void {
  const idOf = async (topic: string) => (await log().describeTopic(topic))?.id;
  const isReplaced = { reason: 'TOPIC_NOT_READY', retryable: true };

  /** Deletes a topic, and creates it again, as by somebody else; resolves with its former id once the log shows the new one. */
  async function createAnew(topic: string): Promise<{ name: string; logId: string | undefined }> {
    const logId = await idOf(topic);
    await log().deleteTopic(topic);
    await log().createTopic(topic, keepAll());
    const differs = async () => (await log().topicFacts([topic])).get(topic)?.id !== logId;
    if (logId !== undefined) await until(differs, { what: 'another id' });
    return { name: topic, logId };
  }

  test('a topic has an id for its whole life, and the next one of its name another; or the log has none', async () => {
    const topic = await newTopic();
    const id = await idOf(topic);
    await log().updateTopic(topic, { partitions: 2 });
    expect(await idOf(topic)).toBe(id);
    await createAnew(topic);
    const next = await idOf(topic);
    if (id === undefined) expect(next).toBeUndefined();
    else expect(next).not.toBe(id);
  });

  test('what is meant for an earlier topic is neither stored in nor read from the one that has its name', async () => {
    const topic = await newTopic();
    await log().append(topic, 0, [record('old')]);
    const before = await createAnew(topic);
    if (before.logId === undefined) return;
    await log().append(topic, 0, [record('new')]);
    await expect(log().append(before, 0, [record('late')])).rejects.toMatchObject(isReplaced);
    await expect(log().read(before, 0, 0, 1000)).rejects.toMatchObject(isReplaced);
    await expect(log().bounds(before, 0)).rejects.toMatchObject(isReplaced);
    await expect(log().offsetForTime(before, 0, 0)).rejects.toMatchObject(isReplaced);
    await expect(log().truncateBefore(before, 0, 1)).rejects.toMatchObject(isReplaced);
    await expect(log().size(before)).rejects.toMatchObject(isReplaced);
    expect((await readAll(log(), topic, 0)).map(textOf)).toEqual(['new']);
    const now = { name: topic, logId: await idOf(topic) };
    await log().append(now, 0, [record('more')]);
    expect(await log().bounds(now, 0)).toMatchObject({ earliest: 0, highWatermark: 2 });
    expect(await log().read(now, 0, 1, 1000)).toMatchObject({ outcome: 'ok', nextOffset: 2 });
  });

  test('a tail of an earlier topic stops, and one of the new topic begins', async () => {
    const topic = await newTopic();
    const id = await idOf(topic);
    const collector = tailCollector();
    const tail = openTail(collector);
    tail.add({ name: topic, logId: id }, 0, 0);
    await log().append(topic, 0, [record('a'), record('b'), record('c')]);
    await collector.until(() => collector.of(topic, 0).nextOffset === 3);
    await createAnew(topic);
    await log().append(topic, 0, [record('d'), record('e'), record('f'), record('g')]);
    await collector.until(() => collector.of(topic, 0).stopped !== undefined);
    expect(collector.of(topic, 0)).toMatchObject({ stopped: { outcome: 'deleted' }, nextOffset: 3 });
    collector.forget(topic, 0);
    tail.add({ name: topic, logId: await idOf(topic) }, 0, 1);
    await collector.until(() => collector.of(topic, 0).nextOffset === 4);
    expect(collector.of(topic, 0).records.map(textOf)).toEqual(['e', 'f', 'g']);
  });

  test('facts about topics follow what is changed', async () => {
    const topic = await newTopic({ partitions: 2 });
    const id = await idOf(topic);
    expect(await log().topicFacts([topic, `${topic}-none`])).toEqual(
      new Map([[topic, expect.objectContaining({ id, partitions: 2 })]]),
    );
    await log().updateTopic(topic, { partitions: 5 });
    const grown = async () => (await log().topicFacts([topic])).get(topic)?.partitions === 5;
    await until(grown, { what: 'the added partitions', timeoutMs: 3_000 });
  });
}
