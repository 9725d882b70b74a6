import type { FastifyInstance } from 'fastify';
import type { RunningMutations } from '../graphql/runningMutations.ts';
import type { Clock } from '../lib/clock.ts';
import type { ConnectionTracker } from './connectionTracker.ts';

export interface ShutdownOptions {
  /** How long requests are still accepted after `/readyz` fails, so that load balancers notice. */
  readonly delayMs: number;
  /** How long running requests may take after that. */
  readonly graceMs: number;
}

interface ShutdownParts extends ShutdownOptions {
  readonly clock: Clock;
  /** They are waited for even if their clients have disconnected. */
  readonly mutations: RunningMutations;
  readonly connections: ConnectionTracker;
}

/**
 * Closes a server in steps, from `server.close()` on: `/readyz` fails and all requests are served; idle connections are closed and
 * the rest is served; no connection is accepted; after the grace period the remaining connections are destroyed and mutations aborted.
 * Endpoints with long-lived connections add their `preClose` hooks between `addShutdown` and its `finish`.
 */
export function addShutdown(
  server: FastifyInstance,
  { clock, connections, mutations, delayMs, graceMs }: ShutdownParts,
) {
  let isDraining = false;
  let cancelDestroy = (): void => undefined;

  const wait = (ms: number): Promise<void> =>
    ms === 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(ms, resolve));

  // Decided when the response is sent, because its request may be older than the shutdown. Node closes the connection after such a
  // response, so with pipelined requests only the last may say so. Fastify sets the header of each request that arrives later.
  server.addHook('onSend', (...[, { raw }, , done]) => {
    if (isDraining) {
      if (connections.isLatest(raw)) raw.setHeader('connection', 'close');
      else if (raw.hasHeader('connection')) raw.removeHeader('connection');
    }
    done();
  });

  server.addHook('preClose', async () => {
    isDraining = true;
    await wait(delayMs);
    cancelDestroy = clock.after(graceMs, () => {
      connections.destroyAll();
      mutations.abortAll();
    });
    connections.startDraining();
  });

  return {
    isDraining: () => isDraining,
    finish(): void {
      server.addHook('preClose', async () => {
        // Under continuous load the server is never idle; the second half of the grace period is for the last responses.
        await new Promise<void>((resolve) => {
          const cancel = clock.after(graceMs / 2, resolve);
          void connections.idle().then(() => {
            cancel();
            resolve();
          });
        });
        connections.close();
      });
      // Runs when Node's server is closed, which waits only for the connections of its own listener.
      server.addHook('onClose', async () => {
        await Promise.all([connections.closed(), mutations.idle()]);
        cancelDestroy();
      });
    },
  };
}
