import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { readSentinelUrl } from '../lib/redisUrl.ts';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';

/** How to reach Redis. */
export interface RedisServerSettings {
  /** Of a server, or of Redis Sentinel. */
  readonly url: string;
  /** PEM texts for TLS; without `ca` the certificates that Node trusts apply. */
  readonly tls?:
    | {
        readonly ca: string | undefined;
        readonly cert: string | undefined;
        readonly key: string | undefined;
      }
    | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Precedes all keys. */
  readonly keyPrefix?: string | undefined;
}

const connectTimeout = 2_000;

const retryDelayMs = (times: number): number => Math.min(100 * times, 2_000);

/** Short, because this wait cannot be cancelled and would delay the end of the process. */
const sentinelRetryDelayMs = (times: number): number => Math.min(100 * times, 400);

const tlsOptions = ({ tls }: RedisServerSettings): ConnectionOptions => ({
  ...(tls?.ca !== undefined && { ca: tls.ca }),
  ...(tls?.cert !== undefined && { cert: tls.cert }),
  ...(tls?.key !== undefined && { key: tls.key }),
});

type ClientOptions = Pick<
  RedisOptions,
  | 'connectionName'
  | 'commandTimeout'
  | 'enableOfflineQueue'
  | 'maxRetriesPerRequest'
  | 'autoResubscribe'
>;

/** A client of the server, or of the primary that Sentinel names. */
export function createRedisClient(settings: RedisServerSettings, options: ClientOptions): Redis {
  const { url, keyPrefix = '', sentinelUsername, sentinelPassword } = settings;
  const shared = { connectTimeout, retryStrategy: retryDelayMs, keyPrefix, ...options };
  const tls = tlsOptions(settings);
  const address = readSentinelUrl(url);
  if (address === undefined) {
    return new Redis(url, { ...shared, ...(url.startsWith('rediss:') && { tls }) });
  }
  const { sentinels, name, username, password, database, isEncrypted } = address;
  return new Redis({
    ...shared,
    sentinels: [...sentinels],
    name,
    db: database,
    sentinelRetryStrategy: sentinelRetryDelayMs,
    sentinelCommandTimeout: connectTimeout,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(isEncrypted && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  });
}

interface ServerAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/**
 * Calls back when a sentinel announces another primary, while connections to the former one may stay open without replies. Returns a
 * function that ends it. The failover detector of ioredis prints addresses when a sentinel is unreachable.
 */
export function watchFailovers(
  settings: RedisServerSettings,
  log: Log,
  onFailover: (primary: ServerAddress) => void,
): () => void {
  const address = readSentinelUrl(settings.url);
  if (address === undefined) return () => undefined;
  const { sentinelUsername: username, sentinelPassword: password } = settings;
  const clients = address.sentinels.map((sentinel) => {
    const client = new Redis({
      ...sentinel,
      connectTimeout,
      retryStrategy: retryDelayMs,
      enableReadyCheck: false,
      maxRetriesPerRequest: null,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(address.isEncrypted && { tls: tlsOptions(settings) }),
    });
    // The connection is retried, and commands report that Redis is unavailable.
    client.on('error', () => undefined);
    client.on(
      'message',
      guarded({ log, name: 'redis failover' }, (_channel: string, text: string) => {
        const [name, , , host, port] = text.split(' ');
        if (name === address.name) onFailover({ host, port: Number(port) });
      }),
    );
    client.subscribe('+switch-master').catch(() => undefined);
    return client;
  });
  return () => {
    for (const client of clients) client.disconnect();
  };
}

/** Clients that are still asking Sentinel for the primary are left alone: disconnecting would end them permanently. */
export function reconnect(clients: readonly Redis[]): void {
  for (const client of clients)
    if (['connect', 'ready'].includes(client.status)) client.disconnect(true);
}

/** Reconnects clients unless they are connected to the server. If the sentinel announces a name instead of an IP address, all reconnect. */
export function reconnectTo({ host, port }: ServerAddress, clients: readonly Redis[]): void {
  const isConnected = ({ status, stream }: Redis) =>
    status === 'ready' &&
    stream.remoteAddress?.replace('::ffff:', '') === host &&
    stream.remotePort === port;
  reconnect(clients.filter((client) => !isConnected(client)));
}
