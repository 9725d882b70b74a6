import type { Clock } from '../lib/clock.ts';
import { ExpiringMap } from '../lib/expiringMap.ts';
import type { RedisConnections } from '../redis/connection.ts';
import { hashedName, redisKey } from '../redis/keys.ts';

type ReportedChange =
  | { readonly by: 'write'; readonly startedAtMs: number; readonly endedAtMs: number }
  | { readonly by: 'webhook'; readonly receivedAtMs: number };

/** How long after a write its webhook is recognized. */
const writeTtlMs = 120_000;
/** Longer than a write takes: its webhook may arrive before its response. */
const webhookTtlMs = 15_000;
/** Between the time in a webhook and that of the write: HelpCrunch reports some seconds late, and clocks differ. */
const toleranceMs = 10_000;
const maxChanges = 10_000;
/** Between the clocks of two instances. */
const instanceSkewMs = 1_000;

/**
 * Recognizes changes that the gateway receives twice, from its own write and from the webhook that HelpCrunch sends for it. Whichever
 * comes first is published. A name states the entity, what changed, and the new value, and is used up by one repetition.
 */
export class ChangeDeduplicator {
  readonly #local: ExpiringMap<ReportedChange>;
  readonly #clock: Clock;
  readonly #redis: RedisConnections | undefined;

  constructor(clock: Clock, redis?: RedisConnections) {
    this.#clock = clock;
    this.#redis = redis;
    this.#local = new ExpiringMap(clock, maxChanges);
  }

  /** Whether a webhook has reported the change since the write started. */
  async deduplicateWrite(
    account: string,
    names: readonly string[],
    startedAtMs: number,
  ): Promise<boolean> {
    if (names.length === 0) return false;
    const [from, to] = [Math.floor(startedAtMs), Math.floor(this.#clock.now())];
    const reply = await this.#redis?.runScript(
      'recordWrite',
      names.map((name) => this.#keyOf(account, name)),
      [from, to, writeTtlMs, instanceSkewMs],
    );
    if (reply !== undefined) return reply === 1;
    return names
      .map((name) => this.#deduplicateWriteLocally(this.#keyOf(account, name), from, to))
      .includes(true);
  }

  /** Whether a write of the gateway has published the change. */
  async deduplicateWebhook(account: string, name: string, changedAtMs: number): Promise<boolean> {
    const key = this.#keyOf(account, name);
    const at = Math.floor(changedAtMs);
    const receivedAtMs = Math.floor(this.#clock.now());
    const reply = await this.#redis?.runScript(
      'recordWebhook',
      [key],
      [at, receivedAtMs, webhookTtlMs, toleranceMs],
    );
    if (reply !== undefined) return reply === 1;
    const change = this.#local.get(key);
    if (change?.by !== 'write') {
      this.#local.set(key, { by: 'webhook', receivedAtMs }, webhookTtlMs);
      return false;
    }
    const { startedAtMs, endedAtMs } = change;
    if (at < startedAtMs - toleranceMs || at > endedAtMs + toleranceMs) return false;
    return this.#local.delete(key);
  }

  #deduplicateWriteLocally(key: string, startedAtMs: number, endedAtMs: number): boolean {
    const change = this.#local.get(key);
    if (change?.by === 'webhook' && change.receivedAtMs >= startedAtMs)
      return this.#local.delete(key);
    this.#local.set(key, { by: 'write', startedAtMs, endedAtMs }, writeTtlMs);
    return false;
  }

  #keyOf = (account: string, name: string) => redisKey(account, 'repetition', hashedName(name));
}
