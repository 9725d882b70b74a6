import type { FastifyInstance } from 'fastify';
import type { GaugeSources } from './metrics.ts';

interface HealthOptions extends Pick<GaugeSources, 'isCacheShared'> {
  isDraining(): boolean;
}

/** `/healthz`: the process lives. `/readyz`: it may be sent traffic, which is no longer so while it stops. */
export function addHealthRoutes(
  server: FastifyInstance,
  { isCacheShared, isDraining }: HealthOptions,
): void {
  // Without Redis the gateway goes on alone, so its absence is told but is no reason to be sent less.
  const redis = () => {
    const isShared = isCacheShared();
    return isShared === null ? {} : { redis: isShared ? 'up' : 'down' };
  };
  server.get('/healthz', () => ({ status: 'ok', ...redis() }));
  server.get('/readyz', (_request, reply) =>
    reply
      .status(isDraining() ? 503 : 200)
      .send({ status: isDraining() ? 'stopping' : 'ready', ...redis() }),
  );
}
