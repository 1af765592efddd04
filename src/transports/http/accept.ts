/** What an Accept-like header lists, most wanted first in `q`; what cannot be read is passed over. */
interface Wanted {
  readonly name: string;
  /** 0 to 1; 0: refused. */
  readonly q: number;
}

const mostEntries = 100;

/**
 * The offered media type that an Accept header wants most (RFC 9110, 12.5.1): the most specific entry counts for each, and among equals the first
 * one offered wins. Without a header the first; undefined where none is acceptable.
 */
export function acceptedType<T extends string>(accept: string | undefined, offered: readonly T[]): T | undefined {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const wanted = listed(accept);
  let best: { readonly type: T; readonly q: number } | undefined;
  for (const type of offered) {
    const q = quality(wanted, [type, `${type.split('/')[0]}/*`, '*/*']);
    if (q > (best?.q ?? 0)) best = { type, q };
  }
  return best?.type;
}

/** Whether an Accept-Encoding header asks for a coding by name: `*`, and silence, do not. */
export function acceptsCoding(acceptEncoding: string | undefined, coding: string): boolean {
  return acceptEncoding !== undefined && quality(listed(acceptEncoding), [coding]) > 0;
}

/** Of the first of the names that is listed. */
function quality(wanted: readonly Wanted[], names: readonly string[]): number {
  for (const name of names) {
    const found = wanted.find((each) => each.name === name);
    if (found) return found.q;
  }
  return 0;
}

function listed(header: string): Wanted[] {
  return header
    .toLowerCase()
    .split(',', mostEntries)
    .map((entry) => {
      const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
      const q = parameters.find((each) => each.startsWith('q='))?.slice(2);
      const value = q === undefined ? 1 : Number(q);
      return { name, q: value >= 0 && value <= 1 ? value : 0 };
    });
}
