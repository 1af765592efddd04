import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { type Health, HealthCheckResponse_ServingStatus as Status } from '../../gen/grpc/health/v1/health_pb.js';

/** How often a Watch looks; readiness announces nothing, and is cheap to ask. */
const lookEveryMs = 1_000;

/**
 * grpc.health.v1, for the server as a whole (the empty name) and for each service: all serve, or none. A Watch that has seen the end of
 * serving is ended, so that it does not hold up the server that is shutting down.
 */
export function healthService(services: readonly string[], ready: () => boolean): ServiceImpl<typeof Health> {
  const names = new Set(['', ...services]);
  const now = () => (ready() ? Status.SERVING : Status.NOT_SERVING);

  async function* watch({ service }: { readonly service: string }, { signal }: HandlerContext) {
    let sent: Status | undefined;
    for (;;) {
      const status = names.has(service) ? now() : Status.SERVICE_UNKNOWN;
      if (status !== sent) {
        yield { status };
        if (sent === Status.SERVING)
          throw new ConnectError('the server is shutting down; connect again', Code.Unavailable);
        sent = status;
      }
      await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => {
        throw signal.reason;
      });
    }
  }

  return {
    check({ service }) {
      if (names.has(service)) return { status: now() };
      throw new ConnectError(`there is no service ${service.slice(0, 200)} here`, Code.NotFound);
    },
    list: () => ({ statuses: Object.fromEntries([...names].map((name) => [name, { status: now() }])) }),
    watch,
  };
}
