import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Disposer } from '../support/disposer.ts';
import { guarded, runGuarded } from '../support/guarded.ts';
import { at } from './deadline.ts';
import type { LiveOptions } from './server.ts';
import { readRequest, readSearch } from './operationRequest.ts';
import { refusal, refuseConnection } from './refusals.ts';
import { nameOf } from './subscribing.ts';

/** Shorter than the patience of the usual balancer. */
const pingMs = 15_000;

const event = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;

const isAskedFor = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])text\/event-stream($|[\s,;])/i.test(headers.accept ?? '');

/** `GET` and `POST /graphql/stream`: server-sent events, one operation a connection, as `graphql-sse` has it. */
export function addStreamRoute(server: FastifyInstance, options: LiveOptions): void {
  const { ask, authenticate, occupancy, isFromAllowedPage, clock, log } = options;
  const streams = new Set<PassThrough>();

  async function write(out: PassThrough, text: string, signal: AbortSignal): Promise<void> {
    if (out.write(text)) return;
    // The connection of a client that does not read is destroyed after SEND_TIMEOUT_MS, which aborts the signal.
    await once(out, 'drain', { signal }).catch(() => undefined);
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
    const leave = occupancy.connect(nameOf(party));
    if (leave === undefined) return refuseConnection(reply);
    const controller = new AbortController();
    const { signal } = controller;
    const held = new Disposer();
    held.add(leave);
    held.add(() => controller.abort());
    const end = guarded({ log, name: 'event stream close' }, () => held.dispose());
    reply.raw.once('close', end);
    // A client that left while its credentials were checked closes nothing any more.
    if (reply.raw.destroyed) end();
    const isReadOnly = request.method === 'GET';
    const outcome = await ask(party, { request: asked, signal, requestId: id, isReadOnly });
    void reply.header('cache-control', 'no-store, no-transform');
    if (outcome.kind === 'once' && outcome.result.data === undefined) {
      return reply.status(outcome.status).send(outcome.result);
    }

    if (outcome.kind === 'stream') {
      const { results } = outcome;
      held.add(() => runGuarded({ log, name: 'event stream end' }, () => results.return?.()));
    }
    const out = new PassThrough();
    out.on('error', () => undefined);
    streams.add(out);
    held.add(() => streams.delete(out));
    let cancelPing: () => void = () => undefined;
    const ping = () => {
      if (out.writableEnded) return;
      if (out.writableLength === 0) out.write(':\n\n');
      cancelPing = clock.after(pingMs, ping);
    };
    held.add(() => cancelPing());
    const { expiresAtMs } = access;
    if (expiresAtMs !== undefined) held.add(at(expiresAtMs, () => out.end(), clock));
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
    out.once('close', end);
    // The head leaves with the first byte.
    ping();
    runGuarded({ log, name: 'event stream', close: () => out.end() }, async () => {
      await pump();
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
