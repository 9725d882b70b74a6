import { redisKey } from '../../redis/keys.ts';
import type { ClusterMembership } from './clusterMembership.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { Permit } from './limiter.ts';
import type { Lease } from './permitLog.ts';
import { PermitLog } from './permitLog.ts';
import type { InstanceReport, PermitWindow, PermitWindowOptions } from './permitWindow.ts';
import { createPermit, expectedResumeAt } from './permitWindow.ts';
import type { Charge } from './quotas.ts';
import type { StaticShare } from './staticShare.ts';
import { createStaticShare } from './staticShare.ts';
import type { ThrottleState, ThrottleToken, WindowLimit } from './throttle.ts';
import * as throttles from './throttle.ts';
import type { WindowSnapshot } from './windowSnapshot.ts';
import {
  emptySnapshot,
  encodeReport,
  heldAt,
  leaseId,
  parseAcquireReply,
  parseThrottle,
} from './windowSnapshot.ts';

interface RedisWindowOptions extends PermitWindowOptions {
  readonly cluster: ClusterMembership;
  readonly account: string;
}

/** An older snapshot is read again before a call is rejected because of it. */
const maxSnapshotAgeMs = 1_000;
/** Longer than the interval in which instances report. */
const reportTtlMs = 5_000;
const maxUpdateAttempts = 3;

/** What applies while Redis is unavailable: this instance's share of the limit, and the calls that it has made since. */
interface Fallback {
  readonly startedAt: number;
  readonly share: StaticShare;
}

/**
 * The permits of an account whose limit several instances share. Each instance decides which calls may start from what Redis last reported, and
 * Redis accepts the decision only if nothing has changed since. Without Redis each instance uses an equal share of the limit.
 */
export class RedisPermitWindow implements PermitWindow {
  readonly #options: RedisWindowOptions;
  readonly #windowLimit: WindowLimit;
  readonly #onChange: () => void;
  readonly #ownPermits: PermitLog;
  readonly #keys: readonly string[];
  #snapshot: WindowSnapshot;
  #fallback: Fallback | undefined;
  #pendingThrottleUpdates = 0;
  #leaseCount = 0;
  #completed: string[] = [];
  #usedAt: number;

