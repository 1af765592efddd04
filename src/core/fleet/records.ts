import { Buffer } from 'node:buffer';
import { BusError } from '../errors.js';
import { readJson } from '../offsets/records.js';
import type { Path } from '../ports/coordination.js';

/** The level that the tree's formats are written at. Where there is no such record it is 0: nobody has said that every instance reads more. */
export interface FormatRecord {
  readonly level: number;
}

/** An instance that is running; the record vanishes with its session. Instances from before there were levels have none. */
export interface InstanceRecord {
  /** Its name, for people. */
  readonly instance: string;
  /** The highest level that it understands. It understands all lower ones. */
  readonly understands: number;
  /** When it started; milliseconds since 1970. */
  readonly since: number;
}

export const formatPath: Path = ['fleet', 'format'];
export const instancesPath: Path = ['fleet', 'instances'];
export const instancePath = (id: string): Path => [...instancesPath, id];

export function encodeFormat({ level }: FormatRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ format: 1, level }));
}

/** Throws INTERNAL where the record is damaged. */
export function decodeFormat(value: Uint8Array): FormatRecord {
  const level = readJson(value)?.['level'];
  if (typeof level === 'number' && Number.isSafeInteger(level) && level >= 0) return { level };
  throw new BusError('INTERNAL', "the record of the fleet's format level in coordination (fleet/format) is damaged");
}

export function encodeInstance({ instance, understands, since }: InstanceRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ format: 1, instance, understands, since }));
}

/** An instance whose record cannot be read counts as one that understands nothing, so that no level is raised over it. */
export function decodeInstance(value: Uint8Array): InstanceRecord {
  const { instance, understands, since } = readJson(value) ?? {};
  return {
    instance: typeof instance === 'string' ? instance : '',
    understands: typeof understands === 'number' ? understands : 0,
    since: typeof since === 'number' ? since : 0,
  };
}
