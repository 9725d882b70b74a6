import type { FastifyInstance } from 'fastify';

/** `/healthz`: the process lives. `/readyz`: it may be sent traffic, which is no longer so while it stops. */
export function addHealthRoutes(server: FastifyInstance): void {
  let isStopping = false;
  server.addHook('preClose', (done) => {
    isStopping = true;
    done();
  });
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', (_request, reply) =>
    reply.status(isStopping ? 503 : 200).send({ status: isStopping ? 'stopping' : 'ready' }),
  );
}
