/** Why the server cannot listen, for the person who started it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  static from(cause: NodeJS.ErrnoException, host: string, port: number): ListenError {
    return new ListenError(describe(cause, host, port), { cause });
  }
}

function describe(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use by another program; choose another one with --port (0 takes any free one)`;
    case 'EACCES':
      return `port ${port} may not be used by this user; choose one from 1024 up with --port`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; choose another one with --host`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${host} cannot be resolved; choose another one with --host`;
    default:
      return `cannot listen on ${host}, port ${port}: ${error.message}`;
  }
}
