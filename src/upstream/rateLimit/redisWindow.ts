import { FallbackShare } from './fallbackShare.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { Permit } from './limiter.ts';
import { LossRecovery } from './lossRecovery.ts';
import {
  hasLostPermits,
  mergePermits,
  permitsExpectedInRedis,
  clockDriftToleranceMs,
} from './permitLoss.ts';
import type { InstanceReport, Lease, PermitWindow } from './permitWindow.ts';
import { createPermit, PermitLog } from './permitWindow.ts';
import type { Charge } from './quotas.ts';
import { Throttle } from './throttle.ts';
import type { AcquireReply } from './windowSnapshot.ts';
import { emptyWindowSnapshot, heldAt, leaseId } from './windowSnapshot.ts';
import type { WindowStoreOptions } from './windowStore.ts';
import { WindowStore } from './windowStore.ts';

interface RedisWindowOptions extends WindowStoreOptions {
  readonly onPermitsLost: (account: string) => void;
}

/** An older snapshot is read again before a call is rejected because of it. */
const maxSnapshotAgeMs = 1_000;
/**
 * The permits of an account whose limit several instances share. Each instance decides which calls may start from what Redis last reported, and
 * Redis accepts the decision only if nothing has changed since. Without Redis, and while permits that Redis has lost are restored, each instance
 * uses an equal share of the limit.
 */
export class RedisPermitWindow implements PermitWindow {
  readonly #options: RedisWindowOptions;
  readonly #onChange: () => void;
  readonly #store: WindowStore;
  readonly #ownPermits: PermitLog;
  readonly #throttle: Throttle;
  readonly #recovery: LossRecovery;
  #snapshot = emptyWindowSnapshot;
  /** Undefined unless Redis is unavailable. */
  #outageShare: FallbackShare | undefined;
  #leaseCount = 0;
  #completed: string[] = [];
  #usedAt: number;

