import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { SubscriptionResults } from '../../graphql/subscriptions/run.ts';
import { Disposer } from '../../lib/disposer.ts';
import { runGuarded } from '../../observability/guarded.ts';
import { createCallbackClient, isCallbackAllowed } from '../callbackClient.ts';
import type { CallbackTarget } from '../callbackClient.ts';
import { scheduleAt } from '../../lib/scheduleAt.ts';
import type { Release } from '../connectionLimits.ts';
import { parseOperationRequest } from '../operationRequest.ts';
import { errorBody, refuseConnection, refuseWhileStopping } from '../errorResponse.ts';
import type { SubscriptionTransportOptions } from '../server.ts';
import { clientName } from '../clientOperations.ts';
import type { Authenticated } from '../auth/credentials.ts';

/** What a router says of itself beside the operation. */
const callbackSchema = z.object({
  callbackUrl: z.string().max(2_048),
  subscriptionId: z.string().min(1).max(256),
  verifier: z.string().max(1_024),
  /** 0: the router wants no heartbeats. */
  heartbeatIntervalMs: z.int().min(0).max(86_400_000).default(5_000),
});

const callbackBodySchema = z.object({ extensions: z.object({ subscription: callbackSchema }) });

const minHeartbeatMs = 1_000;

/** When in its period a heartbeat is sent. */
const heartbeatFraction = 0.75;

/** How many heartbeats in a row may fail to arrive. */
const maxMissedHeartbeats = 3;

/** How long a stopping gateway waits for routers to accept the completion of their subscriptions. */
const completionTimeoutMs = 1_000;

const callbackError = (message: string, code: string) => ({
  message,
  extensions: { code, retryable: code === 'UPSTREAM_UNAVAILABLE' },
});

const stoppingError = callbackError('The gateway is stopping.', 'UPSTREAM_UNAVAILABLE');
const expiredError = callbackError('The credentials have expired.', 'UNAUTHENTICATED');

export interface SubscriptionCallbacks {
  /** Whether the request is a router's that wants to be called back. */
  isRequested(request: FastifyRequest): boolean;
  handle(
    request: FastifyRequest,
    reply: FastifyReply,
    authenticated: Authenticated,
  ): Promise<unknown>;
}

interface CallbackSubscription {
  readonly target: CallbackTarget;
  readonly results: SubscriptionResults;
  /** 0 for none. */
  readonly heartbeatMs: number;
  readonly expiresAtMs: number | undefined;
  /** Gives back the place of its connection. */
  readonly leave: Release;
}

