import { maxRetryAfterMs } from '../../lib/retryAfter.ts';

/**
 * Adaptive throttling after 429 responses (AIMD). Plain data with pure functions, so that it can be stored in this process or in Redis; all
 * times are of one clock.
 */
export interface ThrottleState {
  /** Incremented by every change. */
  readonly version: number;
  /** 0 while not paused. */
  readonly pausedUntil: number;
  /** When the probe in flight expires; 0 without one. */
  readonly probeUntil: number;
  /** The last backoff. */
  readonly pauseMs: number;
  /** The calls per window that HelpCrunch accepted, as of `limitUpdatedAt`; below the limit when other programs use the key. */
  readonly adaptiveLimit: number;
  /** The lower bound of `adaptiveLimit` during one pause. */
  readonly minLimit: number;
  readonly limitUpdatedAt: number;
}

/** The throttle state when a call started. */
export interface ThrottleAtStart {
  readonly version: number;
  readonly isProbe: boolean;
}

export interface WindowLimit {
  /** `Infinity` for none. */
  readonly limit: number;
  readonly windowMs: number;
}

export interface ThrottledResponse {
  readonly token: ThrottleAtStart;
  readonly now: number;
  readonly retryAfterMs: number | undefined;
  /** The accepted calls in the window. */
  readonly observedThroughput: number;
}

const minPauseMs = 2_000;
const maxPauseMs = 30_000;
/** The limit recovers within this number of windows. */
const windowsToRecover = 10;

export const initialThrottle = ({ limit }: WindowLimit): ThrottleState => ({
  version: 0,
  pausedUntil: 0,
  probeUntil: 0,
  pauseMs: 0,
  adaptiveLimit: limit,
  minLimit: limit,
  limitUpdatedAt: 0,
});

/** The adaptive limit grows by one in each interval. */
const recoveryIntervalMs = ({ limit, windowMs }: WindowLimit): number =>
  Math.ceil((windowMs * windowsToRecover) / limit);

function recoveredLimit(
  now: number,
  { adaptiveLimit, limitUpdatedAt }: ThrottleState,
  windowLimit: WindowLimit,
): number {
  if (adaptiveLimit >= windowLimit.limit) return windowLimit.limit;
  const recovered = Math.floor((now - limitUpdatedAt) / recoveryIntervalMs(windowLimit));
  return Math.min(windowLimit.limit, adaptiveLimit + Math.max(0, recovered));
}

/** The current limit per window. During a pause a probe may exceed the adaptive limit. */
export const adaptiveLimitAt = (
  state: ThrottleState,
  now: number,
  windowLimit: WindowLimit,
): number => (state.pausedUntil > 0 ? windowLimit.limit : recoveredLimit(now, state, windowLimit));

/** When the adaptive limit grows by one, in order. */
export function recoveryTimes(
  state: ThrottleState,
  now: number,
  windowLimit: WindowLimit,
): number[] {
  const current = adaptiveLimitAt(state, now, windowLimit);
  if (current >= windowLimit.limit) return [];
  const first =
    state.limitUpdatedAt + (current - state.adaptiveLimit + 1) * recoveryIntervalMs(windowLimit);
  const steps = { length: windowLimit.limit - current };
  return Array.from(steps, (_, index) => first + index * recoveryIntervalMs(windowLimit));
}

/** Whether the state still affects calls. It then is not older than Redis keeps it. */
export const isEffective = (
  { pausedUntil, probeUntil, limitUpdatedAt }: ThrottleState,
  now: number,
  { windowMs }: WindowLimit,
): boolean =>
  now <
  Math.max(pausedUntil, probeUntil, limitUpdatedAt && limitUpdatedAt + windowMs * windowsToRecover);

/** How many calls the pause permits. */
export function permitsAllowed({ pausedUntil, probeUntil }: ThrottleState, now: number): number {
  if (pausedUntil === 0) return Infinity;
  return now >= pausedUntil && now >= probeUntil ? 1 : 0;
}

/** The state after a probe was sent. */
export const startProbe = (state: ThrottleState, probeUntil: number): ThrottleState => ({
  ...state,
  version: state.version + 1,
  probeUntil,
});

export const throttleAtStart = ({ version, pausedUntil }: ThrottleState): ThrottleAtStart => ({
  version,
  isProbe: pausedUntil > 0,
});

const isCurrentProbe = (token: ThrottleAtStart, { version, pausedUntil }: ThrottleState): boolean =>
  token.isProbe && pausedUntil > 0 && token.version === version;

/** Records a response other than 429; that of the probe ends the pause. */
export function recordAccepted(
  state: ThrottleState,
  token: ThrottleAtStart,
  now: number,
): ThrottleState {
  if (!isCurrentProbe(token, state)) return state;
  return {
    ...state,
    version: state.version + 1,
    pausedUntil: 0,
    probeUntil: 0,
    limitUpdatedAt: now,
  };
}

/** Records a 429: pauses for `Retry-After` or, without it, with exponential backoff. */
export function recordThrottled(
  state: ThrottleState,
  response: ThrottledResponse,
  windowLimit: WindowLimit,
): ThrottleState {
  const { token, now, observedThroughput } = response;
  const requestedMs = response.retryAfterMs ?? 0;
  const retryAfterMs = requestedMs > 0 ? Math.min(requestedMs, maxRetryAfterMs) : undefined;
  const version = state.version + 1;
  if (isCurrentProbe(token, state)) {
    // The window is still full, but this does not show how many calls are permitted.
    const pauseMs = Math.min(maxPauseMs, state.pauseMs * 2);
    const pausedUntil = now + (retryAfterMs ?? pauseMs);
    return { ...state, version, pauseMs, pausedUntil, probeUntil: 0 };
  }
  const isActive = state.pausedUntil === 0;
  const currentLimit = recoveredLimit(now, state, windowLimit);
  const minLimit = isActive ? Math.max(1, Math.floor(currentLimit / 2)) : state.minLimit;
  const adaptiveLimit =
    windowLimit.limit === Infinity
      ? Infinity
      : Math.max(minLimit, Math.min(currentLimit, observedThroughput));
  if (isActive) {
    const pausedUntil = now + (retryAfterMs ?? minPauseMs);
    const pauseMs = minPauseMs;
    return {
      version,
      pausedUntil,
      probeUntil: 0,
      pauseMs,
      adaptiveLimit,
      minLimit,
      limitUpdatedAt: now,
    };
  }
  // The call started before the pause. A probe in flight has later information.
  return {
    ...state,
    version: state.probeUntil > 0 ? state.version : version,
    pausedUntil:
      retryAfterMs === undefined || state.probeUntil > 0
        ? state.pausedUntil
        : Math.max(state.pausedUntil, now + retryAfterMs),
    adaptiveLimit,
    limitUpdatedAt: now,
  };
}