  constructor(options: RedisWindowOptions, onChange: () => void) {
    const { account, clock, onPermitsLost } = options;
    this.#options = options;
    this.#onChange = onChange;
    this.#store = new WindowStore(options);
    this.#ownPermits = new PermitLog(options);
    this.#throttle = new Throttle(
      {
        clock,
        windowLimit: options,
        share: (before, update) =>
          this.#isConnected() ? this.#store.updateThrottle(before, update) : undefined,
        onChange,
      },
      // Until Redis has reported its time, it is assumed to be that of the wall clock.
      clock.monotonic() - clock.now(),
    );
    this.#recovery = new LossRecovery({
      ...options,
      createShare: () => this.#createFallback(),
      onLoss: () => onPermitsLost(account),
    });
    this.#usedAt = clock.monotonic();
    this.applyMode();
  }

  state() {
    const plan = this.#throttle.plan();
    const fallback = this.#fallback();
    const startsAt =
      fallback === undefined && this.#recovery.isActive() ? this.#recovery.endsAt : 0;
    return {
      ...plan,
      resumesAt: Math.max(plan.resumesAt, startsAt),
      expectedResumeAt: Math.max(plan.expectedResumeAt, startsAt),
      held: this.#held(),
      limitAt: (time: number) => fallback?.capacity(time) ?? this.#throttle.limitAt(time),
      limitIncreases: fallback?.increases(this.#now()) ?? plan.limitIncreases,
    };
  }

  peers(): readonly InstanceReport[] {
    return this.#fallback() === undefined ? this.#snapshot.peers : [];
  }

  acquire(
    charges: readonly Charge[],
    report: () => InstanceReport,
  ): Promise<readonly Permit[] | undefined> | readonly Permit[] {
    this.#usedAt = this.#now();
    return this.#fallback() === undefined
      ? this.#acquireShared(charges, report)
      : charges.map((charge) => this.#startInFallback(charge));
  }

  nextWakeAt(): number {
    return this.#throttle.nextChangeAt();
  }

  needsRefresh(): boolean {
    const ageMs = this.#now() - this.#snapshot.receivedAt;
    return this.#fallback() === undefined && ageMs > maxSnapshotAgeMs;
  }

  async refresh(report: () => InstanceReport): Promise<void> {
    if (this.#outageShare !== undefined) return;
    await this.#runAcquire([], report());
    if (this.#recovery.isActive()) await this.resync();
  }

  isPaused(): boolean {
    return this.#throttle.isPaused();
  }

  isUnlimited(): boolean {
    return false;
  }

  isIdle(): boolean {
    const isUsed = this.#usedAt + this.#options.windowMs >= this.#now();
    return !isUsed && this.#held().length === 0 && !this.isPaused() && !this.#recovery.isActive();
  }

  /** Whether the instances share the limit at this moment. */
  isShared(): boolean {
    return this.#isConnected() && !this.#recovery.isActive();
  }

  applyMode(): void {
    this.#recovery.cancel();
    if (this.#options.instances.mode() !== 'fallback') {
      this.#outageShare = undefined;
      // Calls that started while the last report was on its way arrive before the next acquisition.
      if (this.#isConnected()) void this.resync();
    } else {
      this.#outageShare ??= this.#createFallback();
    }
    this.#onChange();
  }

  /** Sends all that Redis should know of this instance's calls, and what it may have lost of others; whether it arrived. */
  resync(lossRecoveryMs = 0): Promise<boolean> {
    const ownName = `${this.#options.instances.instanceId}:`;
    return this.#store.restore({
      own: this.#ownPermits.all(),
      others: mergePermits(this.#now(), this.#snapshot.held).filter(
        ({ id }) => !id.startsWith(ownName),
      ),
      throttle: this.#throttle.state,
      recoveryMs: lossRecoveryMs,
    });
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #isConnected(): boolean {
    return this.#options.instances.mode() === 'distributed';
  }

  /** Undefined while permits are taken from Redis. */
  #fallback(): FallbackShare | undefined {
    return this.#outageShare ?? this.#recovery.share();
  }

  #createFallback(): FallbackShare {
    const now = this.#now();
    return new FallbackShare({
      limitNow: () => this.#throttle.limitAt(this.#now()),
      instanceCount: this.#options.instances.instanceCount(),
      startedAt: now,
      held: mergePermits(now, this.#snapshot.held, this.#ownPermits.all()),
    });
  }

  #held(): readonly HeldPermit[] {
    const { windowMs } = this.#options;
    return (
      this.#fallback()?.held(this.#ownPermits.all(), this.#now() + windowMs) ??
      heldAt(this.#snapshot, this.#now(), windowMs)
    );
  }

  async #acquireShared(
    charges: readonly Charge[],
    report: () => InstanceReport,
  ): Promise<readonly Permit[] | undefined> {
    const leases = charges.map((charge) => ({ charge, id: this.#nextLeaseId(charge) }));
    const isGranted = await this.#runAcquire(
      leases.map(({ id }) => id),
      report(),
    );
    return isGranted ? leases.map(({ id, charge }) => this.#start(id, charge, true)) : undefined;
  }

  #nextLeaseId(charge: Charge): string {
    this.#leaseCount += 1;
    return leaseId(`${this.#options.instances.instanceId}:${this.#leaseCount}`, charge);
  }

  /** Whether Redis has added the leases to the window. */
  async #runAcquire(leases: readonly string[], report: InstanceReport): Promise<boolean> {
    const now = this.#now();
    const reply = await this.#store.acquire({
      leases,
      report,
      version: this.#snapshot.version,
      throttleVersion: this.#throttle.state.version,
      limit: this.#throttle.limitAt(now),
      expectedCount: permitsExpectedInRedis(this.#snapshot, now, this.#options.windowMs).length,
    });
    if (reply === undefined) return false;
    const isLost = this.#isConnected() && this.#hasLost(reply);
    if (!isLost) this.#throttle.receive(reply.throttle, reply.clockOffsetMs);
    if (!isLost && reply.recoveryMs === 0 && !this.#recovery.isActive()) {
      this.#snapshot = reply.snapshot;
      return reply.isGranted;
    }
    this.#recover(reply, isLost);
    return false;
  }

  #hasLost({ snapshot, throttle, recoveryMs: remainingMs }: AcquireReply): boolean {
    const { windowMs } = this.#options;
    const now = this.#now();
    const isRecoveryLost = remainingMs === 0 && now + clockDriftToleranceMs < this.#recovery.endsAt;
    const known = { snapshot: this.#snapshot, own: this.#ownPermits.all(), now, windowMs };
    return isRecoveryLost || this.#throttle.isLostIn(throttle) || hasLostPermits(known, snapshot);
  }

  /** Restores lost permits, or lets other instances restore theirs. A loss during a recovery prolongs it. */
  #recover({ snapshot, recoveryMs }: AcquireReply, isLost: boolean): void {
    this.#snapshot = {
      ...snapshot,
      held: mergePermits(this.#now(), snapshot.held, this.#snapshot.held),
    };
    if (isLost) {
      this.#throttle.expectRestored();
      void this.resync(this.#recovery.recordLoss());
    } else this.#recovery.join(recoveryMs - snapshot.roundTripMs);
    this.#onChange();
  }

  #startInFallback(charge: Charge): Permit {
    if (this.isPaused()) this.#throttle.startProbe(this.#options.leaseTtlMs);
    return this.#start(this.#nextLeaseId(charge), charge, false);
  }

  #start(id: string, charge: Charge, isStored: boolean): Permit {
    const token = this.#throttle.atStart();
    const lease = this.#ownPermits.add(id, charge);
    lease.isStored = isStored;
    return createPermit((retryAfterMs, isThrottled) => {
      this.#ownPermits.complete(lease, isThrottled);
      if (this.#isConnected()) this.#reportCompletion(lease);
      if (isThrottled) {
        const observedThroughput = this.#observedThroughput();
        // Rather paused slightly too long than resumed too early.
        const delayMs = Math.ceil(this.#snapshot.roundTripMs);
        this.#throttle.recordThrottled({ token, retryAfterMs, observedThroughput }, delayMs);
      } else this.#throttle.recordResponse(token);
      this.#onChange();
    });
  }

  #observedThroughput(): number {
    const ofPeers =
      this.#fallback() === undefined ? this.#held().length - this.#ownPermits.count() : 0;
    return Math.max(0, ofPeers) + this.#ownPermits.countAccepted();
  }

  /** Sends the completions of one turn of the event loop in one command. After an outage `resync` sends them. */
  #reportCompletion({ id }: Lease): void {
    if (this.#completed.length === 0) queueMicrotask(() => this.#flushCompletions());
    this.#completed.push(id);
  }

  #flushCompletions(): void {
    const leases = this.#completed;
    this.#completed = [];
    if (this.#isConnected()) this.#store.complete(leases);
  }
}
