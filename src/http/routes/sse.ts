import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Disposer } from '../../lib/disposer.ts';
import { guarded, runGuarded } from '../../observability/guarded.ts';
import { scheduleAt } from '../../lib/scheduleAt.ts';
import type { SubscriptionTransportOptions } from '../server.ts';
import { parseOperationRequest, parseOperationQuery } from '../operationRequest.ts';
import { errorBody, refuseConnection } from '../errorResponse.ts';
import { clientName } from '../clientOperations.ts';

/** Shorter than the patience of the usual balancer. */
const pingIntervalMs = 15_000;

const formatEvent = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;

const acceptsEventStream = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])text\/event-stream($|[\s,;])/i.test(headers.accept ?? '');

/** `GET` and `POST /graphql/stream`: server-sent events, one operation a connection, as `graphql-sse` has it. */
export function addSseRoute(server: FastifyInstance, options: SubscriptionTransportOptions): void {
  const { execute, authenticate, connectionLimits, isAllowedOrigin, clock, log } = options;
  const streams = new Set<PassThrough>();

  async function write(stream: PassThrough, text: string, signal: AbortSignal): Promise<void> {
    if (stream.write(text)) return;
    // The connection of a client that does not read is destroyed after SEND_TIMEOUT_MS, which aborts the signal.
    await once(stream, 'drain', { signal }).catch(() => undefined);
  }

  async function handle(request: FastifyRequest, reply: FastifyReply) {
    const { id, headers } = request;
    const reject = (status: number, message: string, code = 'BAD_REQUEST') =>
      reply.status(status).send(errorBody(message, code, id));
    if (!isAllowedOrigin(headers)) {
      return reject(403, 'Pages of this origin may not ask.', 'FORBIDDEN');
    }
    if (!acceptsEventStream(request)) return reject(406, 'Ask for text/event-stream.');
    const authenticated = await authenticate(headers.authorization);
    const operation =
      request.method === 'GET'
        ? parseOperationQuery(request.url)
        : parseOperationRequest(request.body);
    if (operation === undefined)
      return reject(400, 'The request must contain a GraphQL operation.');
    const identity = { access: authenticated, address: request.ip };
    const release = connectionLimits.acquire(clientName(identity));
    if (release === undefined) return refuseConnection(reply);
    const controller = new AbortController();
    const { signal } = controller;
    const held = new Disposer();
    held.add(release);
    held.add(() => controller.abort());
    const end = guarded({ log, name: 'event stream close' }, () => held.dispose());
    reply.raw.once('close', end);
    // A client that left while its credentials were checked closes nothing any more.
    if (reply.raw.destroyed) end();
    const isReadOnly = request.method === 'GET';
    const outcome = await execute(identity, {
      operation: operation,
      signal,
      requestId: id,
      isReadOnly,
    });
    void reply.header('cache-control', 'no-store, no-transform');
    if (outcome.kind === 'once' && outcome.result.data === undefined) {
      return reply.status(outcome.status).send(outcome.result);
    }

    if (outcome.kind === 'stream') {
      const { results } = outcome;
      held.add(() => runGuarded({ log, name: 'event stream end' }, () => results.return?.()));
    }
    const stream = new PassThrough();
    stream.on('error', () => undefined);
    streams.add(stream);
    held.add(() => streams.delete(stream));
    let cancelPing: () => void = () => undefined;
    const ping = () => {
      if (stream.writableEnded) return;
      if (stream.writableLength === 0) stream.write(':\n\n');
      cancelPing = clock.after(pingIntervalMs, ping);
    };
    held.add(() => cancelPing());
    const { expiresAtMs } = authenticated;
    if (expiresAtMs !== undefined) held.add(scheduleAt(expiresAtMs, () => stream.end(), clock));
    async function pump(): Promise<void> {
      if (outcome.kind === 'once') {
        await write(stream, formatEvent('next', JSON.stringify(outcome.result)), signal);
      } else {
        for await (const result of outcome.results) {
          if (stream.writableEnded || stream.destroyed) return;
          await write(stream, formatEvent('next', JSON.stringify(result)), signal);
        }
      }
      if (!stream.writableEnded) stream.write(formatEvent('complete', ''));
    }
    stream.once('close', end);
    // The head leaves with the first byte.
    ping();
    runGuarded({ log, name: 'event stream', close: () => stream.end() }, async () => {
      await pump();
      if (!stream.writableEnded) stream.end();
    });
    return reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('x-accel-buffering', 'no')
      .send(stream);
  }

  // No other method: with PUT the protocol would reserve a stream for many operations.
  server.get('/graphql/stream', handle);
  server.post('/graphql/stream', handle);
  server.addHook('preClose', (done) => {
    // Without a word of completion the client asks again, and finds another instance.
    for (const stream of streams) stream.end();
    done();
  });
}
