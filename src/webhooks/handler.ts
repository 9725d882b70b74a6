import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import type { EntityCache } from '../upstream/cache/entityCache.ts';
import { createKeyedMutex } from '../lib/keyedMutex.ts';
import { UpstreamError } from '../upstream/errors.ts';
import { effectsOf } from './effects.ts';
import type { WebhookEffects } from './effects.ts';
import type { DeliveryDeduplicator } from './dedupe.ts';
import type { WebhookDelivery } from './delivery.ts';
import { deliveryFromWire, isSignatureValid } from './delivery.ts';
import type { EventBus } from '../events/bus.ts';

/**
 * The result of a delivery. `inProgress`: still being applied, by this or another instance. `outdated`: too old, too far in the future
 * or without a time, so it invalidated the cache and was not published.
 */
export type WebhookOutcome =
  | 'applied'
  | 'outdated'
  | 'duplicate'
  | 'ignored'
  | 'inProgress'
  | 'badSignature'
  | 'malformed'
  | 'failed';

export interface WebhookHandler {
  /** Applies a delivery. Never fails. */
  handle(body: Buffer, signature: unknown): Promise<WebhookOutcome>;
  /** Deliveries by outcome. */
  outcomes(): Readonly<Record<WebhookOutcome, number>>;
}

interface WebhookHandlerOptions {
  readonly secret: string;
  /** The account that the webhook belongs to. */
  readonly account: string;
  readonly cache: Pick<EntityCache, 'applyChanges'>;
  readonly eventBus: EventBus;
  readonly deduplicator: DeliveryDeduplicator;
  readonly clock: Clock;
  readonly log: Log;
}

const orderingKey = ({ changes: [{ type, id }] }: WebhookEffects): string => `${type.name} ${id}`;

/** HelpCrunch gets a response within 50 ms, even if Redis is slow. */
const ackTimeoutMs = 40;

export function createWebhookHandler(options: WebhookHandlerOptions): WebhookHandler {
  const { secret, account, cache, eventBus, deduplicator, clock, log } = options;
  const outcomes: Record<WebhookOutcome, number> = {
    applied: 0,
    outdated: 0,
    duplicate: 0,
    ignored: 0,
    inProgress: 0,
    badSignature: 0,
    malformed: 0,
    failed: 0,
  };
  const orderedUpdates = createKeyedMutex();
  const { signal: neverAborted } = new AbortController();
  /** Deliveries being applied by this instance. */
  const inProgress = new Map<string, Promise<WebhookOutcome>>();

  /** Invalidates first, so that subscribers who query after the event read current data. */
  async function apply({ changes, events }: WebhookEffects): Promise<void> {
    await cache.applyChanges(account, changes);
    for (const event of events) eventBus.publish(account, event);
  }

  async function applyOnce(deliveryKey: string, effects: WebhookEffects): Promise<WebhookOutcome> {
    const state = await deduplicator.acquire(deliveryKey);
    if (state === 'processed') return 'duplicate';
    if (state === 'inProgress') return 'inProgress';
    try {
      await orderedUpdates.run(orderingKey(effects), neverAborted, () => apply(effects));
    } catch (error) {
      await deduplicator.release(deliveryKey);
      throw error;
    }
    await deduplicator.confirm(deliveryKey);
    return effects.isCurrent ? 'applied' : 'outdated';
  }

  function parseDelivery(body: Buffer): {
    delivery: WebhookDelivery;
    effects: WebhookEffects | undefined;
  } {
    const delivery = deliveryFromWire(body);
    return { delivery, effects: effectsOf(delivery, clock.now()) };
  }

  async function process(body: Buffer): Promise<WebhookOutcome> {
    const { delivery, effects } = parseDelivery(body);
    if (effects === undefined) return 'ignored';
    const deliveryKey = `${account}:${delivery.id}`;
    for (;;) {
      const concurrent = inProgress.get(deliveryKey);
      if (concurrent === undefined) break;
      // After a failure the next attempt applies the delivery.
      if ((await concurrent.catch(() => 'failed')) !== 'failed') return 'duplicate';
    }
    const outcome = applyOnce(deliveryKey, effects).finally(() => inProgress.delete(deliveryKey));
    inProgress.set(deliveryKey, outcome);
    return outcome;
  }

  async function outcomeOf(body: Buffer, signature: unknown): Promise<WebhookOutcome> {
    if (!isSignatureValid(body, signature, secret)) return 'badSignature';
    try {
      return await process(body);
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'malformed') return 'malformed';
      log.error('webhook failed', { error });
      return 'failed';
    }
  }

  async function handleAndCount(body: Buffer, signature: unknown): Promise<WebhookOutcome> {
    const outcome = await outcomeOf(body, signature);
    outcomes[outcome] += 1;
    return outcome;
  }

  return {
    handle: (body, signature) =>
      new Promise((resolve) => {
        // The next attempt of HelpCrunch gets the final outcome.
        const cancel = clock.after(ackTimeoutMs, () => {
          resolve('inProgress');
        });
        void handleAndCount(body, signature).then((outcome) => {
          cancel();
          resolve(outcome);
        });
      }),
    outcomes: () => outcomes,
  };
}
