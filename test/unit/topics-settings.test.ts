import { describe, expect, it } from 'vitest';
import { checkVersions, diffSchemas, diffSettings } from '../../src/core/topics/diff.js';
import { checkTopicName } from '../../src/core/topics/names.js';
import { schemaDigest } from '../../src/core/topics/schema-record.js';
import { defaultSettings, durabilityWarning, mergeSettings } from '../../src/core/topics/settings.js';
import type { SettingsInput, TopicSettings } from '../../src/core/topics/topic.js';

const settings: TopicSettings = { ...defaultSettings, replicationFactor: 3, minInsyncReplicas: 2 };

describe('topic names', () => {
  it.each(['a', 'orders.v1_x-Y', 'x'.repeat(249), '...'])('allows %s', (name) => {
    expect(() => checkTopicName(name)).not.toThrow();
  });

  it.each([
    ['', 'is empty'],
    ['.', 'not allowed'],
    ['..', 'not allowed'],
    ['x'.repeat(250), '249'],
    ['a/b', '"/"'],
    ['ärger', '"ä"'],
    ['a\u0000b', '\\u0000'],
    ['__consumer_offsets', 'Kafka itself'],
  ])('refuses %j', (name, message) => {
    expect(() => checkTopicName(name)).toThrow(
      expect.objectContaining({ reason: 'TOPIC_NAME_INVALID', message: expect.stringContaining(message) }),
    );
  });
});

describe('topic settings', () => {
  it.each<[SettingsInput, string]>([
    [{ partitions: 0 }, 'partitions: 0 is not a whole number from 1 to 1000'],
    [{ partitions: 1.5 }, 'partitions: 1.5'],
    [{ retentionMs: -1 }, 'retentionMs'],
    [{ maxEventBytes: 9 * 1024 * 1024 }, 'maxEventBytes: 9437184 is not a whole number from 1024 to 8388608'],
    [{ replicationFactor: 2, minInsyncReplicas: 3 }, 'minInsyncReplicas: 3 is more than the replication factor, 2'],
    [{ dedupeWindowMs: 8 * 86_400_000 }, 'dedupeWindowMs: 691200000 is not a whole number from 0 to 604800000'],
    [{ dedupeEntries: 999 }, 'dedupeEntries: 999 is not a whole number from 1000 to 100000000'],
    [{ keyPointer: 'id' }, 'keyPointer: "id" is not a JSON Pointer'],
  ])('refuses %j', (input, message) => {
    expect(() => mergeSettings(defaultSettings, input)).toThrow(
      expect.objectContaining({ reason: 'TOPIC_SETTINGS_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it('keeps what is not given, and removes the key pointer with an empty one', () => {
    const before = { ...settings, keyPointer: '/id' };
    expect(mergeSettings(before, { partitions: undefined, retentionMs: 0 })).toEqual({ ...before, retentionMs: 0 });
    expect(mergeSettings(before, { keyPointer: '' }).keyPointer).toBeUndefined();
  });

  it('names what changes, and refuses what cannot', () => {
    const { changes, warnings, log } = diffSettings(settings, { ...settings, partitions: 4, keyPointer: '/id' });
    expect(changes).toEqual(['partitions: 1 → 4', 'keyPointer: none → /id']);
    expect(warnings).toHaveLength(2);
    expect(log).toEqual({ partitions: 4 });
    expect(() => diffSettings({ ...settings, partitions: 4 }, settings)).toThrow('never removed');
    expect(() => diffSettings(settings, { ...settings, replicationFactor: 2 })).toThrow('cannot be changed');
  });

  it('names weak topics', () => {
    expect(durabilityWarning('t', settings, 'kafka')).toBeUndefined();
    expect(durabilityWarning('t', { ...settings, minInsyncReplicas: 1 }, 'kafka')).toContain('one broker only');
    expect(durabilityWarning('t', { ...settings, replicationFactor: 1, minInsyncReplicas: 1 }, 'kafka')).toContain(
      'lost',
    );
    expect(
      durabilityWarning('t', { ...settings, replicationFactor: 1, minInsyncReplicas: 1 }, 'embedded'),
    ).toBeUndefined();
  });
});

describe('schema versions', () => {
  const schema = (version: number, definition = '{"type": "object"}') => ({ version, definition });

  it('are numbered without holes', () => {
    expect(checkVersions([schema(2), schema(1)]).map(({ version }) => version)).toEqual([1, 2]);
    for (const versions of [[2], [1, 3], [1, 1], [0, 1]]) {
      expect(() => checkVersions(versions.map((version) => schema(version)))).toThrow('without holes');
    }
  });

  it('never change, white space and the order of members apart', () => {
    const stored = [{ version: 1, digest: schemaDigest('{"type": "object", "title": "t"}') }];
    const same = schema(1, '{"title":"t","type":"object"}\n');
    expect(diffSchemas('t', stored, [same, schema(2)])).toEqual([schema(2)]);
    expect(() => diffSchemas('t', stored, [schema(1, '{}')])).toThrow(
      expect.objectContaining({ reason: 'SCHEMA_VERSION_CONFLICT', message: expect.stringContaining('add version 2') }),
    );
  });
});
