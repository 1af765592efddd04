export { kafkaClients } from './clients.js';
export { openKafka } from './kafka-log.js';
