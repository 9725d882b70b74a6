import { createLocalEventBus } from '../events/localBus.ts';
import { createDeliveryDeduplicator } from '../webhooks/dedupe.ts';
import { createWebhookHandler } from '../webhooks/handler.ts';
import type { Upstream } from './createUpstream.ts';
import type { Foundation } from './foundation.ts';

/** The event bus and, with a webhook secret, the handler that publishes to it. */
export function createEvents(foundation: Foundation, { cache }: Upstream) {
  const { config, redis, clock, log, disposers } = foundation;
  const { account } = foundation.account;
  const local = createLocalEventBus();
  const eventBus = redis === undefined ? local : new redis.RedisEventBus(local, redis.connection);
  disposers.defer(() => eventBus.close());
  const { webhookSecret: secret } = config;
  const deduplicator = createDeliveryDeduplicator(clock, redis?.connection);
  const webhookHandler =
    secret === undefined
      ? undefined
      : createWebhookHandler({ secret, account, cache, eventBus, deduplicator, clock, log });
  return { eventBus, webhookHandler };
}

export type Events = ReturnType<typeof createEvents>;
