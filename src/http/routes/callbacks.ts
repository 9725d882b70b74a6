import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { publicError } from '../../graphql/errors.ts';
import type { Authenticated } from '../auth/credentials.ts';
import { CallbackSubscription } from '../callbackSubscription.ts';
import { clientOf } from '../clientOperations.ts';
import { shuttingDownError, tooManyConnectionsError } from '../errorResponse.ts';
import { admitConnection } from '../liveConnection.ts';
import { parseOperationRequest } from '../operationRequest.ts';
import type { SubscriptionTransportOptions } from '../options.ts';

const callbackBodySchema = z.object({
  extensions: z.object({
    subscription: z.object({
      callbackUrl: z.string().max(2_048),
      subscriptionId: z.string().min(1).max(256),
      verifier: z.string().max(1_024),
      /** 0: no heartbeats. */
      heartbeatIntervalMs: z.int().min(0).max(86_400_000).default(5_000),
    }),
  }),
});

const minHeartbeatMs = 1_000;

/** How long shutdown waits for routers to accept the completion of their subscriptions. */
const completionTimeoutMs = 1_000;

/** Whether scheme, host and port together are allowed. */
function isAllowedUrl(text: string, origins: readonly string[]): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, username, password } = new URL(text);
  return username + password === '' && origins.includes(origin);
}

/** The federation's HTTP callback protocol, version 1.0. Without allowed hosts it is off. */
export class SubscriptionCallbacks {
  readonly #options: SubscriptionTransportOptions;
  readonly #activeByUrl = new Map<string, CallbackSubscription>();
  #isShuttingDown = false;

  constructor(server: FastifyInstance, options: SubscriptionTransportOptions) {
    this.#options = options;
    server.addHook('preClose', () => this.#shutDown());
  }

  /** Whether the request is a subscription by callback. */
  isRequested({ headers, method, body }: FastifyRequest): boolean {
    return (
      this.#options.callbackHosts.length > 0 &&
      method === 'POST' &&
      /callbackspec="?1\.0/i.test(headers.accept ?? '') &&
      callbackBodySchema.safeParse(body).success
    );
  }

  /** Responds to a request after `isRequested`. */
  async handle(request: FastifyRequest, reply: FastifyReply, access: Authenticated) {
    const { execute, callbackHosts, connectionLimits, router, clock, log } = this.#options;
    const { body, headers, id: requestId, span } = request;
    const { callbackUrl: url, ...parameters } =
      callbackBodySchema.parse(body).extensions.subscription;
    const isRouter = router.isRouter(headers);
    if (router.isConfigured && !isRouter) {
      throw publicError.forbidden('Only the router may subscribe by callback.');
    }
    if (access.viewer.role === 'CUSTOMER') {
      throw publicError.forbidden('Customers cannot subscribe by callback.');
    }
    if (!isAllowedUrl(url, callbackHosts)) {
      throw publicError.badRequest('callbackUrl: the origin is not allowed.');
    }
    const operation = parseOperationRequest(body);
    if (operation === undefined) {
      throw publicError.badRequest('The request body must be a GraphQL request.');
    }
    this.#assertRunning();
    const client = clientOf(request, access, isRouter);
    let subscription: CallbackSubscription | undefined;
    const state = { isEvicted: false };
    const release = admitConnection(connectionLimits, client, () => {
      state.isEvicted = true;
      subscription?.interrupt(tooManyConnectionsError());
    });
    if (release === undefined) throw tooManyConnectionsError();
    try {
      const { signal } = new AbortController();
      const outcome = await execute(client, { operation, signal, requestId, span });
      void reply.header('cache-control', 'no-store');
      if (outcome.kind === 'once') {
        release();
        // Routers drop the codes of responses that are not 2xx.
        const status = isRouter ? 200 : outcome.status;
        return await reply.status(status).send(outcome.result);
      }
      const { subscriptionId: id, verifier, heartbeatIntervalMs } = parameters;
      const heartbeatMs =
        heartbeatIntervalMs === 0 ? 0 : Math.max(heartbeatIntervalMs, minHeartbeatMs);
      const target = { url, id, verifier };
      const { results } = outcome;
      const parts = { target, requestId, results, heartbeatMs, clock, log };
      subscription = new CallbackSubscription(parts);
      await this.#confirm(subscription, url);
      if (state.isEvicted) throw tooManyConnectionsError();
      subscription.onEnd(release);
      subscription.onEnd(() => this.#activeByUrl.delete(url));
      this.#activeByUrl.set(url, subscription);
      subscription.start(access);
    } catch (error) {
      release();
      subscription?.end();
      throw error;
    }
    return reply.header('subscription-protocol', 'callback/1.0').send({ data: null });
  }

  #assertRunning(): void {
    if (this.#isShuttingDown) throw shuttingDownError();
  }

  /** Fails unless the router confirms the subscription. */
  async #confirm(subscription: CallbackSubscription, url: string): Promise<void> {
    const isConfirmed = !this.#activeByUrl.has(url) && (await subscription.check());
    // A shutdown that begins during the check is not an error of the router.
    this.#assertRunning();
    if (!isConfirmed || this.#activeByUrl.has(url)) {
      throw publicError.badRequest('The router did not confirm the subscription.');
    }
  }

  async #shutDown(): Promise<void> {
    this.#isShuttingDown = true;
    const completions = [...this.#activeByUrl.values()].map((subscription) =>
      subscription.complete(shuttingDownError()),
    );
    if (completions.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(completionTimeoutMs, resolve);
      void Promise.allSettled(completions).then(() => {
        cancel();
        resolve();
      });
    });
  }
}
