import type { FastifyInstance } from 'fastify';
import type { GaugeSources } from './metrics.ts';

interface HealthOptions extends Pick<
  GaugeSources,
  'buildInfo' | 'isRedisAvailable' | 'isJwksLoaded'
> {
  isDraining(): boolean;
}

/** `/healthz`: the process is alive. `/readyz`: it accepts traffic, from when it can verify tokens until it shuts down. */
export function addHealthRoutes(
  server: FastifyInstance,
  { buildInfo: { version }, isRedisAvailable, isJwksLoaded, isDraining }: HealthOptions,
): void {
  // An instance without Redis works in local mode, so this does not affect readiness.
  const redis = () => {
    const isAvailable = isRedisAvailable();
    return isAvailable === null ? {} : { redis: isAvailable ? 'up' : 'down' };
  };
  const readiness = () => {
    if (isDraining()) return 'stopping';
    return isJwksLoaded() === false ? 'starting' : 'ready';
  };
  server.get('/healthz', () => ({ status: 'ok', version, ...redis() }));
  server.get('/readyz', (_request, reply) => {
    const status = readiness();
    return reply.status(status === 'ready' ? 200 : 503).send({ status, ...redis() });
  });
}
