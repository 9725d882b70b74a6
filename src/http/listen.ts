import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { ConnectionTracker } from './connectionTracker.ts';

interface ListenOptions {
  readonly connections: Pick<ConnectionTracker, 'addListener'>;
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

/** Resolves when the address is bound, or when that fails. */
function bind(listener: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve) => {
    listener.once('listening', resolve).once('error', () => resolve());
    listener.listen({ host, port });
  });
}

/**
 * Listens on all addresses and returns the URL of the first. The connections of the others are passed to the same HTTP server: Fastify
 * would start another one for them, to which neither its limits nor its shutdown apply.
 */
export async function listen(
  server: FastifyInstance,
  { connections, addresses: [first, ...others], port, log }: ListenOptions,
): Promise<string> {
  const main = server.server;
  /** An unhandled error, such as a failed accept, would end the process. */
  const logErrors = (listener: Server, address: string) =>
    listener.on('error', (error) => log.warn('listener failed', { address, error }));
  const url = await server.listen({ host: first, port });
  logErrors(main, first);
  for (const host of others) {
    const further = createServer(
      { allowHalfOpen: true, noDelay: true },
      guarded({ log, name: 'connection' }, (socket) => main.emit('connection', socket)),
    );
    logErrors(further, host);
    // The first address is bound; others that cannot be bound are skipped.
    await bind(further, host, Number(new URL(url).port));
    connections.addListener(further);
  }
  return url;
}
