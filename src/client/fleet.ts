import { type Client, createClient } from '@connectrpc/connect';
import { type Fleet, FleetService } from '../gen/mainstem/v1/fleet_pb.js';
import type { CallOptions, Calls } from './calls.js';

/** The instances that share one coordination. */
export interface FleetCalls {
  /** The format level, and the instances that have registered. */
  get(options?: CallOptions): Promise<Fleet>;
  /** Lets the fleet write the present formats: only when no instance of a version from before there were levels runs any more. */
  upgrade(options?: CallOptions): Promise<Fleet>;
}

export function fleetCalls(calls: Calls): FleetCalls {
  const service: Client<typeof FleetService> = createClient(FleetService, calls.transport);
  const told = ({ fleet }: { readonly fleet?: Fleet | undefined }): Fleet => {
    if (fleet === undefined) throw new Error('the server answered without the fleet');
    return fleet;
  };
  return {
    get: (options) => calls.unary(options, async (connect) => told(await service.getFleet({}, connect))),
    upgrade: (options) => calls.unary(options, async (connect) => told(await service.upgradeFleet({}, connect))),
  };
}
