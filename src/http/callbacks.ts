import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Results } from '../graphql/live.ts';
import { Disposer } from '../support/disposer.ts';
import { runGuarded } from '../support/guarded.ts';
import { createCallbackClient, isCallable } from './callbackClient.ts';
import type { CallbackTarget } from './callbackClient.ts';
import { at } from './deadline.ts';
import type { Leave } from './occupancy.ts';
import { readRequest } from './operationRequest.ts';
import { refusal, refuseConnection } from './refusals.ts';
import type { LiveOptions } from './server.ts';
import { nameOf } from './subscribing.ts';
import type { Access } from './viewer.ts';

/** What a router says of itself beside the operation. */
const callbackShape = z.object({
  callbackUrl: z.string().max(2_048),
  subscriptionId: z.string().min(1).max(256),
  verifier: z.string().max(1_024),
  /** 0: the router wants no heartbeats. */
  heartbeatIntervalMs: z.int().min(0).max(86_400_000).default(5_000),
});

const bodyShape = z.object({ extensions: z.object({ subscription: callbackShape }) });

const shortestHeartbeatMs = 1_000;

/** When in its period a heartbeat is sent. */
const punctuality = 0.75;

/** How many heartbeats in a row may fail to arrive. */
const maxSilent = 3;

/** How long a stopping gateway waits for routers to take its last message. */
const goodbyeMs = 1_000;

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

interface CallbackSubscription {
  readonly target: CallbackTarget;
  readonly results: Results;
  /** 0 for none. */
  readonly heartbeatMs: number;
  readonly expiresAtMs: number | undefined;
  /** Gives back the place of its connection. */
  readonly leave: Leave;
}

/** The federation's HTTP callback protocol, version 1.0. Without allowed hosts it is off. */
export function createCallbacks(server: FastifyInstance, options: LiveOptions): Callbacks {
  const { ask, callbackHosts, occupancy, clock, log } = options;
  const client = createCallbackClient(clock);
  /** By address, how each subscription is ended. The promise resolves when the router was told. */
  const active = new Map<string, (error: object) => Promise<void>>();
  let isClosing = false;

  /** Sends results and heartbeats until the results end, the router wants no more, the credentials expire or the gateway stops. */
  function tell({ target, results, heartbeatMs, expiresAtMs, leave }: CallbackSubscription): void {
    const held = new Disposer();
    const end = () => held.dispose();
    const guard = { log, name: 'callback subscription', close: end };
    let cancelBeat: () => void = () => undefined;
    let silent = 0;

    async function complete(error: object): Promise<void> {
      if (held.isDisposed) return;
      end();
      await client.post(target, { action: 'complete', errors: [error] });
    }
    async function beat(): Promise<void> {
      const delivery = await client.post(target, { action: 'check' });
      silent = delivery === 'failed' ? silent + 1 : 0;
      if (delivery === 'refused' || silent === maxSilent) end();
      else waitForBeat();
    }
    function waitForBeat(): void {
      if (held.isDisposed) return;
      // It must be there within the period.
      cancelBeat = clock.after(heartbeatMs * punctuality, () => runGuarded(guard, beat));
    }
    async function pump(): Promise<void> {
      for await (const payload of results) {
        if (held.isDisposed) return;
        const delivery = await client.deliver(target, { action: 'next', payload });
        if (delivery !== 'taken') return;
      }
      if (!held.isDisposed) await client.deliver(target, { action: 'complete' });
    }

    held.add(leave);
    held.add(() => active.delete(target.url));
    held.add(() => cancelBeat());
    held.add(() => runGuarded({ log, name: 'callback results' }, () => results.return?.()));
    active.set(target.url, complete);
    if (heartbeatMs > 0) waitForBeat();
    if (expiresAtMs !== undefined) {
      held.add(at(expiresAtMs, () => runGuarded(guard, () => complete(expired)), clock));
    }
    runGuarded(guard, async () => {
      await pump();
      end();
    });
  }

  server.addHook('preClose', async () => {
    isClosing = true;
    const completions = [...active.values()].map((complete) => complete(stopping));
    if (completions.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(goodbyeMs, resolve);
      void Promise.allSettled(completions).then(() => {
        cancel();
        resolve();
      });
    });
  });

  async function subscribe(request: FastifyRequest, reply: FastifyReply, access: Access) {
    const { extensions } = bodyShape.parse(request.body);
    const { callbackUrl: url, subscriptionId: id, verifier } = extensions.subscription;
    const { heartbeatIntervalMs } = extensions.subscription;
    const refuse = (message: string, status = 400, code = 'BAD_REQUEST') =>
      reply.status(status).send(refusal(message, code, request.id));
    if (access.viewer.role === 'CUSTOMER') {
      return refuse('Customers cannot subscribe by callback.', 403, 'FORBIDDEN');
    }
    if (!isCallable(url, callbackHosts)) {
      return refuse('The callback address is not one that may be called.');
    }
    const asked = readRequest(request.body);
    if (asked === undefined) return refuse('This is no operation.');
    const party = { access, address: request.ip };
    const leave = isClosing ? undefined : occupancy.connect(nameOf(party));
    if (leave === undefined) return refuseConnection(reply);
    let isTold = false;
    try {
      const { signal } = new AbortController();
      const answer = await ask(party, { request: asked, signal, requestId: request.id });
      void reply.header('cache-control', 'no-store');
      if (answer.kind === 'once') return await reply.status(answer.status).send(answer.result);
      const { results } = answer;
      const target = { url, id, verifier };
      const isTaken =
        !active.has(url) && (await client.post(target, { action: 'check' })) === 'taken';
      if (!isTaken || active.has(url) || isClosing) {
        await results.return?.();
        return await refuse('The router does not know this subscription.');
      }
      const heartbeatMs =
        heartbeatIntervalMs === 0 ? 0 : Math.max(heartbeatIntervalMs, shortestHeartbeatMs);
      isTold = true;
      tell({ target, results, heartbeatMs, expiresAtMs: access.expiresAtMs, leave });
      return await reply.header('subscription-protocol', 'callback/1.0').send({ data: null });
    } finally {
      if (!isTold) leave();
    }
  }

  return {
    isAskedFor: ({ headers, method, body }) =>
      callbackHosts.length > 0 &&
      method === 'POST' &&
      /callbackspec="?1\.0/i.test(headers.accept ?? '') &&
      bodyShape.safeParse(body).success,
    answer: subscribe,
  };
}
