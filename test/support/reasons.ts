import { BusError } from '../../src/core/errors.js';

/** The reason of the BusError that a call fails with; `none` where it goes through. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return error instanceof BusError ? error.reason : `no BusError but ${String(error)}`;
  }
}