/** The federation's HTTP callback protocol, version 1.0. Without allowed hosts it is off. */
export function createSubscriptionCallbacks(
  server: FastifyInstance,
  options: SubscriptionTransportOptions,
): SubscriptionCallbacks {
  const { execute, callbackHosts, connectionLimits, clock, log } = options;
  const client = createCallbackClient(clock);
  /** By address, how each subscription is ended. The promise resolves when the router was told. */
  const active = new Map<string, (error: object) => Promise<void>>();
  let hasStopBegun = false;
  const isClosing = () => hasStopBegun;

  /** Sends results and heartbeats until the results end, the router wants no more, the credentials expire or the gateway stops. */
  function deliverResults({
    target,
    results,
    heartbeatMs,
    expiresAtMs,
    leave,
  }: CallbackSubscription): void {
    const held = new Disposer();
    const end = () => held.dispose();
    const guard = { log, name: 'callback subscription', close: end };
    let cancelBeat: () => void = () => undefined;
    let missedHeartbeats = 0;

    async function complete(error: object): Promise<void> {
      if (held.isDisposed) return;
      end();
      await client.post(target, { action: 'complete', errors: [error] });
    }
    async function heartbeat(): Promise<void> {
      const outcome = await client.post(target, { action: 'check' });
      missedHeartbeats = outcome === 'failed' ? missedHeartbeats + 1 : 0;
      if (outcome === 'rejected' || missedHeartbeats === maxMissedHeartbeats) end();
      else scheduleHeartbeat();
    }
    function scheduleHeartbeat(): void {
      if (held.isDisposed) return;
      // It must be there within the period.
      cancelBeat = clock.after(heartbeatMs * heartbeatFraction, () => runGuarded(guard, heartbeat));
    }
    async function pump(): Promise<void> {
      for await (const payload of results) {
        if (held.isDisposed) return;
        const outcome = await client.deliver(target, { action: 'next', payload });
        if (outcome !== 'accepted') return;
      }
      if (!held.isDisposed) await client.deliver(target, { action: 'complete' });
    }

    held.add(leave);
    held.add(() => active.delete(target.url));
    held.add(() => cancelBeat());
    held.add(() => runGuarded({ log, name: 'callback results' }, () => results.return?.()));
    active.set(target.url, complete);
    if (heartbeatMs > 0) scheduleHeartbeat();
    if (expiresAtMs !== undefined) {
      held.add(
        scheduleAt(expiresAtMs, () => runGuarded(guard, () => complete(expiredError)), clock),
      );
    }
    runGuarded(guard, async () => {
      await pump();
      end();
    });
  }

  server.addHook('preClose', async () => {
    hasStopBegun = true;
    const completions = [...active.values()].map((complete) => complete(stoppingError));
    if (completions.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(completionTimeoutMs, resolve);
      void Promise.allSettled(completions).then(() => {
        cancel();
        resolve();
      });
    });
  });

  async function subscribe(
    request: FastifyRequest,
    reply: FastifyReply,
    authenticated: Authenticated,
  ) {
    const { extensions } = callbackBodySchema.parse(request.body);
    const { callbackUrl: url, subscriptionId: id, verifier } = extensions.subscription;
    const { heartbeatIntervalMs } = extensions.subscription;
    const reject = (message: string, status = 400, code = 'BAD_REQUEST') =>
      reply.status(status).send(errorBody(message, code, request.id));
    if (authenticated.viewer.role === 'CUSTOMER') {
      return reject('Customers cannot subscribe by callback.', 403, 'FORBIDDEN');
    }
    if (!isCallbackAllowed(url, callbackHosts)) {
      return reject('The callback address is not one that may be called.');
    }
    const operation = parseOperationRequest(request.body);
    if (operation === undefined) return reject('The body must be a GraphQL request.');
    const identity = { access: authenticated, address: request.ip };
    if (isClosing()) return refuseWhileStopping(reply);
    const leave = connectionLimits.acquire(clientName(identity));
    if (leave === undefined) return refuseConnection(reply);
    let isStarted = false;
    try {
      const { signal } = new AbortController();
      const outcome = await execute(identity, {
        operation: operation,
        signal,
        requestId: request.id,
      });
      void reply.header('cache-control', 'no-store');
      if (outcome.kind === 'once') return await reply.status(outcome.status).send(outcome.result);
      const { results } = outcome;
      const target = { url, id, verifier };
      const isAccepted =
        !active.has(url) && (await client.post(target, { action: 'check' })) === 'accepted';
      if (!isAccepted || active.has(url) || isClosing()) {
        await results.return?.();
        // A stop that begins during the check is not a fault of the router.
        return isClosing()
          ? await refuseWhileStopping(reply)
          : await reject('The router does not know this subscription.');
      }
      const heartbeatMs =
        heartbeatIntervalMs === 0 ? 0 : Math.max(heartbeatIntervalMs, minHeartbeatMs);
      isStarted = true;
      deliverResults({
        target,
        results,
        heartbeatMs,
        expiresAtMs: authenticated.expiresAtMs,
        leave,
      });
      return await reply.header('subscription-protocol', 'callback/1.0').send({ data: null });
    } finally {
      if (!isStarted) leave();
    }
  }

  return {
    isRequested: ({ headers, method, body }) =>
      callbackHosts.length > 0 &&
      method === 'POST' &&
      /callbackspec="?1\.0/i.test(headers.accept ?? '') &&
      callbackBodySchema.safeParse(body).success,
    handle: subscribe,
  };
}
