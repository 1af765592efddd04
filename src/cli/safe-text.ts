/**
 * Text from the bus as it may be shown on a terminal: control characters, which could move the cursor or change
 * colours, and the marks that turn writing direction are shown as escapes.
 */
export function safeText(text: string): string {
  return text.replace(
    // biome's rule against control characters does not apply here: finding them is the point.
    /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
