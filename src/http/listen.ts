import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';

interface Listening {
  readonly addresses: readonly [string, ...string[]];
  readonly port: number;
  readonly log: Log;
}

/** The addresses to bind for a host: `localhost` usually has one of IPv4 and one of IPv6, every other host is bound as it is. */
export async function addressesOf(host: string): Promise<readonly [string, ...string[]]> {
  if (host !== 'localhost') return [host];
  const found = await lookup(host, { all: true }).catch(() => []);
  const [first = host, ...others] = found.map(({ address }) => address);
  return [first, ...others];
}

/**
 * Listens on all addresses and returns the URL of the first. The connections of the others are handed to the same HTTP server: Fastify would
 * start another one for them, to which neither its limits nor its draining apply.
 */
export async function listen(
  server: FastifyInstance,
  { addresses: [first, ...others], port, log }: Listening,
): Promise<string> {
  const url = await server.listen({ host: first, port });
  const main = server.server;
  for (const host of others) {
    const further = createServer(
      { allowHalfOpen: true, noDelay: true },
      guarded({ log, name: 'connection' }, (socket) => main.emit('connection', socket)),
    );
    further.maxConnections = main.maxConnections;
    main.once('close', () => further.close());
    further.listen({ host, port: Number(new URL(url).port) });
    // An address that cannot be bound is left out, as long as there is one.
    await once(further, 'listening').catch(() => undefined);
  }
  return url;
}
