export { openKafka } from './kafka-log.js';
