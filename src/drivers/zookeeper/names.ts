import type { Path } from '../../core/ports/coordination.js';

const maxNameLength = 250;
const plain = /^[A-Za-z0-9_~-][A-Za-z0-9_~.-]*$/;
const safe = /[A-Za-z0-9_~.-]/;
const escapes = /(?:%[0-9A-F]{2})+|%u[0-9A-F]{4}/g;
/** ZooKeeper's own node below its root: never ours. */
const reserved = 'zookeeper';

/**
 * A component as the name of a node: plain names as they are, everything else percent-encoded, one to one. The result contains only ASCII letters,
 * digits and `_~.-%`, does not begin with a dot and is not `zookeeper`. Throws a RangeError unless the name has 1 to 250 characters.
 */
export function encodeName(name: string): string {
  if (name.length === 0 || name.length > maxNameLength) {
    throw new RangeError(`a component of a path must have 1 to ${maxNameLength} characters, not ${name.length}`);
  }
  if (plain.test(name) && name !== reserved) return name;
  let encoded = '';
  for (const character of name) {
    if (safe.test(character) && (encoded !== '' || (character !== '.' && name !== reserved))) encoded += character;
    // Half of a surrogate pair has no UTF-8 form.
    else if (!character.isWellFormed()) encoded += `%u${hex(character.charCodeAt(0), 4)}`;
    else for (const byte of Buffer.from(character)) encoded += `%${hex(byte, 2)}`;
  }
  return encoded;
}

/** The component that `encodeName` made a node's name of; undefined for a node that somebody else made. */
export function decodeName(node: string): string | undefined {
  if (plain.test(node)) return node === reserved ? undefined : node;
  const name = node.replace(escapes, (escaped) =>
    escaped[1] === 'u'
      ? String.fromCharCode(Number.parseInt(escaped.slice(2), 16))
      : Buffer.from(escaped.replaceAll('%', ''), 'hex').toString(),
  );
  if (name.length === 0 || name.length > maxNameLength) return undefined;
  return encodeName(name) === node ? name : undefined;
}

/** The node of a path below the chroot (`/` or `/a/b`); the chroot itself for an empty path. */
export function nodeOf(chroot: string, path: Path): string {
  if (path.length === 0) return chroot;
  let node = chroot === '/' ? '' : chroot;
  for (const name of path) node += `/${encodeName(name)}`;
  return node;
}

/** The node above; undefined for the root. */
export function parentOf(node: string): string | undefined {
  if (node === '/') return undefined;
  const slash = node.lastIndexOf('/');
  return slash === 0 ? '/' : node.slice(0, slash);
}

/** Throws unless this is `/`, or names joined as `/a/b` that ZooKeeper takes. */
export function checkChroot(chroot: string): void {
  if (chroot === '/') return;
  const names = chroot.split('/');
  const fits = (name: string) => plain.test(name) || decodeName(name) !== undefined;
  if (names.length < 2 || names[0] !== '' || names[1] === reserved || !names.slice(1).every(fits)) {
    throw new Error(
      `the ZooKeeper chroot ${JSON.stringify(chroot)} must be "/", or names of letters, digits and _~.- such as "/a/b", outside "/zookeeper"`,
    );
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
