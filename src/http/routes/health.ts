import type { FastifyInstance } from 'fastify';
import type { GaugeSources } from './metrics.ts';

interface HealthOptions extends Pick<GaugeSources, 'isRedisAvailable'> {
  isDraining(): boolean;
}

/** `/healthz`: the process is alive. `/readyz`: it accepts traffic, until it shuts down. */
export function addHealthRoutes(
  server: FastifyInstance,
  { isRedisAvailable, isDraining }: HealthOptions,
): void {
  // An instance without Redis works in local mode, so this does not affect readiness.
  const redis = () => {
    const isAvailable = isRedisAvailable();
    return isAvailable === null ? {} : { redis: isAvailable ? 'up' : 'down' };
  };
  server.get('/healthz', () => ({ status: 'ok', ...redis() }));
  server.get('/readyz', (_request, reply) =>
    reply
      .status(isDraining() ? 503 : 200)
      .send({ status: isDraining() ? 'stopping' : 'ready', ...redis() }),
  );
}
