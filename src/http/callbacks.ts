import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Results } from '../graphql/live.ts';
import { createCallbackClient, isCallable } from './callbackClient.ts';
import type { CallbackTarget } from './callbackClient.ts';
import { at } from './deadline.ts';
import { readRequest } from './operationRequest.ts';
import { refusal } from './refusals.ts';
import type { LiveOptions } from './server.ts';
import type { Access } from './viewer.ts';

/** What a router says of itself beside the operation. */
const callbackShape = z.object({
  callbackUrl: z.string().max(2_048),
  subscriptionId: z.string().min(1).max(256),
  verifier: z.string().max(1_024),
  heartbeatIntervalMs: z.int().min(0).max(86_400_000).default(5_000),
});

const bodyShape = z.object({ extensions: z.object({ subscription: callbackShape }) });

const shortestHeartbeatMs = 1_000;

/** When in its period a heartbeat is sent. */
const punctuality = 0.75;

/** How many heartbeats in a row may fail to arrive. */
const maxSilent = 3;

const publicError = (message: string, code: string) => ({
  message,
  extensions: { code, retryable: code === 'UPSTREAM_UNAVAILABLE' },
});

const stopping = publicError('The gateway is stopping.', 'UPSTREAM_UNAVAILABLE');
const expired = publicError('The credentials have expired.', 'UNAUTHENTICATED');

export interface Callbacks {
  /** Whether the request is a router's that wants to be called back. */
  isAskedFor(request: FastifyRequest): boolean;
  answer(request: FastifyRequest, reply: FastifyReply, access: Access): Promise<unknown>;
}

/** The federation's HTTP callback protocol, version 1.0. Without allowed hosts it is off. */
export function createCallbacks(server: FastifyInstance, options: LiveOptions): Callbacks {
  const { ask, callbackHosts, clock, log } = options;
  const client = createCallbackClient(clock);
  /** By address, how each subscription is ended. */
  const active = new Map<string, (error?: object) => void>();

  function tell(
    target: CallbackTarget,
    results: Results,
    { heartbeatMs, expiresAtMs }: { heartbeatMs: number; expiresAtMs: number | undefined },
  ): void {
    const cancels: (() => void)[] = [];
    let isOver = false;
    function end(error?: object): void {
      if (isOver) return;
      isOver = true;
      active.delete(target.url);
      for (const cancel of cancels) cancel();
      void results.return?.();
      if (error !== undefined) void client.post(target, { action: 'complete', errors: [error] });
    }
    let silent = 0;
    async function beat(): Promise<void> {
      const delivery = await client.post(target, { action: 'check' });
      silent = delivery === 'failed' ? silent + 1 : 0;
      if (delivery === 'refused' || silent === maxSilent) end();
      else waitForBeat();
    }
    function waitForBeat(): void {
      // It must be there within the period.
      if (!isOver) cancels[0] = clock.after(heartbeatMs * punctuality, () => void beat());
    }
    async function pump(): Promise<void> {
      for await (const payload of results) {
        if (isOver) return;
        const delivery = await client.deliver(target, { action: 'next', payload });
        if (delivery !== 'taken') return;
      }
      if (!isOver) await client.deliver(target, { action: 'complete' });
    }
    if (heartbeatMs > 0) waitForBeat();
    if (expiresAtMs !== undefined) cancels[1] = at(expiresAtMs, () => end(expired), clock);
    active.set(target.url, end);
    void pump()
      .catch((error: unknown) => {
        log.error('a callback subscription failed', { error });
      })
      .finally(() => end());
  }

  server.addHook('preClose', (done) => {
    for (const end of active.values()) end(stopping);
    done();
  });

  return {
    isAskedFor: ({ headers, method, body }) =>
      callbackHosts.length > 0 &&
      method === 'POST' &&
      /callbackspec="?1\.0/i.test(headers.accept ?? '') &&
      bodyShape.safeParse(body).success,

    async answer(request, reply, access) {
      const { extensions } = bodyShape.parse(request.body);
      const { callbackUrl: url, subscriptionId: id, verifier } = extensions.subscription;
      const { heartbeatIntervalMs } = extensions.subscription;
      const refuse = (message: string) =>
        reply.status(400).send(refusal(message, 'BAD_REQUEST', request.id));
      if (!isCallable(url, callbackHosts)) {
        return refuse('The callback address is not one that may be called.');
      }
      const asked = readRequest(request.body);
      if (asked === undefined) return refuse('This is no operation.');
      const party = { access, address: request.ip };
      const { signal } = new AbortController();
      const answer = await ask(party, { request: asked, signal, requestId: request.id });
      void reply.header('cache-control', 'no-store');
      if (answer.kind === 'once') return reply.status(answer.status).send(answer.result);
      const target = { url, id, verifier };
      const isTaken =
        !active.has(url) && (await client.post(target, { action: 'check' })) === 'taken';
      if (!isTaken || active.has(url)) {
        await answer.results.return?.();
        return refuse('The router does not know this subscription.');
      }
      tell(target, answer.results, {
        heartbeatMs:
          heartbeatIntervalMs === 0 ? 0 : Math.max(heartbeatIntervalMs, shortestHeartbeatMs),
        expiresAtMs: access.expiresAtMs,
      });
      return reply.header('subscription-protocol', 'callback/1.0').send({ data: null });
    },
  };
}
