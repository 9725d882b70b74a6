/**
 * What refusals of the helpdesk have taught. Plain data with pure changes, so that it can live in this process or in Redis; all
 * times are of one clock, whichever that is.
 */
export interface GateState {
  /** Raised by every change. */
  readonly version: number;
  /** 0 while open. */
  readonly closedUntil: number;
  /** Until when one call that tries whether the helpdesk answers again may be under way; 0 when none is. */
  readonly probeUntil: number;
  /** The last estimate of how long to stay closed. */
  readonly pauseMs: number;
  /** How many calls a window held without refusal, as of `since`; less than the limit when others use the key too. */
  readonly allowance: number;
  /** One closing never lowers the allowance below this. */
  readonly floor: number;
  readonly since: number;
}

/** What a call was when it left. */
export interface Pass {
  readonly version: number;
  readonly isProbe: boolean;
}

export interface Rate {
  /** `Infinity` for none. */
  readonly limit: number;
  readonly windowMs: number;
}

export interface Refusal {
  readonly pass: Pass;
  readonly now: number;
  readonly retryAfterMs: number | undefined;
  /** How many calls that were not refused the window holds. */
  readonly had: number;
}

const firstPauseMs = 2_000;
const longestPauseMs = 30_000;
const longestRetryAfterMs = 600_000;
/** A company that has gone is forgotten in at most as many windows. */
const windowsToRecover = 10;

export const openGate = ({ limit }: Rate): GateState => ({
  version: 0,
  closedUntil: 0,
  probeUntil: 0,
  pauseMs: 0,
  allowance: limit,
  floor: limit,
  since: 0,
});

/** The allowance grows by one in this time. */
export const recoveryMs = ({ limit, windowMs }: Rate): number =>
  Math.ceil((windowMs * windowsToRecover) / limit);

function grownBy(now: number, { allowance, since }: GateState, rate: Rate): number {
  if (allowance >= rate.limit) return rate.limit;
  const grown = Math.floor((now - since) / recoveryMs(rate));
  return Math.min(rate.limit, allowance + Math.max(0, grown));
}

/** How many calls a window may hold by now. A probe may try one more than has been learned. */
export const allowanceAt = (state: GateState, now: number, rate: Rate): number =>
  state.closedUntil > 0 ? rate.limit : grownBy(now, state, rate);

/** When the allowance will grow, one time for each step. */
export function growthTimes(state: GateState, now: number, rate: Rate): number[] {
  const allowance = allowanceAt(state, now, rate);
  if (allowance >= rate.limit) return [];
  const first = state.since + (allowance - state.allowance + 1) * recoveryMs(rate);
  const steps = { length: rate.limit - allowance };
  return Array.from(steps, (_, index) => first + index * recoveryMs(rate));
}

/** How many calls may leave, as far as the gate is concerned. */
export function throughGate({ closedUntil, probeUntil }: GateState, now: number): number {
  if (closedUntil === 0) return Infinity;
  return now >= closedUntil && now >= probeUntil ? 1 : 0;
}

/** The gate once a probe has left through it. */
export const probed = (state: GateState, probeUntil: number): GateState => ({
  ...state,
  version: state.version + 1,
  probeUntil,
});

export const passOf = ({ version, closedUntil }: GateState): Pass => ({
  version,
  isProbe: closedUntil > 0,
});

const isProbeOf = (pass: Pass, { version, closedUntil }: GateState): boolean =>
  pass.isProbe && closedUntil > 0 && pass.version === version;

/** A call was not refused: when it was the probe, the gate opens. */
export function answered(state: GateState, pass: Pass, now: number): GateState {
  if (!isProbeOf(pass, state)) return state;
  return { ...state, version: state.version + 1, closedUntil: 0, probeUntil: 0, since: now };
}

/** A probe that was let through never left. */
export function unprobed(state: GateState, pass: Pass): GateState {
  if (!isProbeOf(pass, state)) return state;
  return { ...state, version: state.version + 1, probeUntil: 0 };
}

/** A call was refused. The gate closes until the helpdesk's own time or, without one, for an estimate that doubles. */
export function refused(state: GateState, refusal: Refusal, rate: Rate): GateState {
  const { pass, now, had } = refusal;
  const given = refusal.retryAfterMs ?? 0;
  const retryAfterMs = given > 0 ? Math.min(given, longestRetryAfterMs) : undefined;
  const version = state.version + 1;
  if (isProbeOf(pass, state)) {
    // It says that the window is still full, and nothing of how much of it may be ours.
    const pauseMs = Math.min(longestPauseMs, state.pauseMs * 2);
    const closedUntil = now + (retryAfterMs ?? pauseMs);
    return { ...state, version, pauseMs, closedUntil, probeUntil: 0 };
  }
  const isOpen = state.closedUntil === 0;
  const before = grownBy(now, state, rate);
  const floor = isOpen ? Math.max(1, Math.floor(before / 2)) : state.floor;
  const allowance = rate.limit === Infinity ? Infinity : Math.max(floor, Math.min(before, had));
  if (isOpen) {
    const closedUntil = now + (retryAfterMs ?? firstPauseMs);
    const pauseMs = firstPauseMs;
    return { version, closedUntil, probeUntil: 0, pauseMs, allowance, floor, since: now };
  }
  // It left before the gate closed. A probe that is under way knows better when to open.
  return {
    ...state,
    version: state.probeUntil > 0 ? state.version : version,
    closedUntil:
      retryAfterMs === undefined || state.probeUntil > 0
        ? state.closedUntil
        : Math.max(state.closedUntil, now + retryAfterMs),
    allowance,
    since: now,
  };
}
