import type { FastifyInstance } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import type { ConnectionTracker } from './connectionTracker.ts';

export interface ShutdownOptions {
  /** How long the gateway takes new requests after it was told to stop: until a balancer has seen `/readyz`. */
  readonly delayMs: number;
  /** How long, after that, it goes on with what it has. */
  readonly graceMs: number;
}

/**
 * How a server stops, from `server.close()` on: it says that it is not ready and still answers whoever comes, then answers what it has
 * and whoever comes meanwhile, then takes nobody new, then ends what is left. Whatever else says goodbye stands between `addDrain` and
 * its `finish`.
 */
export function addShutdown(
  server: FastifyInstance,
  {
    clock,
    lines: connections,
    delayMs,
    graceMs,
  }: ShutdownOptions & { readonly clock: Clock; readonly lines: ConnectionTracker },
) {
  let isDraining = false;
  let cancelDestroy = (): void => undefined;

  const wait = (ms: number): Promise<void> =>
    ms === 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(ms, resolve));

  server.addHook('preClose', async () => {
    isDraining = true;
    await wait(delayMs);
    cancelDestroy = clock.after(graceMs, connections.destroyAll);
    connections.closeIdle();
  });

  return {
    isDraining: () => isDraining,
    finish(): void {
      server.addHook('preClose', async () => {
        // A server that is asked without a pause would never be quiet, and must leave the last ones time for their answers.
        await new Promise<void>((resolve) => {
          const cancel = clock.after(graceMs / 2, resolve);
          void connections.idle().then(() => {
            cancel();
            resolve();
          });
        });
        connections.close();
      });
      // It runs when the server itself is closed, which waits only for the connections to its first address.
      server.addHook('onClose', async () => {
        await connections.closed();
        cancelDestroy();
      });
    },
  };
}
