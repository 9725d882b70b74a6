import type { ClusterMembership } from '../../redis/clusterMembership.ts';
import { redisKey } from '../../redis/keys.ts';
import { FallbackShare } from './fallbackShare.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { Permit } from './limiter.ts';
import type { InstanceReport, Lease, PermitWindow, PermitWindowOptions } from './permitWindow.ts';
import { createPermit, PermitLog } from './permitWindow.ts';
import type { Charge } from './quotas.ts';
import type { ThrottleState } from './throttle.ts';
import { Throttle } from './throttle.ts';
import {
  emptyWindowSnapshot,
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

/**
 * The permits of an account whose limit several instances share. Each instance decides which calls may start from what Redis last reported, and
 * Redis accepts the decision only if nothing has changed since. Without Redis each instance uses an equal share of the limit.
 */
export class RedisPermitWindow implements PermitWindow {
  readonly #options: RedisWindowOptions;
  readonly #onChange: () => void;
  readonly #ownPermits: PermitLog;
  readonly #keys: Readonly<Record<'leases' | 'window' | 'throttle', string>>;
  readonly #throttle: Throttle;
  #snapshot = emptyWindowSnapshot;
  /** Undefined while the limit is shared. */
  #fallback: FallbackShare | undefined;
  #leaseCount = 0;
  #completed: string[] = [];
  #usedAt: number;

  constructor(options: RedisWindowOptions, onChange: () => void) {
    const { account, clock } = options;
    this.#options = options;
    this.#onChange = onChange;
    this.#ownPermits = new PermitLog(options);
    this.#keys = {
      leases: redisKey(account, 'leases'),
      window: redisKey(account, 'window'),
      throttle: redisKey(account, 'throttle'),
    };
    this.#throttle = new Throttle(
      {
        clock,
        windowLimit: options,
        share: (before, update) =>
          this.#isShared() ? this.#shareThrottle(before, update) : undefined,
        onChange,
      },
      // Until Redis has reported its time, it is assumed to be that of the wall clock.
      clock.monotonic() - clock.now(),
    );
    this.#usedAt = clock.monotonic();
    this.changeMode();
  }

  state() {
    const plan = this.#throttle.plan();
    const fallback = this.#fallback;
    return {
      ...plan,
      held: this.#held(),
      limitAt: (time: number) => fallback?.capacity(time) ?? this.#throttle.limitAt(time),
      limitIncreases: fallback?.increases(this.#now()) ?? plan.limitIncreases,
    };
  }

  peers(): readonly InstanceReport[] {
    return this.#fallback === undefined ? this.#snapshot.peers : [];
  }

  acquire(
    charges: readonly Charge[],
    report: () => InstanceReport,
  ): Promise<readonly Permit[] | undefined> | readonly Permit[] {
    this.#usedAt = this.#now();
    return this.#fallback === undefined
      ? this.#acquireShared(charges, report)
      : charges.map((charge) => this.#startInFallback(charge));
  }

  nextWakeAt(): number {
    return this.#throttle.nextChangeAt();
  }

  needsRefresh(): boolean {
    const ageMs = this.#now() - this.#snapshot.receivedAt;
    return this.#fallback === undefined && ageMs > maxSnapshotAgeMs;
  }

  async refresh(report: () => InstanceReport): Promise<void> {
    if (this.#fallback === undefined) await this.#runAcquire([], report());
  }

  isPaused(): boolean {
    return this.#throttle.isPaused();
  }

  isUnlimited(): boolean {
    return false;
  }

  isIdle(): boolean {
    const isUsed = this.#usedAt + this.#options.windowMs >= this.#now();
    return !isUsed && this.#held().length === 0 && !this.isPaused();
  }

  changeMode(): void {
    const { cluster } = this.#options;
    if (cluster.mode() !== 'fallback') {
      this.#fallback = undefined;
      // Calls that started while the last report was on its way arrive before the next acquisition.
      if (this.#isShared()) void this.resync();
    } else {
      this.#fallback ??= new FallbackShare({
        limitNow: () => this.#throttle.limitAt(this.#now()),
        instanceCount: cluster.instanceCount(),
        startedAt: this.#now(),
        held: this.#snapshot.held,
      });
    }
    this.#onChange();
  }

  /** Sends all that Redis should know of this instance's calls; whether it arrived. */
  async resync(): Promise<boolean> {
    const { cluster, windowMs, leaseTtlMs } = this.#options;
    const { leases, throttle } = this.#keys;
    const now = this.#now();
    const reply = await cluster.runScript(
      'resync',
      [leases, throttle],
      [
        cluster.instanceId,
        leaseTtlMs + windowMs,
        JSON.stringify(this.#throttle.state),
        ...this.#ownPermits
          .all()
          .flatMap(({ id, releasesAt }) => [id, Math.ceil(releasesAt - now)]),
      ],
    );
    return reply !== undefined;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #isShared(): boolean {
    return this.#options.cluster.mode() === 'distributed';
  }

  #held(): readonly HeldPermit[] {
    const { windowMs } = this.#options;
    return this.#fallback === undefined
      ? heldAt(this.#snapshot, this.#now(), windowMs)
      : this.#fallback.held(this.#ownPermits.all(), this.#now() + windowMs);
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
    return isGranted ? leases.map(({ id, charge }) => this.#start(id, charge)) : undefined;
  }

  #nextLeaseId(charge: Charge): string {
    this.#leaseCount += 1;
    return leaseId(`${this.#options.cluster.instanceId}:${this.#leaseCount}`, charge);
  }

  /** Whether Redis has added the leases to the window. */
  async #runAcquire(leases: readonly string[], report: InstanceReport): Promise<boolean> {
    const { cluster, windowMs, leaseTtlMs } = this.#options;
    const sentAt = this.#now();
    const reply = await cluster.runScript('acquirePermits', Object.values(this.#keys), [
      cluster.instanceId,
      this.#snapshot.version ?? -1,
      this.#throttle.state.version,
      this.#throttle.limitAt(sentAt),
      windowMs,
      leaseTtlMs,
      reportTtlMs,
      encodeReport(report),
      ...leases,
    ]);
    if (reply === undefined) return false;
    const { isGranted, snapshot, throttle, clockOffsetMs } = parseAcquireReply(reply, {
      sentAt,
      receivedAt: this.#now(),
      windowLimit: this.#options,
    });
    this.#snapshot = snapshot;
    this.#throttle.receive(throttle, clockOffsetMs);
    return isGranted;
  }

  #startInFallback(charge: Charge): Permit {
    if (this.isPaused()) this.#throttle.startProbe(this.#options.leaseTtlMs);
    return this.#start(this.#nextLeaseId(charge), charge);
  }

  #start(id: string, charge: Charge): Permit {
    const token = this.#throttle.token();
    const lease = this.#ownPermits.add(id, charge);
    return createPermit((retryAfterMs, isThrottled) => {
      this.#ownPermits.complete(lease, isThrottled);
      if (this.#isShared()) this.#reportCompletion(lease);
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
      this.#fallback === undefined ? this.#held().length - this.#ownPermits.count() : 0;
    return Math.max(0, ofPeers) + this.#ownPermits.countAccepted();
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
    if (this.#isShared())
      void cluster.runScript(
        'completeLeases',
        [this.#keys.leases],
        [windowMs, leases.length, ...leases],
      );
  }

  /** Applies a change to whatever Redis stores by then, and returns the throttle as it is afterwards; undefined without a reply. */
  async #shareThrottle(
    before: ThrottleState,
    update: (throttle: ThrottleState) => ThrottleState,
  ): Promise<ThrottleState | undefined> {
    let current = before;
    for (let attempts = 0; attempts < maxUpdateAttempts; attempts += 1) {
      const after = update(current);
      if (after === current) break;
      const reply = await this.#options.cluster.runScript(
        'updateThrottle',
        [this.#keys.throttle],
        [current.version, JSON.stringify(after)],
      );
      if (reply === undefined) return undefined;
      current = parseThrottle(reply[1], this.#options);
      if (reply[0] === 1) break;
    }
    return current;
  }
}
