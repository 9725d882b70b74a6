import type { Clock } from '../support/clock.ts';
import { UpstreamError } from './errors.ts';

/** How a try went, as far as the helpdesk's health is concerned; `unknown` for one that says nothing of it. */
export type Outcome = 'alive' | 'failed' | 'unknown';

/** The leave to try. */
export interface Pass {
  /** Whether the circuit has opened since: whoever has not left yet should not. */
  isVoid(): boolean;
  /** Says how the try went; must be called once, whatever happens to it. */
  leave(outcome: Outcome): void;
}

export interface Breaker {
  /** Fails with `unavailable` and the time to come back while the circuit is open. */
  enter(): Pass;
  isOpen(): boolean;
  /** Why nothing leaves at present. */
  refusal(): UpstreamError;
}

interface BreakerOptions {
  readonly clock: Clock;
  /** Told when the circuit opens and when it closes, but not of trials that fail. */
  readonly onChange: (isOpen: boolean) => void;
}

const spanMs = 1_000;
const spans = 30;
const leastTries = 10;
/** With retries a helpdesk that fails every other call still answers most operations; beyond this it does not. */
const failureRate = 0.75;
const firstOpenMs = 2_000;
const longestOpenMs = 30_000;

/**
 * Stops calling a helpdesk that fails: opens when three quarters of at least ten tries of the last half minute have failed. After two
 * seconds one call tries; each time it fails the circuit stays open for twice as long, up to half a minute.
 */
export function createBreaker({ clock, onChange }: BreakerOptions): Breaker {
  /** What was tried of late, by the second in which it ended; in order, as maps keep it. */
  const recent = new Map<number, { tries: number; failures: number }>();
  /** 0 while closed. */
  let openUntil = 0;
  let openMs = firstOpenMs;
  let openings = 0;
  let isTrying = false;

  function open(): void {
    const wasOpen = openUntil > 0;
    openUntil = clock.monotonic() + openMs;
    openMs = Math.min(openMs * 2, longestOpenMs);
    openings += 1;
    recent.clear();
    if (!wasOpen) onChange(true);
  }

  function close(): void {
    openUntil = 0;
    openMs = firstOpenMs;
    onChange(false);
  }

  function isFailing(): boolean {
    let tries = 0;
    let failures = 0;
    for (const span of recent.values()) {
      tries += span.tries;
      failures += span.failures;
    }
    return tries >= leastTries && failures >= tries * failureRate;
  }

  function note(hasFailed: boolean): void {
    const now = Math.floor(clock.monotonic() / spanMs);
    for (const at of recent.keys()) if (at <= now - spans) recent.delete(at);
    const span = recent.get(now) ?? { tries: 0, failures: 0 };
    span.tries += 1;
    if (hasFailed) span.failures += 1;
    recent.set(now, span);
    if (hasFailed && isFailing()) open();
  }

  const refusal = () =>
    new UpstreamError('unavailable', 'The helpdesk has failed too often.', {
      neverLeft: true,
      // A trial that is under way takes its time too.
      retryAfterMs: Math.max(spanMs, Math.ceil(openUntil - clock.monotonic())),
    });

  function startTrial(): Pass {
    isTrying = true;
    return {
      isVoid: () => false,
      leave(outcome) {
        isTrying = false;
        if (outcome === 'failed') open();
        if (outcome === 'alive') close();
      },
    };
  }

  return {
    isOpen: () => openUntil > 0,
    refusal,
    enter() {
      if (openUntil > 0) {
        if (isTrying || clock.monotonic() < openUntil) throw refusal();
        return startTrial();
      }
      const before = openings;
      return {
        isVoid: () => openUntil > 0,
        leave(outcome) {
          // What left before it opened has nothing to say of now.
          if (outcome !== 'unknown' && openings === before) note(outcome === 'failed');
        },
      };
    },
  };
}
