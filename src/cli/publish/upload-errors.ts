import { MainstemError } from '../../client/index.js';

/** Lines that the server did not store, for good. */
export function failedWith(reason: string, message: string): MainstemError {
  return new MainstemError({ code: 'unavailable', reason, message, retryable: false });
}

/** The server has answered what no server of this kind answers. */
export function protocolError(message: string): MainstemError {
  return new MainstemError({ code: 'internal', reason: 'UNKNOWN', message });
}
