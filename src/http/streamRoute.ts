import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { at } from './deadline.ts';
import type { LiveOptions } from './server.ts';
import { readRequest, readSearch } from './operationRequest.ts';
import { refusal } from './refusals.ts';
import { nameOf } from './subscribing.ts';

/** Shorter than the patience of the usual balancer. */
const pingMs = 15_000;

/** Who has read nothing for so long is gone. */
const stuckMs = 60_000;

const event = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;

const isAskedFor = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])text\/event-stream($|[\s,;])/i.test(headers.accept ?? '');

/** `GET` and `POST /graphql/stream`: server-sent events, one operation a connection, as `graphql-sse` has it. */
export function addStreamRoute(server: FastifyInstance, options: LiveOptions): void {
  const { ask, authenticate, occupancy, isFromAllowedPage, clock, log } = options;
  const streams = new Set<PassThrough>();

  async function write(out: PassThrough, text: string, signal: AbortSignal): Promise<void> {
    if (out.write(text)) return;
    const cancel = clock.after(stuckMs, () => out.destroy());
    await once(out, 'drain', { signal }).catch(() => undefined);
    cancel();
  }

  async function answer(request: FastifyRequest, reply: FastifyReply) {
    const { id, headers } = request;
    const refuse = (status: number, message: string, code = 'BAD_REQUEST') =>
      reply.status(status).send(refusal(message, code, id));
    if (!isFromAllowedPage(headers)) {
      return refuse(403, 'Pages of this origin may not ask.', 'FORBIDDEN');
    }
    if (!isAskedFor(request)) return refuse(406, 'Ask for text/event-stream.');
    const access = await authenticate(headers.authorization);
    const asked = request.method === 'GET' ? readSearch(request.url) : readRequest(request.body);
    if (asked === undefined) return refuse(400, 'This is no operation.');
    const party = { access, address: request.ip };
    const leaving = [occupancy.connect(), occupancy.belong(nameOf(party))];
    const controller = new AbortController();
    const { signal } = controller;
    const end = () => {
      controller.abort();
      for (const leave of leaving) leave?.();
    };
    if (leaving.includes(undefined)) {
      end();
      void reply.header('retry-after', '5');
      return reply.status(429).send({
        errors: [
          {
            message: 'There are too many connections.',
            extensions: {
              code: 'RATE_LIMITED',
              retryable: true,
              retryAfterMs: 5_000,
              requestId: id,
            },
          },
        ],
      });
    }
    reply.raw.once('close', end);
    const isReadOnly = request.method === 'GET';
    const outcome = await ask(party, { request: asked, signal, requestId: id, isReadOnly });
    void reply.header('cache-control', 'no-store, no-transform');
    if (outcome.kind === 'once' && outcome.result.data === undefined) {
      return reply.status(outcome.status).send(outcome.result);
    }

    const out = new PassThrough();
    out.on('error', () => undefined);
    streams.add(out);
    let cancelPing: () => void = () => undefined;
    const ping = () => {
      if (out.writableEnded) return;
      if (out.writableLength === 0) out.write(':\n\n');
      cancelPing = clock.after(pingMs, ping);
    };
    const { expiresAtMs } = access;
    const cancelExpiry =
      expiresAtMs === undefined ? undefined : at(expiresAtMs, () => out.end(), clock);
    async function pump(): Promise<void> {
      if (outcome.kind === 'once') {
        await write(out, event('next', JSON.stringify(outcome.result)), signal);
      } else {
        for await (const result of outcome.results) {
          if (out.writableEnded || out.destroyed) return;
          await write(out, event('next', JSON.stringify(result)), signal);
        }
      }
      if (!out.writableEnded) out.write(event('complete', ''));
    }
    out.once('close', () => {
      streams.delete(out);
      cancelPing();
      cancelExpiry?.();
      end();
      if (outcome.kind === 'stream') void outcome.results.return?.();
    });
    // The head leaves with the first byte.
    ping();
    void pump()
      .catch((error: unknown) => {
        log.error('a stream failed', { requestId: id, error });
      })
      .finally(() => {
        if (!out.writableEnded) out.end();
      });
    return reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('x-accel-buffering', 'no')
      .send(out);
  }

  // No other method: with PUT the protocol would reserve a stream for many operations.
  server.get('/graphql/stream', answer);
  server.post('/graphql/stream', answer);
  server.addHook('preClose', (done) => {
    // Without a word of completion the client asks again, and finds another instance.
    for (const stream of streams) stream.end();
    done();
  });
}
