import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import type { RequestIds } from '../observability/tracing.ts';
import type { EntityCache } from '../upstream/cache/entityCache.ts';
import { KeyedMutex } from '../lib/keyedMutex.ts';
import { UpstreamError } from '../upstream/errors.ts';
import { effectsOf } from './effects.ts';
import type { WebhookEffects } from './effects.ts';
import type { DeliveryDeduplicator } from './dedupe.ts';
import { deliveryFromWire, isSignatureValid } from './delivery.ts';
import type { EventBus } from '../events/bus.ts';
import { derivedEventId } from '../events/eventIds.ts';
import type { ChangeDeduplicator } from '../events/changeDeduplicator.ts';

/**
 * The result of a delivery. `partial`: applied, but some fields could not be interpreted. `inProgress`: still being applied, by this or another instance. `outdated`: too old, too far in the future
 * or without a time, so it invalidated the cache and was not published.
 */
export type WebhookOutcome =
  | 'applied'
  | 'partial'
  | 'outdated'
  | 'duplicate'
  | 'ignored'
  | 'inProgress'
  | 'badSignature'
  | 'malformed'
  | 'failed';

export interface WebhookHandlerOptions {
  /** The keys that a delivery may be signed with. */
  readonly secrets: () => readonly string[];
  /** The account that the webhook belongs to. */
  readonly account: string;
  readonly cache: Pick<EntityCache, 'applyChanges'>;
  readonly eventBus: EventBus;
  readonly changeDeduplicator: ChangeDeduplicator;
  readonly deduplicator: DeliveryDeduplicator;
  readonly clock: Clock;
  readonly log: Log;
}

const orderingKey = ({ changes: [{ type, id }] }: WebhookEffects): string => `${type.name} ${id}`;

/** HelpCrunch gets a response within 50 ms, even if Redis is slow. */
const ackTimeoutMs = 40;

const { signal: neverAborted } = new AbortController();

/** Verifies, deduplicates and applies deliveries. Deliveries about the same entity are applied in the order of arrival. */
export class WebhookHandler {
  readonly #options: WebhookHandlerOptions;
  readonly #outcomes: Record<WebhookOutcome, number> = {
    applied: 0,
    partial: 0,
    outdated: 0,
    duplicate: 0,
    ignored: 0,
    inProgress: 0,
    badSignature: 0,
    malformed: 0,
    failed: 0,
  };
  readonly #orderedUpdates = new KeyedMutex();
  /** Deliveries being applied by this instance. */
  readonly #inProgress = new Map<string, Promise<WebhookOutcome>>();

  constructor(options: WebhookHandlerOptions) {
    this.#options = options;
  }

  /** Applies a delivery. Never rejects. */
  handle(body: Buffer, signature: unknown, ids: RequestIds): Promise<WebhookOutcome> {
    return new Promise((resolve) => {
      // The next attempt of HelpCrunch gets the final outcome.
      const cancel = this.#options.clock.after(ackTimeoutMs, () => {
        resolve('inProgress');
      });
      void this.#handleAndCount(body, signature, ids).then((outcome) => {
        cancel();
        resolve(outcome);
      });
    });
  }

  /** Deliveries by outcome. */
  outcomes(): Readonly<Record<WebhookOutcome, number>> {
    return this.#outcomes;
  }

  async #handleAndCount(
    body: Buffer,
    signature: unknown,
    ids: RequestIds,
  ): Promise<WebhookOutcome> {
    const outcome = await this.#outcomeOf(body, signature, ids);
    this.#outcomes[outcome] += 1;
    return outcome;
  }

  async #outcomeOf(body: Buffer, signature: unknown, ids: RequestIds): Promise<WebhookOutcome> {
    const { secrets, log } = this.#options;
    const isSigned = secrets().some((secret) => isSignatureValid(body, signature, secret));
    if (!isSigned) return 'badSignature';
    try {
      return await this.#process(body, ids);
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'malformed') {
        log.warn('webhook malformed', { ...ids, reason: error.message });
        return 'malformed';
      }
      log.error('webhook failed', { ...ids, error });
      return 'failed';
    }
  }

  async #process(body: Buffer, ids: RequestIds): Promise<WebhookOutcome> {
    const { account, clock, log } = this.#options;
    const delivery = deliveryFromWire(body);
    const effects = effectsOf(delivery, clock.now());
    if (effects === undefined) return 'ignored';
    const { unreadable } = effects;
    if (unreadable.length > 0) {
      const fields = { event: delivery.event, fields: unreadable };
      log.warn('webhook partly unreadable', { ...ids, ...fields });
    }
    const deliveryKey = `${account}:${delivery.id}`;
    for (;;) {
      const concurrent = this.#inProgress.get(deliveryKey);
      if (concurrent === undefined) break;
      // After a failure the next attempt applies the delivery.
      if ((await concurrent.catch(() => 'failed')) !== 'failed') return 'duplicate';
    }
    const outcome = this.#applyOnce(deliveryKey, effects).finally(() =>
      this.#inProgress.delete(deliveryKey),
    );
    this.#inProgress.set(deliveryKey, outcome);
    return outcome;
  }

  async #applyOnce(deliveryKey: string, effects: WebhookEffects): Promise<WebhookOutcome> {
    const { deduplicator } = this.#options;
    const state = await deduplicator.acquire(deliveryKey);
    if (state === 'processed') return 'duplicate';
    if (state === 'inProgress') return 'inProgress';
    try {
      await this.#orderedUpdates.run(orderingKey(effects), neverAborted, () =>
        this.#apply(deliveryKey, effects),
      );
    } catch (error) {
      await deduplicator.release(deliveryKey);
      throw error;
    }
    await deduplicator.confirm(deliveryKey);
    if (!effects.isCurrent) return 'outdated';
    return effects.unreadable.length > 0 ? 'partial' : 'applied';
  }

  /**
   * Invalidates first, so that subscribers who query after the event read current data. Without Redis another instance can apply the same
   * delivery: it publishes the events with the same ids.
   */
  async #apply(
    deliveryKey: string,
    { changes, events, isCurrent, webhookChangeKey }: WebhookEffects,
  ): Promise<void> {
    const { account, cache, eventBus, changeDeduplicator } = this.#options;
    await cache.applyChanges(account, changes);
    if (isCurrent && webhookChangeKey !== undefined) {
      const { name, atMs } = webhookChangeKey;
      if (await changeDeduplicator.deduplicateWebhook(account, name, atMs)) return;
    }
    for (const [index, event] of events.entries())
      eventBus.publish(account, event, derivedEventId(event.atMs, `${deliveryKey} ${index}`));
    // HelpCrunch delivers again what is not confirmed, also to another instance if this one ends.
    if (!(await eventBus.published(account))) throw new Error('The event bus was closed.');
  }
}
