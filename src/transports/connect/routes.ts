import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import type { BusError } from '../../core/errors.js';
import { file_google_rpc_error_details } from '../../gen/google/rpc/error_details_pb.js';
import { Health } from '../../gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.js';
import { file_mainstem_v1_errors } from '../../gen/mainstem/v1/errors_pb.js';
import { FleetService } from '../../gen/mainstem/v1/fleet_pb.js';
import { PublishService } from '../../gen/mainstem/v1/publish_pb.js';
import { SchemaService } from '../../gen/mainstem/v1/schema_pb.js';
import { SubscribeService } from '../../gen/mainstem/v1/subscribe_pb.js';
import { SubscriberService } from '../../gen/mainstem/v1/subscriber_pb.js';
import { TopicService } from '../../gen/mainstem/v1/topic_pb.js';
import { withCors } from '../cors.js';
import { refuseDoubledHosts } from '../doubled-host.js';
import { refuseForeignHosts } from '../foreign-hosts.js';
import { plainRoutes } from '../http/plain-routes.js';
import { sendError, sendJson } from '../http/problem.js';
import type { HttpHandler, HttpRequest, HttpResponse } from '../node-http.js';
import type { Served } from '../served.js';
import { callOptions } from './call-options.js';
import { indexDescriptors } from './descriptor-index.js';
import { connectErrorOf } from './errors.js';
import { exactPayloads } from './exact-json/text-decoder.js';
import { fleetService } from './fleet-service.js';
import { healthService } from './health-service.js';
import { nodeAdapter } from './node-adapter.js';
import { explainOwnError } from './own-errors.js';
import { directPublishing, publishService } from './publish-service.js';
import { reflectionAlphaService, reflectionService } from './reflection-service.js';
import { schemaService } from './schema-service.js';
import { wellFormed } from './strict-text.js';
import { subscribeService } from './subscribe-service.js';
import { subscriberService } from './subscriber-service.js';
import { topicService } from './topic-service.js';

/** The JSON form of events carries payloads exactly; see exact-json. */
const eventOptions = { jsonOptions: { ...callOptions.jsonOptions, textDecoder: wellFormed(exactPayloads) } };

/** Everything on one port: the services over Connect, gRPC and gRPC-Web, health, reflection, and the plain routes. */
export function connectHandler(served: Served): HttpHandler {
  const { publishing, subscriptions, subscribers, topics, schemas, fleet, readiness, onInternalError } = served;
  const offered: DescService[] = [TopicService, SchemaService];
  if (publishing) offered.push(PublishService);
  if (subscriptions) offered.push(SubscribeService);
  if (subscribers) offered.push(SubscriberService);
  if (fleet) offered.push(FleetService);
  const described = [...offered, Health, ServerReflection, ServerReflectionAlpha];
  const index = indexDescriptors(described, [file_mainstem_v1_errors, file_google_rpc_error_details]);

  function routes(router: ConnectRouter): void {
    router.service(PublishService, publishing ? publishService(publishing, onInternalError) : {}, eventOptions);
    router.service(SubscribeService, subscriptions ? subscribeService(subscriptions, onInternalError) : {});
    router.service(SubscriberService, subscribers ? subscriberService(subscribers, onInternalError) : {});
    router.service(TopicService, topicService(topics, onInternalError));
    router.service(SchemaService, schemaService(schemas, onInternalError), eventOptions);
    router.service(FleetService, fleet ? fleetService(fleet, onInternalError) : {});
    const names = offered.map(({ typeName }) => typeName);
    router.service(
      Health,
      healthService(names, () => readiness().ready),
    );
    router.service(ServerReflection, reflectionService(index, onInternalError, served.draining));
    router.service(ServerReflectionAlpha, reflectionAlphaService(index, onInternalError, served.draining));
  }

  const handler = nodeAdapter({
    routes,
    fallback: plainRoutes(served),
    onError: onInternalError,
    explain: explainOwnError,
    fastLane: served.fastLane,
    direct: publishing && directPublishing(publishing, onInternalError),
    stalledMs: served.stalledMs,
    streams: served.streams,
    ...callOptions,
    readMaxBytes: served.readMaxBytes ?? callOptions.readMaxBytes,
  });
  const { corsOrigins = [], ownHostsOnly = false } = served;
  const guarded = ownHostsOnly ? refuseForeignHosts(handler, corsOrigins, refuse) : handler;
  return withCors(refuseDoubledHosts(guarded, refuse), corsOrigins);
}

/** Before anybody has looked at the request: as a unary call of Connect has its errors, whose status tells other protocols the code; or as problem details. */
function refuse(request: HttpRequest, response: HttpResponse, error: BusError): void {
  const isCall = /^\/\w+(\.\w+)+\/\w+$/.test(request.url ?? '');
  if (isCall)
    sendJson(
      response,
      error.code === 'permission_denied' ? 403 : 400,
      errorToJson(connectErrorOf(error, 'connect'), undefined),
    );
  else sendError(response, error);
}
