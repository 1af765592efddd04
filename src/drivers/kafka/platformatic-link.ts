import { apiVersionsV3, Connection, type Reader, Writer } from '@platformatic/kafka';
import { cannotConnect, type KafkaLink, type LinkOptions, type RawRequest, unanswered } from './kafka-link.js';

// All that is specific to @platformatic/kafka. We use its connection (framing, correlation) and its handshake; requests and answers are
// encoded by ourselves: see DESIGN.md.

/** How we introduce ourselves to brokers. */
const software = { name: 'mainstem', version: '1' };
/** Its own limits are switched off: how long and how much is ours to say. The longest that a timer can wait, and what `fastq` takes. */
const unlimited = 2 ** 31 - 1;

/** A link over @platformatic/kafka. */
export async function connectPlatformatic(host: string, port: number, options: LinkOptions): Promise<KafkaLink> {
  const { clientId, connectTimeoutMs } = options;
  const limits = { connectTimeout: connectTimeoutMs, requestTimeout: unlimited, maxInflights: unlimited };
  const connection = new Connection(clientId, limits);
  let gaveUp: Error | undefined;
  // Trouble ends the requests under way, which tell of it; without a listener it would end the process.
  connection.on('error', (error) => {
    gaveUp ??= error.cause instanceof Error ? error.cause : error;
  });
  const destroy = (why: Error) => {
    gaveUp ??= why;
    // Undefined before the first attempt to connect, whatever the type says.
    const socket: Connection['socket'] | undefined = connection.socket;
    socket?.destroy();
  };
  const late = setTimeout(() => destroy(new Error('connecting took too long')), connectTimeoutMs);
  try {
    await connection.connect(host, port);
    connection.socket.setKeepAlive(true, 30_000);
    const { apiKeys } = await apiVersionsV3.api.async(connection, software.name, software.version);
    const versions = new Map(apiKeys.map((one) => [one.apiKey, one]));
    return {
      isOpen: () => isOpen(connection),
      supports: (apiKey, apiVersion) => {
        const range = versions.get(apiKey);
        return range !== undefined && range.minVersion <= apiVersion && apiVersion <= range.maxVersion;
      },
      exchange: (request) => exchange(connection, request, () => gaveUp),
      destroy,
    };
  } catch (error) {
    destroy(new Error('connecting failed', { cause: error }));
    throw cannotConnect(host, port, gaveUp ?? error);
  } finally {
    clearTimeout(late);
  }
}

function exchange(connection: Connection, request: RawRequest, gaveUp: () => Error | undefined): Promise<Buffer> {
  const { apiKey, apiVersion, name, body, flexible = false } = request;
  return new Promise((resolve, reject) => {
    if (!isOpen(connection)) return reject(unanswered(name, false, gaveUp() ?? new Error('the connection is closed')));
    // It is written at once, as there is no limit to wait for.
    const payload = () => Writer.create().append(body);
    connection.send(apiKey, apiVersion, payload, takeBody, flexible, flexible, (error, answer) => {
      if (answer === undefined) reject(unanswered(name, true, gaveUp() ?? error));
      else resolve(answer);
    });
  });
}

// Its own status follows the socket's end only later: what it took meanwhile would count as sent.
function isOpen(connection: Connection): boolean {
  return connection.isConnected() && connection.socket.writable;
}

/** As one piece: it comes in those that the socket read. */
function takeBody(_correlationId: number, _apiKey: number, _apiVersion: number, { buffer }: Reader): Buffer {
  return buffer.slice();
}
