import { maxRetryAfterMs } from '../transport.ts';

/**
 * What refusals of the helpdesk have taught. Plain data with pure changes, so that it can live in this process or in Redis; all
 * times are of one clock, whichever that is.
 */
export interface ThrottleState {
  /** Raised by every change. */
  readonly version: number;
  /** 0 while open. */
  readonly pausedUntil: number;
  /** Until when one call that tries whether the helpdesk answers again may be under way; 0 when none is. */
  readonly probeUntil: number;
  /** The last estimate of how long to stay closed. */
  readonly pauseMs: number;
  /** How many calls a window held without refusal, as of `since`; less than the limit when others use the key too. */
  readonly adaptiveLimit: number;
  /** One closing never lowers the allowance below this. */
  readonly minLimit: number;
  readonly limitUpdatedAt: number;
}

/** What a call was when it left. */
export interface ThrottleToken {
  readonly version: number;
  readonly isProbe: boolean;
}

export interface WindowLimit {
  /** `Infinity` for none. */
  readonly limit: number;
  readonly windowMs: number;
}

export interface ThrottledResponse {
  readonly token: ThrottleToken;
  readonly now: number;
  readonly retryAfterMs: number | undefined;
  /** How many calls that were not refused the window holds. */
  readonly observedThroughput: number;
}

const minPauseMs = 2_000;
const maxPauseMs = 30_000;
/** A company that has gone is forgotten in at most as many windows. */
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

/** The allowance grows by one in this time. */
export const recoveryIntervalMs = ({ limit, windowMs }: WindowLimit): number =>
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

/** How many calls a window may hold by now. A probe may try one more than has been learned. */
export const adaptiveLimitAt = (
  state: ThrottleState,
  now: number,
  windowLimit: WindowLimit,
): number => (state.pausedUntil > 0 ? windowLimit.limit : recoveredLimit(now, state, windowLimit));

/** When the allowance will grow, one time for each step. */
export function recoveryTimes(
  state: ThrottleState,
  now: number,
  windowLimit: WindowLimit,
): number[] {
  const allowance = adaptiveLimitAt(state, now, windowLimit);
  if (allowance >= windowLimit.limit) return [];
  const first =
    state.limitUpdatedAt + (allowance - state.adaptiveLimit + 1) * recoveryIntervalMs(windowLimit);
  const steps = { length: windowLimit.limit - allowance };
  return Array.from(steps, (_, index) => first + index * recoveryIntervalMs(windowLimit));
}

/** How many calls may leave, as far as the gate is concerned. */
export function permitsAllowed({ pausedUntil, probeUntil }: ThrottleState, now: number): number {
  if (pausedUntil === 0) return Infinity;
  return now >= pausedUntil && now >= probeUntil ? 1 : 0;
}

/** The gate once a probe has left through it. */
export const startProbe = (state: ThrottleState, probeUntil: number): ThrottleState => ({
  ...state,
  version: state.version + 1,
  probeUntil,
});

export const createToken = ({ version, pausedUntil }: ThrottleState): ThrottleToken => ({
  version,
  isProbe: pausedUntil > 0,
});

const isCurrentProbe = (token: ThrottleToken, { version, pausedUntil }: ThrottleState): boolean =>
  token.isProbe && pausedUntil > 0 && token.version === version;

/** A call was not refused: when it was the probe, the gate opens. */
export function recordResponse(
  state: ThrottleState,
  token: ThrottleToken,
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

/** A probe that was let through never left. */
export function cancelProbe(state: ThrottleState, token: ThrottleToken): ThrottleState {
  if (!isCurrentProbe(token, state)) return state;
  return { ...state, version: state.version + 1, probeUntil: 0 };
}

/** A call was refused. The gate closes until the helpdesk's own time or, without one, for an estimate that doubles. */
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
    // It says that the window is still full, and nothing of how much of it may be ours.
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
  // It left before the gate closed. A probe that is under way knows better when to open.
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
