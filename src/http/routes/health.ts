import type { FastifyInstance } from 'fastify';
import type { ScrapeSources } from './metrics.ts';

export interface HealthOptions extends Pick<
  ScrapeSources,
  'buildInfo' | 'isRedisAvailable' | 'isJwksLoaded'
> {
  readonly isRedisRequired: boolean;
  isDraining(): boolean;
}

/**
 * `/healthz`: the process is alive. `/readyz`: it accepts traffic, from when it can verify tokens until it shuts down, and only with Redis
 * if that is required.
 */
export function addHealthRoutes(
  server: FastifyInstance,
  {
    buildInfo: { version },
    isRedisAvailable,
    isRedisRequired,
    isJwksLoaded,
    isDraining,
  }: HealthOptions,
): void {
  const redis = () => {
    const isAvailable = isRedisAvailable();
    return isAvailable === null ? {} : { redis: isAvailable ? 'up' : 'down' };
  };
  const readiness = () => {
    if (isDraining()) return 'stopping';
    if (isJwksLoaded() === false) return 'starting';
    return isRedisRequired && isRedisAvailable() === false ? 'waiting' : 'ready';
  };
  server.get('/healthz', () => ({ status: 'ok', version, ...redis() }));
  server.get('/readyz', (_request, reply) => {
    const status = readiness();
    return reply.status(status === 'ready' ? 200 : 503).send({ status, ...redis() });
  });
}
