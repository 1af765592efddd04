import { numberTypes, type TypeMask, valueTypes } from './value-types.js';

/**
 * The formats that the validator asserts, each with texts that have it. A format that is not here is an annotation. A test compares
 * this list with the driver.
 */
const textFormats: Readonly<Record<string, readonly string[]>> = {
  date: ['2024-02-29', '1999-12-31'],
  time: ['12:30:00Z', '23:59:59.5+01:00'],
  'date-time': ['2024-02-29T12:30:00Z', '1999-12-31T23:59:59.5+01:00'],
  'iso-time': ['12:30:00', '12:30:00Z'],
  'iso-date-time': ['2024-02-29T12:30:00', '2024-02-29T12:30:00Z'],
  duration: ['P1D', 'PT1H30M'],
  uri: ['https://example.com/a', 'urn:a:b'],
  'uri-reference': ['/a', 'https://example.com/a'],
  'uri-template': ['/a/{b}', '/a'],
  url: ['https://example.com/a', 'http://example.org'],
  email: ['a@example.com', 'b.c@example.org'],
  hostname: ['example.com', 'a'],
  ipv4: ['192.0.2.1', '127.0.0.1'],
  ipv6: ['2001:db8::1', '::'],
  regex: ['^a$', '[0-9]+'],
  uuid: ['123e4567-e89b-12d3-a456-426614174000', '00000000-0000-0000-0000-000000000000'],
  'json-pointer': ['/a', ''],
  'json-pointer-uri-fragment': ['#/a', '#'],
  'relative-json-pointer': ['0', '1/a'],
  byte: ['YQ==', 'YWJj'],
};

const numberFormats: ReadonlySet<string> = new Set(['int32', 'int64']);

/** Names that the validator finds on every object, and takes for formats. */
const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** The types of value that a format is checked on; none where it is an annotation. */
export function assertedFormat(name: string): TypeMask {
  if (Object.hasOwn(textFormats, name)) return valueTypes.string;
  if (numberFormats.has(name)) return numberTypes;
  return inherited.has(name) ? valueTypes.string | numberTypes : 0;
}

/** Texts that have a format, or may have it. */
export function formatExamples(name: string): readonly string[] {
  return Object.hasOwn(textFormats, name) ? (textFormats[name] ?? []) : [];
}

/** The formats that are asserted. */
export const assertedFormats: readonly string[] = [...Object.keys(textFormats), ...numberFormats];
