import { Buffer, isUtf8 } from 'node:buffer';
import { BusError } from '../../../core/errors.js';

/**
 * The text that a header's value stands for, as the CloudEvents HTTP binding decodes attributes (1.0.2, section 3.1.3.2): the double quotes of a
 * quoted value and the backslashes in it go away, then one round of percent-decoding. A percent sign that begins no escape stays: older senders do not encode it. Bytes
 * above ASCII, which they do not encode either, count as UTF-8. Throws INVALID_REQUEST for what is no UTF-8 then.
 */
export function headerText(name: string, value: string): string {
  // The usual case: nothing to decode.
  if (/^[!#$&-~]*$/.test(value)) return value;
  const unquoted = /^".*"$/s.test(value) && value.length > 1 ? value.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : value;
  // Node hands header bytes over as Latin-1.
  const escaped = unquoted.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const bytes = Buffer.from(escaped, 'latin1');
  if (isUtf8(bytes)) return bytes.toString();
  throw new BusError('INVALID_REQUEST', `the header ${name} is not UTF-8 once its percent-encoding is removed`, {
    metadata: { field: name },
  });
}
