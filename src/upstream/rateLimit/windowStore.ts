import type { InstanceMembership } from '../../redis/instanceMembership.ts';
import { redisKey } from '../../redis/keys.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { InstanceReport, Lease, PermitWindowOptions } from './permitWindow.ts';
import type { ThrottleState } from './throttleState.ts';
import type { AcquireReply, StoredPermit } from './windowSnapshot.ts';
import { encodeReport, parseAcquireReply, parseThrottle } from './windowSnapshot.ts';

export interface WindowStoreOptions extends PermitWindowOptions {
  readonly instances: InstanceMembership;
  readonly account: string;
}

interface Acquisition {
  readonly leases: readonly string[];
  readonly report: InstanceReport;
  /** The version of the window on which the decision is based; undefined if it was never read. */
  readonly version: number | undefined;
  readonly throttleVersion: number;
  readonly limit: number;
  /** The number of permits that must be in the window. */
  readonly expectedCount: number;
}

interface Restoration {
  readonly own: readonly Lease[];
  readonly others: readonly StoredPermit[];
  readonly throttle: ThrottleState;
  /** How long no instance takes permits from the window. */
  readonly recoveryMs: number;
}

/** Longer than the interval in which instances report. */
const reportTtlMs = 5_000;
const maxUpdateAttempts = 3;

/** The permits and the throttle of one account in Redis. No method rejects; `undefined` means that Redis did not reply. */
export class WindowStore {
  readonly #options: WindowStoreOptions;
  readonly #leases: string;
  readonly #window: string;
  readonly #throttle: string;

  constructor(options: WindowStoreOptions) {
    const { account } = options;
    this.#options = options;
    this.#leases = redisKey(account, 'leases');
    this.#window = redisKey(account, 'window');
    this.#throttle = redisKey(account, 'throttle');
  }

  async acquire(acquisition: Acquisition): Promise<AcquireReply | undefined> {
    const { leases, report, version, throttleVersion, limit, expectedCount } = acquisition;
    const { instances, clock, windowMs, leaseTtlMs } = this.#options;
    const sentAt = clock.monotonic();
    const reply = await instances.runScript(
      'acquirePermits',
      [this.#leases, this.#window, this.#throttle],
      [
        instances.instanceId,
        version ?? -1,
        throttleVersion,
        limit,
        windowMs,
        leaseTtlMs,
        reportTtlMs,
        encodeReport(report),
        expectedCount,
        ...leases,
      ],
    );
    const receivedAt = clock.monotonic();
    return reply && parseAcquireReply(reply, { sentAt, receivedAt, windowLimit: this.#options });
  }

  complete(leases: readonly string[]): void {
    const { instances, windowMs } = this.#options;
    void instances.runScript(
      'completeLeases',
      [this.#leases],
      [windowMs, leases.length, ...leases],
    );
  }

  /** Whether Redis has stored it. */
  async restore({ own, others, throttle, recoveryMs }: Restoration): Promise<boolean> {
    const { instances, clock, windowMs, leaseTtlMs } = this.#options;
    const now = clock.monotonic();
    const encode = ({ id, releasesAt }: HeldPermit & { readonly id: string }) => [
      id,
      Math.ceil(releasesAt - now),
    ];
    const reply = await instances.runScript(
      'resync',
      [this.#leases, this.#throttle, this.#window],
      [
        instances.instanceId,
        leaseTtlMs + windowMs,
        JSON.stringify(throttle),
        recoveryMs,
        own.length,
        ...own.flatMap(encode),
        ...others.flatMap(encode),
      ],
    );
    if (reply === undefined) return false;
    for (const lease of own) lease.isStored = true;
    return true;
  }

  /** Applies a change to whatever Redis stores by then, and returns the throttle as it is afterwards. */
  async updateThrottle(
    before: ThrottleState,
    update: (throttle: ThrottleState) => ThrottleState,
  ): Promise<ThrottleState | undefined> {
    let current = before;
    for (let attempts = 0; attempts < maxUpdateAttempts; attempts += 1) {
      const after = update(current);
      if (after === current) break;
      const reply = await this.#options.instances.runScript(
        'updateThrottle',
        [this.#throttle],
        [current.version, JSON.stringify(after)],
      );
      if (reply === undefined) return undefined;
      current = parseThrottle(reply[1], this.#options);
      if (reply[0] === 1) break;
    }
    return current;
  }
}
