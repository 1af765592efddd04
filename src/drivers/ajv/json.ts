/** How many values a document has, itself and containers included; stops counting above `most`. */
export function countValues(document: unknown, most: number): number {
  let count = 0;
  const open: unknown[] = [document];
  while (open.length > 0 && count <= most) {
    const value = open.pop();
    count++;
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Object.values(value)) {
      if (count + open.length > most) return most + 1;
      open.push(child);
    }
  }
  return count;
}
