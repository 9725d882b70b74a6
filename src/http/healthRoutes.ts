import type { FastifyInstance } from 'fastify';
import type { Readings } from './metricsRoute.ts';

/** `/healthz`: the process lives. `/readyz`: it may be sent traffic, which is no longer so while it stops. */
export function addHealthRoutes(server: FastifyInstance, { isCacheShared }: Readings): void {
  let isStopping = false;
  server.addHook('preClose', (done) => {
    isStopping = true;
    done();
  });
  // Without Redis the gateway goes on alone, so its absence is told but is no reason to be sent less.
  const redis = () => {
    const isShared = isCacheShared();
    return isShared === null ? {} : { redis: isShared ? 'up' : 'down' };
  };
  server.get('/healthz', () => ({ status: 'ok', ...redis() }));
  server.get('/readyz', (_request, reply) =>
    reply
      .status(isStopping ? 503 : 200)
      .send({ status: isStopping ? 'stopping' : 'ready', ...redis() }),
  );
}
