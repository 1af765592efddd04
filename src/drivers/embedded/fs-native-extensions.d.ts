/** The part of the package that is used; it brings no types of its own. */
declare module 'fs-native-extensions' {
  /** Asks for an exclusive lock on an open file; false where another open file holds it. The kernel releases it with the descriptor. */
  export function tryLock(fd: number): boolean;
}
