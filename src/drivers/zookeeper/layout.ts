import type { Client } from './client.js';
import type { Failure } from './failure.js';

/** The version of the layout of the records. */
const format = 1;
const record = Buffer.from(JSON.stringify({ format }));
const attempts = 10;

/** Undefined if the records below the chroot may be used; otherwise why not, for people. */
type Refusal = string | undefined;

/**
 * Sees to it that the chroot is there, and holds the format that this build knows: `{"format":1}`, written where it was missing or empty. Rejects with a
 * Failure when ZooKeeper does; may never settle when the link breaks.
 */
export async function prepareLayout(client: Client, chroot: string): Promise<Refusal> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await read(client, chroot);
    if (found === undefined) await createAll(client, chroot);
    else if (found.value.length > 0) return check(found.value, chroot);
    else await write(client, chroot, found.version);
  }
  return `the ZooKeeper node ${chroot} changes all the time`;
}

function check(value: Uint8Array, chroot: string): Refusal {
  let found: unknown;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString());
    found = typeof parsed === 'object' && parsed !== null && 'format' in parsed ? parsed.format : undefined;
  } catch {
    found = undefined;
  }
  if (found === format) return undefined;
  return typeof found === 'number'
    ? `the records in ZooKeeper below ${chroot} have format ${found}, and this build knows ${format}: run a newer one`
    : `the ZooKeeper node ${chroot} holds something else than Mainstem's records: choose another chroot`;
}

function read(client: Client, node: string) {
  return new Promise<{ value: Uint8Array; version: number } | undefined>((resolve, reject) => {
    client.getData(
      node,
      (value, { version }) => resolve({ value, version }),
      (failure) => (failure.code === 'no_node' ? resolve(undefined) : reject(failure)),
    );
  });
}

function write(client: Client, node: string, version: number): Promise<void> {
  return tolerating('bad_version', (ok, fail) => client.setData(node, record, version, ok, fail));
}

async function createAll(client: Client, chroot: string): Promise<void> {
  let node = '';
  for (const name of chroot.split('/').slice(1)) {
    node += `/${name}`;
    const value = node === chroot ? record : new Uint8Array();
    const here = node;
    await tolerating('node_exists', (ok, fail) => client.create(here, value, false, ok, fail));
  }
}

function tolerating(code: Failure['code'], send: (ok: () => void, fail: (failure: Failure) => void) => void) {
  return new Promise<void>((resolve, reject) => {
    send(resolve, (failure) => (failure.code === code ? resolve() : reject(failure)));
  });
}