  constructor(options: RedisWindowOptions, onChange: () => void) {
    const { account, limit, clock, windowMs } = options;
    this.#options = options;
    this.#windowLimit = { limit, windowMs };
    this.#onChange = onChange;
    this.#ownPermits = new PermitLog(options);
    this.#keys = [
      redisKey(account, 'leases'),
      redisKey(account, 'window'),
      redisKey(account, 'throttle'),
    ];
    // Until Redis has reported its time, it is assumed to be that of the wall clock.
    this.#snapshot = emptySnapshot(this.#windowLimit, clock.monotonic() - clock.now());
    this.#usedAt = clock.monotonic();
    this.changeMode();
  }

  state() {
    const now = this.#now();
    const { throttle, clockOffsetMs } = this.#snapshot;
    const fallback = this.#fallback;
    const pausedUntil = this.#localTime(throttle.pausedUntil);
    const toRedis = (time: number) => Math.floor(time - clockOffsetMs);
    const increases = throttles
      .recoveryTimes(throttle, toRedis(now), this.#windowLimit)
      .map((at) => at + clockOffsetMs);
    return {
      held: this.#held(),
      limitAt: (time: number) =>
        fallback === undefined
          ? throttles.adaptiveLimitAt(throttle, toRedis(time), this.#windowLimit)
          : fallback.share.capacity(time),
      limitIncreases: fallback === undefined ? increases : fallback.share.recoveryTimes(now),
      resumesAt: pausedUntil,
      expectedResumeAt: expectedResumeAt(pausedUntil, now),
      maxStartsNow: throttles.permitsAllowed(throttle, toRedis(now)),
    };
  }

  peers(): readonly InstanceReport[] {
    return this.#fallback === undefined ? this.#snapshot.peers : [];
  }

  acquire(
    charges: readonly Charge[],
    report: InstanceReport,
  ): Promise<readonly Permit[] | undefined> | readonly Permit[] {
    this.#usedAt = this.#now();
    return this.#fallback === undefined
      ? this.#acquireShared(charges, report)
      : charges.map((charge) => this.#startInFallback(charge));
  }

  nextWakeAt(): number {
    const now = this.#now();
    const { pausedUntil, probeUntil } = this.#snapshot.throttle;
    if (this.#localTime(pausedUntil) > now) return this.#localTime(pausedUntil);
    return this.#localTime(probeUntil) > now ? this.#localTime(probeUntil) : Infinity;
  }

  needsRefresh(): boolean {
    return (
      this.#fallback === undefined && this.#now() - this.#snapshot.receivedAt > maxSnapshotAgeMs
    );
  }

  async refresh(report: InstanceReport): Promise<void> {
    if (this.#fallback === undefined) await this.#runAcquire([], report);
  }

  isPaused(): boolean {
    return this.#snapshot.throttle.pausedUntil > 0;
  }

  isIdle(): boolean {
    return (
      this.#usedAt + this.#options.windowMs < this.#now() &&
      this.#held().length === 0 &&
      !this.isPaused()
    );
  }

  changeMode(): void {
    const { cluster, limit } = this.#options;
    if (cluster.mode() !== 'fallback') {
      this.#fallback = undefined;
      // Calls that started while the last report was on its way arrive before the next acquisition.
      if (cluster.mode() === 'distributed') void this.resync();
    } else if (this.#fallback === undefined) {
      const startedAt = this.#now();
      const adaptiveLimit = () =>
        limit === 0
          ? Infinity
          : throttles.adaptiveLimitAt(this.#snapshot.throttle, this.#redisNow(), this.#windowLimit);
      const share = createStaticShare({
        adaptiveLimit,
        instanceCount: cluster.instanceCount(),
        heldReleaseTimes: this.#snapshot.held
          .map(({ releasesAt }) => releasesAt)
          .filter((at) => at > startedAt)
          .toSorted((one, other) => one - other),
      });
      this.#fallback = { startedAt, share };
    }
    this.#onChange();
  }

  /** Sends all that Redis should know of this instance's calls; whether it arrived. */
  async resync(): Promise<boolean> {
    const { cluster, windowMs, leaseTtlMs } = this.#options;
    const now = this.#now();
    const leases = this.#ownPermits
      .all()
      .flatMap(({ id, releasesAt }) => [id, Math.ceil(releasesAt - now)]);
    const [leasesKey = '', , throttleKey = ''] = this.#keys;
    const reply = await cluster.runScript(
      'resync',
      [leasesKey, throttleKey],
      [
        cluster.instanceId,
        leaseTtlMs + windowMs,
        JSON.stringify(this.#snapshot.throttle),
        ...leases,
      ],
    );
    return reply !== undefined;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #redisNow(): number {
    return Math.ceil(this.#now() - this.#snapshot.clockOffsetMs);
  }

  /** 0 stays 0: it means that there is no such time. */
  #localTime(redisTime: number): number {
    return redisTime === 0 ? 0 : redisTime + this.#snapshot.clockOffsetMs;
  }

  #held(): readonly HeldPermit[] {
    const fallback = this.#fallback;
    if (fallback === undefined) return heldAt(this.#snapshot, this.#now(), this.#options.windowMs);
    const latest = this.#now() + this.#options.windowMs;
    return this.#ownPermits
      .all()
      .filter(({ sentAt }) => sentAt >= fallback.startedAt)
      .map(({ charge, releasesAt }) => ({ charge, releasesAt: Math.min(releasesAt, latest) }))
      .toSorted((one, other) => one.releasesAt - other.releasesAt);
  }

  async #acquireShared(
    charges: readonly Charge[],
    report: InstanceReport,
  ): Promise<readonly Permit[] | undefined> {
    const leases = charges.map((charge) => ({ charge, id: this.#nextLeaseId(charge) }));
    const isGranted = await this.#runAcquire(
      leases.map(({ id }) => id),
      report,
    );
    return isGranted ? leases.map(({ id, charge }) => this.#start(id, charge)) : undefined;
  }

  #nextLeaseId(charge: Charge): string {
    this.#leaseCount += 1;
    return leaseId(`${this.#options.cluster.instanceId}:${this.#leaseCount}`, charge);
  }

  /** Whether Redis has added the leases to the window. */
  async #runAcquire(leases: readonly string[], report: InstanceReport): Promise<boolean> {
    const { cluster, windowMs, leaseTtlMs } = this.#options;
    const { version = -1, throttle } = this.#snapshot;
    const sentAt = this.#now();
    const limit = throttles.adaptiveLimitAt(throttle, this.#redisNow(), this.#windowLimit);
    const reply = await cluster.runScript('acquirePermits', this.#keys, [
      cluster.instanceId,
      version,
      throttle.version,
      limit,
      windowMs,
      leaseTtlMs,
      reportTtlMs,
      encodeReport(report),
      ...leases,
    ]);
    if (reply === undefined) return false;
    const { isGranted, snapshot } = parseAcquireReply(reply, {
      sentAt,
      receivedAt: this.#now(),
      windowLimit: this.#windowLimit,
    });
    // A throttle that is being changed here is newer than the one that was read.
    this.#snapshot = this.#pendingThrottleUpdates > 0 ? { ...snapshot, throttle } : snapshot;
    return isGranted;
  }

  #startInFallback(charge: Charge): Permit {
    if (this.isPaused()) {
      const probeUntil = this.#redisNow() + this.#options.leaseTtlMs;
      this.#updateThrottle((throttle) => throttles.startProbe(throttle, probeUntil));
    }
    return this.#start(this.#nextLeaseId(charge), charge);
  }

  #start(id: string, charge: Charge): Permit {
    const token = throttles.createToken(this.#snapshot.throttle);
    const lease = this.#ownPermits.add(id, charge);
    return createPermit((retryAfterMs, isThrottled) => {
      if (isThrottled) this.#recordThrottled(lease, token, retryAfterMs);
      this.#complete(lease, token);
    });
  }

  #complete(lease: Lease, token: ThrottleToken): void {
    this.#ownPermits.complete(lease);
    if (this.#options.cluster.mode() === 'distributed') this.#reportCompletion(lease);
    this.#updateThrottle((throttle) => throttles.recordResponse(throttle, token, this.#redisNow()));
    this.#onChange();
  }

  /** Sends the completions of one turn of the event loop in one command. After an outage `resync` sends them. */
  #reportCompletion({ id }: Lease): void {
    if (this.#completed.length === 0) queueMicrotask(() => this.#flushCompletions());
    this.#completed.push(id);
  }

  #flushCompletions(): void {
    const { cluster, windowMs } = this.#options;
    const leases = this.#completed;
    this.#completed = [];
    const [leasesKey = ''] = this.#keys;
    if (cluster.mode() === 'distributed')
      void cluster.runScript('completeLeases', [leasesKey], [windowMs, leases.length, ...leases]);
  }

  #recordThrottled(lease: Lease, token: ThrottleToken, retryAfterMs: number | undefined): void {
    lease.isThrottled = true;
    this.#ownPermits.complete(lease);
    const accepted = this.#ownPermits.countAccepted();
    const ofPeers =
      this.#fallback === undefined ? this.#held().length - this.#ownPermits.count() : 0;
    const observedThroughput = Math.max(0, ofPeers) + accepted;
    // Rather paused slightly too long than resumed too early.
    const now = this.#redisNow() + Math.ceil(this.#snapshot.roundTripMs);
    const response = { token, now, retryAfterMs, observedThroughput };
    this.#updateThrottle((throttle) =>
      throttles.recordThrottled(throttle, response, this.#windowLimit),
    );
  }

  /** Applies a change here at once, and in Redis to whatever is stored there by then. */
  #updateThrottle(update: (throttle: ThrottleState) => ThrottleState): void {
    const before = this.#snapshot.throttle;
    const after = update(before);
    if (after === before) return;
    this.#snapshot = { ...this.#snapshot, throttle: after };
    if (this.#options.cluster.mode() !== 'distributed') return;
    this.#pendingThrottleUpdates += 1;
    void this.#sendThrottle(before, update).then((throttle) => {
      this.#pendingThrottleUpdates -= 1;
      if (throttle === undefined || this.#pendingThrottleUpdates > 0) return;
      this.#snapshot = { ...this.#snapshot, throttle };
      this.#onChange();
    });
  }

  /** The throttle as it is afterwards; undefined without a reply. */
  async #sendThrottle(
    before: ThrottleState,
    update: (throttle: ThrottleState) => ThrottleState,
  ): Promise<ThrottleState | undefined> {
    const [, , throttleKey = ''] = this.#keys;
    let current = before;
    for (let attempts = 0; attempts < maxUpdateAttempts; attempts += 1) {
      const after = update(current);
      if (after === current) break;
      const reply = await this.#options.cluster.runScript(
        'updateThrottle',
        [throttleKey],
        [current.version, JSON.stringify(after)],
      );
      if (reply === undefined) return undefined;
      current = parseThrottle(reply[1], this.#windowLimit);
      if (reply[0] === 1) break;
    }
    return current;
  }
}
