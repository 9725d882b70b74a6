import { publicError } from '../graphql/errors.ts';
import type { PublicError } from '../graphql/errors.ts';
import type { SubscriptionResults } from '../graphql/subscriptions/run.ts';
import type { Clock } from '../lib/clock.ts';
import { Disposer } from '../lib/disposer.ts';
import { runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { CredentialsEnd } from './endOfCredentials.ts';
import { onCredentialsEnd } from './endOfCredentials.ts';

const responseTimeoutMs = 5_000;

const maxAttempts = 4;

const baseDelayMs = 200;

/** When in its period a heartbeat is sent, so that it arrives in time. */
const heartbeatFraction = 0.75;

const maxMissedHeartbeats = 3;

interface CallbackTarget {
  readonly url: string;
  readonly id: string;
  readonly verifier: string;
}

/** `rejected`: the router does not want further messages. `failed`: it could not be reached. */
type CallbackOutcome = 'accepted' | 'rejected' | 'failed';

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

/**
 * One subscription of the federation's HTTP callback protocol. It ends with its results, or when the router rejects a message or cannot
 * be reached.
 */
export class CallbackSubscription {
  readonly #options: CallbackSubscriptionOptions;
  readonly #held = new Disposer();
  #cancelHeartbeat: () => void = () => undefined;
  #missedHeartbeats = 0;

  constructor(options: CallbackSubscriptionOptions) {
    const { log, results } = options;
    this.#options = options;
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
    return (await this.#post({ action: 'check' })) === 'accepted';
  }

  start(credentials: CredentialsEnd): void {
    this.#scheduleHeartbeat();
    const end = (reason: string) => this.interrupt(publicError.unauthenticated(`${reason}.`));
    this.onEnd(onCredentialsEnd(credentials, end, this.#options.clock));
    this.#run(async () => {
      await this.#deliverResults();
      this.end();
    });
  }

  /** Ends the subscription because of an error. */
  interrupt(error: PublicError): void {
    this.#run(() => this.complete(error));
  }

  /** Ends the subscription because of an error. Resolves when the router received it. */
  async complete(error: PublicError): Promise<void> {
    if (this.#held.isDisposed) return;
    this.end();
    const errors = [error.format(this.#options.requestId)];
    await this.#post({ action: 'complete', errors });
  }

  async #deliverResults(): Promise<void> {
    for await (const payload of this.#options.results) {
      if (this.#held.isDisposed) return;
      if ((await this.#deliver({ action: 'next', payload })) !== 'accepted') return;
    }
    if (!this.#held.isDisposed) await this.#deliver({ action: 'complete' });
  }

  #scheduleHeartbeat(): void {
    const { heartbeatMs, clock } = this.#options;
    if (heartbeatMs === 0 || this.#held.isDisposed) return;
    this.#cancelHeartbeat = clock.after(heartbeatMs * heartbeatFraction, () =>
      this.#run(() => this.#sendHeartbeat()),
    );
  }

  async #sendHeartbeat(): Promise<void> {
    const outcome = await this.#post({ action: 'check' });
    this.#missedHeartbeats = outcome === 'failed' ? this.#missedHeartbeats + 1 : 0;
    if (outcome === 'rejected' || this.#missedHeartbeats === maxMissedHeartbeats) this.end();
    else this.#scheduleHeartbeat();
  }

  /** Retries with exponential backoff while the router cannot be reached. */
  async #deliver(message: object): Promise<CallbackOutcome> {
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await this.#post(message);
      if (outcome !== 'failed' || attempts === maxAttempts) return outcome;
      const delayMs = baseDelayMs * 2 ** (attempts - 1);
      await new Promise<void>((resolve) => void this.#options.clock.after(delayMs, resolve));
    }
  }

  /** Follows no redirect, because only the URL's own origin is allowed. */
  async #post(message: object): Promise<CallbackOutcome> {
    const { target, clock } = this.#options;
    const { url, ...identifiers } = target;
    const controller = new AbortController();
    const cancel = clock.after(responseTimeoutMs, () => controller.abort());
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

  #run(task: () => Promise<void>): void {
    const { log } = this.#options;
    runGuarded({ log, name: 'callback subscription', close: () => this.end() }, task);
  }
}
