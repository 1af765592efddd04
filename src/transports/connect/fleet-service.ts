import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { FleetAdmin, FleetInfo } from '../../core/fleet/index.js';
import type { FleetService } from '../../gen/mainstem/v1/fleet_pb.js';
import type { OnInternalError } from '../served.js';
import { guardUnary } from './call.js';

/** FleetService on the instances of this server's coordination. */
export function fleetService(fleet: FleetAdmin, onInternalError: OnInternalError): ServiceImpl<typeof FleetService> {
  return {
    getFleet: guardUnary(onInternalError, async () => ({ fleet: toFleet(await fleet.describe()) })),
    upgradeFleet: guardUnary(onInternalError, async () => ({ fleet: toFleet(await fleet.upgrade()) })),
  };
}

function toFleet({ level, understands, automatic, instances }: FleetInfo) {
  return {
    formatLevel: level,
    understands,
    automatic,
    instances: instances.map(({ instance, understands: most, since }) => {
      return { name: instance, understands: most, since: timestampFromMs(since) };
    }),
  };
}
