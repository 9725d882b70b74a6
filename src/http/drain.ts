import type { FastifyInstance } from 'fastify';
import type { Clock } from '../support/clock.ts';
import type { Lines } from './lines.ts';

export interface Shutdown {
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
export function addDrain(
  server: FastifyInstance,
  { clock, lines, delayMs, graceMs }: Shutdown & { readonly clock: Clock; readonly lines: Lines },
) {
  let isDraining = false;

  const wait = (ms: number): Promise<void> =>
    ms === 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(ms, resolve));

  server.addHook('preClose', async () => {
    isDraining = true;
    await wait(delayMs);
    const cancelCut = clock.after(graceMs, lines.cut);
    server.server.once('close', cancelCut);
    lines.endIdle();
  });

  return {
    isDraining: () => isDraining,
    finish(): void {
      server.addHook('preClose', async () => {
        // A server that is asked without a pause would never be quiet, and must leave the last ones time for their answers.
        await new Promise<void>((resolve) => {
          const cancel = clock.after(graceMs / 2, resolve);
          void lines.quiet().then(() => {
            cancel();
            resolve();
          });
        });
        lines.close();
      });
    },
  };
}
