/** The known names that somebody may have meant, nearest first. */
function nearNames(name: string, known: readonly string[], mostNames: number): string[] {
  const wanted = name.toLowerCase();
  const most = Math.max(2, Math.floor(wanted.length / 3));
  return known
    .map((candidate) => ({ candidate, distance: distanceBetween(wanted, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= most || candidate.toLowerCase().includes(wanted))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, mostNames)
    .map(({ candidate }) => candidate);
}

/** ` Did you mean …?`, or nothing. */
export function didYouMean(name: string, known: readonly string[], mostNames = 3): string {
  const near = nearNames(name, known, mostNames);
  return near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
}

/** How many characters to insert, remove or replace. */
function distanceBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
