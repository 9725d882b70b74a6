import type { FallbackShare } from './fallbackShare.ts';
import type { WindowTiming } from './permitWindow.ts';

interface LossRecoveryOptions extends WindowTiming {
  readonly createShare: () => FallbackShare;
  /** Called at the beginning of a recovery from a loss that this instance has noticed. */
  readonly onLoss: () => void;
}

/** How long the first recovery takes. Each further one within a window takes twice as long, up to a window. */
const minRecoveryMs = 3_000;
/** The end of a recovery, in which no call starts: longer than the interval in which instances restore their permits. */
const quietMs = 1_500;

/** The time in which all instances restore permits that Redis has lost. */
export class LossRecovery {
  readonly #options: LossRecoveryOptions;
  #endsAt = -Infinity;
  #share: FallbackShare | undefined;
  #durationMs = minRecoveryMs;

  constructor(options: LossRecoveryOptions) {
    this.#options = options;
  }

  /** When instances take permits from Redis again, or did. */
  get endsAt(): number {
    return this.#endsAt;
  }

  isActive(): boolean {
    return this.#now() < this.#endsAt;
  }

  /** What the instance uses until shortly before the end; undefined afterwards. */
  share(): FallbackShare | undefined {
    return this.#now() < this.#endsAt - quietMs ? this.#share : undefined;
  }

  /** Starts a recovery, or prolongs it. Returns its duration. */
  recordLoss(): number {
    const { windowMs, onLoss } = this.#options;
    if (!this.isActive()) {
      const isRepeated = this.#now() < this.#endsAt + windowMs;
      this.#durationMs = isRepeated ? Math.min(2 * this.#durationMs, windowMs) : minRecoveryMs;
      onLoss();
    }
    this.join(this.#durationMs);
    return this.#durationMs;
  }

  /** Takes part in a recovery that ends after this time or later. */
  join(remainingMs: number): void {
    if (!this.isActive()) this.#share = this.#options.createShare();
    this.#endsAt = Math.max(this.#endsAt, this.#now() + remainingMs);
  }

  cancel(): void {
    this.#endsAt = Math.min(this.#endsAt, this.#now());
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
