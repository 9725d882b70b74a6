import { publicError } from '../graphql/errors.ts';
import type { PublicError } from '../graphql/errors.ts';
import type { SubscriptionResults } from '../graphql/subscriptions/run.ts';
import type { Clock } from '../lib/clock.ts';
import { Disposer } from '../lib/disposer.ts';
import { scheduleAt } from '../lib/scheduleAt.ts';
import { runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';

const responseTimeoutMs = 5_000;

const maxAttempts = 4;

const baseDelayMs = 200;

/** When in its period a heartbeat is sent, so that it arrives in time. */
const heartbeatFraction = 0.75;

const maxMissedHeartbeats = 3;

export interface CallbackTarget {
  readonly url: string;
  readonly id: string;
  readonly verifier: string;
}

/** `rejected`: the router does not want further messages. `failed`: it could not be reached. */
type CallbackOutcome = 'accepted' | 'rejected' | 'failed';

/** Posts the messages of one subscription of the federation's HTTP callback protocol. It follows no redirect. */
class CallbackClient {
  readonly #target: CallbackTarget;
  readonly #clock: Clock;

  constructor(target: CallbackTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  async post(message: object): Promise<CallbackOutcome> {
    const { url, ...identifiers } = this.#target;
    const controller = new AbortController();
    const cancel = this.#clock.after(responseTimeoutMs, () => controller.abort());
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'subscription-protocol': 'callback/1.0' },
        body: JSON.stringify({ kind: 'subscription', ...identifiers, ...message }),
        signal: controller.signal,
      });
      await response.body?.cancel();
      if (response.ok) return 'accepted';
      return response.status >= 500 ? 'failed' : 'rejected';
    } catch {
      return 'failed';
    } finally {
      cancel();
    }
  }

  /** Retries with exponential backoff while the router cannot be reached. */
  async deliver(message: object): Promise<CallbackOutcome> {
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await this.post(message);
      if (outcome !== 'failed' || attempts === maxAttempts) return outcome;
      await new Promise<void>(
        (resolve) => void this.#clock.after(baseDelayMs * 2 ** (attempts - 1), resolve),
      );
    }
  }
}

interface CallbackSubscriptionOptions {
  readonly target: CallbackTarget;
  /** Of the request that created the subscription. */
  readonly requestId: string;
  readonly results: SubscriptionResults;
  /** 0: no heartbeats. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** One subscription by callback. It ends with its results, or when the router rejects it or cannot be reached. */
export class CallbackSubscription {
  readonly #options: CallbackSubscriptionOptions;
  readonly #client: CallbackClient;
  readonly #held = new Disposer();
  #cancelHeartbeat: () => void = () => undefined;
  #missedHeartbeats = 0;

  constructor(options: CallbackSubscriptionOptions) {
    const { log, results, target, clock } = options;
    this.#options = options;
    this.#client = new CallbackClient(target, clock);
    this.onEnd(() => this.#cancelHeartbeat());
    this.onEnd(() => runGuarded({ log, name: 'callback results' }, () => results.return?.()));
  }

  onEnd(release: () => void): void {
    this.#held.add(release);
  }

  end(): void {
    this.#held.dispose();
  }

  /** Whether the router knows the subscription. */
  async check(): Promise<boolean> {
    return (await this.#client.post({ action: 'check' })) === 'accepted';
  }

  start(expiresAtMs: number | undefined): void {
    this.#scheduleHeartbeat();
    if (expiresAtMs !== undefined) {
      const expire = () =>
        this.#run(() =>
          this.complete(publicError.unauthenticated('The credentials have expired.')),
        );
      this.onEnd(scheduleAt(expiresAtMs, expire, this.#options.clock));
    }
    this.#run(async () => {
      await this.#deliverResults();
      this.end();
    });
  }

  /** Ends the subscription because of an error. Resolves when the router received it. */
  async complete(error: PublicError): Promise<void> {
    if (this.#held.isDisposed) return;
    this.end();
    const errors = [error.format(this.#options.requestId)];
    await this.#client.post({ action: 'complete', errors });
  }

  async #deliverResults(): Promise<void> {
    for await (const payload of this.#options.results) {
      if (this.#held.isDisposed) return;
      if ((await this.#client.deliver({ action: 'next', payload })) !== 'accepted') return;
    }
    if (!this.#held.isDisposed) await this.#client.deliver({ action: 'complete' });
  }

  #scheduleHeartbeat(): void {
    const { heartbeatMs, clock } = this.#options;
    if (heartbeatMs === 0 || this.#held.isDisposed) return;
    this.#cancelHeartbeat = clock.after(heartbeatMs * heartbeatFraction, () =>
      this.#run(() => this.#sendHeartbeat()),
    );
  }

  async #sendHeartbeat(): Promise<void> {
    const outcome = await this.#client.post({ action: 'check' });
    this.#missedHeartbeats = outcome === 'failed' ? this.#missedHeartbeats + 1 : 0;
    if (outcome === 'rejected' || this.#missedHeartbeats === maxMissedHeartbeats) this.end();
    else this.#scheduleHeartbeat();
  }

  #run(task: () => Promise<void>): void {
    const { log } = this.#options;
    runGuarded({ log, name: 'callback subscription', close: () => this.end() }, task);
  }
}
