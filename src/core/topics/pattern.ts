/** Names that the bus gives to topics of its own: a pattern reaches them only if it begins like that itself. */
const ownPrefix = 'mainstem.';

/**
 * Whether a topic's name matches a pattern, in which `*` stands for any characters and the rest for itself. In time of at most pattern times
 * name: a regular expression of many stars would take for ever.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  if (name.startsWith(ownPrefix) && !pattern.startsWith(ownPrefix)) return false;
  let p = 0;
  let n = 0;
  /** Where the last star stands, and how much it has taken up to. */
  let star = -1;
  let taken = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = n;
    } else if (pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++taken;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
