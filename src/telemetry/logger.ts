import { destination, type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

/**
 * Structured log lines (JSON) on standard error: standard output belongs to what a person started the command for. Payloads, keys
 * and credentials are never handed to it.
 */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.errWithCause },
    },
    destination({ dest: 2, sync: true }),
  );
}
