import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { publicError } from '../graphql/errors.ts';
import type { ConnectionTracker } from './connectionTracker.ts';

/** On one connection, at the same time. Browsers and proxies send one. */
const maxServedRequests = 16;

/** Above it the connection is destroyed. Requests between both limits are ignored. */
const maxUnansweredRequests = 100;

/**
 * Limits pipelined requests. Node starts every request that it reads, so a client could start hundreds with one packet, all of which are
 * served before any other client. The first request above the limit is rejected and closes the connection.
 */
export function limitPipelining(server: FastifyInstance, connections: ConnectionTracker): void {
  const closing = new WeakSet<Socket>();
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    const count = connections.responseCount(socket);
    if (closing.has(socket)) {
      reply.hijack();
      if (count > maxUnansweredRequests) socket.destroy();
    } else if (count < maxServedRequests) {
      done();
    } else {
      closing.add(socket);
      const message = `Too many pipelined requests. Send at most ${maxServedRequests} on one connection before their responses.`;
      done(publicError.rateLimited(1_000, message, { headers: { connection: 'close' } }));
    }
  });
}
