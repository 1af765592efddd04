/** An address of one ZooKeeper server. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const address = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/;

/** Parses `host:port,host2:port`; the default port is 2181, IPv6 addresses stand in brackets. Throws on anything else. */
export function parseServers(text: string): ServerAddress[] {
  return text.split(',').map((part) => {
    const match = address.exec(part.trim());
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3] ?? 2181);
    if (host === undefined || port < 1 || port > 65_535) {
      throw new Error(`the ZooKeeper server ${JSON.stringify(part)} must be host:port`);
    }
    return { host, port };
  });
}
