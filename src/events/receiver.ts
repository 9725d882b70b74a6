import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Cache } from '../upstream/cache/cache.ts';
import { createQueues } from '../upstream/cache/queues.ts';
import { UpstreamError } from '../upstream/errors.ts';
import { meaningOf } from './changes.ts';
import type { Meaning } from './changes.ts';
import type { Claims } from './claims.ts';
import type { Delivery } from './delivery.ts';
import { deliveryFromWire, isSigned } from './delivery.ts';
import type { Feed } from './feed.ts';

/**
 * What became of a delivery. `underWay` is still being applied, here or elsewhere. `outdated` is too old, too far in the future or without a
 * time: it invalidated what it names and was not published.
 */
export type Outcome =
  | 'applied'
  | 'outdated'
  | 'duplicate'
  | 'ignored'
  | 'underWay'
  | 'badSignature'
  | 'malformed'
  | 'failed';

export interface Receiver {
  /** Takes in a delivery, and never fails. */
  receive(body: Buffer, signature: unknown): Promise<Outcome>;
  /** How often each outcome has been. */
  outcomes(): Readonly<Record<Outcome, number>>;
}

interface Parts {
  readonly secret: string;
  /** The account whose helpdesk delivers. */
  readonly tenant: string;
  readonly cache: Pick<Cache, 'learn'>;
  readonly feed: Feed;
  readonly claims: Claims;
  readonly clock: Clock;
  readonly log: Log;
}

const subjectOf = ({ told: [{ kind, id }] }: Meaning): string => `${kind.name} ${id}`;

/** The helpdesk gets its answer in 50 ms, whatever Redis does. */
const patienceMs = 40;

export function createReceiver(parts: Parts): Receiver {
  const { secret, tenant, cache, feed, claims, clock, log } = parts;
  const outcomes: Record<Outcome, number> = {
    applied: 0,
    outdated: 0,
    duplicate: 0,
    ignored: 0,
    underWay: 0,
    badSignature: 0,
    malformed: 0,
    failed: 0,
  };
  const queues = createQueues();
  const { signal: never } = new AbortController();
  /** What is being applied here, by the name of its delivery. */
  const underWay = new Map<string, Promise<Outcome>>();

  /** What is known is put right first, so that those who are told see it as it is now. */
  async function apply({ told, news }: Meaning): Promise<void> {
    await cache.learn(tenant, told);
    for (const announcement of news) feed.announce(tenant, announcement);
  }

  async function applyOnce(name: string, meaning: Meaning): Promise<Outcome> {
    const claim = await claims.claim(name);
    if (claim === 'done') return 'duplicate';
    if (claim === 'elsewhere') return 'underWay';
    try {
      await queues.run(subjectOf(meaning), never, () => apply(meaning));
    } catch (error) {
      await claims.release(name);
      throw error;
    }
    await claims.confirm(name);
    return meaning.isCurrent ? 'applied' : 'outdated';
  }

  function understand(body: Buffer): { delivery: Delivery; meaning: Meaning | undefined } {
    const delivery = deliveryFromWire(body);
    return { delivery, meaning: meaningOf(delivery, clock.now()) };
  }

  async function take(body: Buffer): Promise<Outcome> {
    const { delivery, meaning } = understand(body);
    if (meaning === undefined) return 'ignored';
    const name = `${tenant}:${delivery.id}`;
    for (;;) {
      const other = underWay.get(name);
      if (other === undefined) break;
      // One that fails leaves the delivery to the next.
      if ((await other.catch(() => 'failed')) !== 'failed') return 'duplicate';
    }
    const outcome = applyOnce(name, meaning).finally(() => underWay.delete(name));
    underWay.set(name, outcome);
    return outcome;
  }

  async function outcomeOf(body: Buffer, signature: unknown): Promise<Outcome> {
    if (!isSigned(body, signature, secret)) return 'badSignature';
    try {
      return await take(body);
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'malformed') return 'malformed';
      log.error('a webhook could not be applied', { error });
      return 'failed';
    }
  }

  async function counted(body: Buffer, signature: unknown): Promise<Outcome> {
    const outcome = await outcomeOf(body, signature);
    outcomes[outcome] += 1;
    return outcome;
  }

  return {
    receive: (body, signature) =>
      new Promise((resolve) => {
        // Who is told to come again later finds it done, or finds that it was not.
        const cancel = clock.after(patienceMs, () => {
          resolve('underWay');
        });
        void counted(body, signature).then((outcome) => {
          cancel();
          resolve(outcome);
        });
      }),
    outcomes: () => outcomes,
  };
}
