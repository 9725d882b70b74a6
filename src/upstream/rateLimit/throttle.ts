import type { Clock } from '../../lib/clock.ts';
import { maxRetryAfterMs } from '../transport.ts';

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

/** The current limit per window. During a pause a probe may exceed the adaptive limit. */
const adaptiveLimitAt = (state: ThrottleState, now: number, windowLimit: WindowLimit): number =>
  state.pausedUntil > 0 ? windowLimit.limit : recoveredLimit(now, state, windowLimit);

/** When the adaptive limit grows by one, in order. */
function recoveryTimes(state: ThrottleState, now: number, windowLimit: WindowLimit): number[] {
  const current = adaptiveLimitAt(state, now, windowLimit);
  if (current >= windowLimit.limit) return [];
  const first =
    state.limitUpdatedAt + (current - state.adaptiveLimit + 1) * recoveryIntervalMs(windowLimit);
  const steps = { length: windowLimit.limit - current };
  return Array.from(steps, (_, index) => first + index * recoveryIntervalMs(windowLimit));
}

/** How many calls the pause permits. */
function permitsAllowed({ pausedUntil, probeUntil }: ThrottleState, now: number): number {
  if (pausedUntil === 0) return Infinity;
  return now >= pausedUntil && now >= probeUntil ? 1 : 0;
}

/** The state after a probe was sent. */
const startProbe = (state: ThrottleState, probeUntil: number): ThrottleState => ({
  ...state,
  version: state.version + 1,
  probeUntil,
});

const createToken = ({ version, pausedUntil }: ThrottleState): ThrottleToken => ({
  version,
  isProbe: pausedUntil > 0,
});

const isCurrentProbe = (token: ThrottleToken, { version, pausedUntil }: ThrottleState): boolean =>
  token.isProbe && pausedUntil > 0 && token.version === version;

/** Records a response other than 429; that of the probe ends the pause. */
function recordResponse(state: ThrottleState, token: ThrottleToken, now: number): ThrottleState {
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
function recordThrottled(
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

type ThrottleUpdate = (state: ThrottleState) => ThrottleState;

interface ThrottleOptions {
  readonly clock: Clock;
  readonly windowLimit: WindowLimit;
  /** Applies an update to the state that instances share, and returns the result; undefined if that is not possible now. */
  readonly share?: (
    before: ThrottleState,
    update: ThrottleUpdate,
  ) => Promise<ThrottleState | undefined> | undefined;
  readonly onChange: () => void;
}

/** A call that probes whether HelpCrunch accepts calls again takes about this long. */
const expectedProbeMs = 1_000;

/** The throttle of one account. Updates apply here at once, and then to the state that instances share. Its methods take and return local times. */
export class Throttle {
  readonly #options: ThrottleOptions;
  #state: ThrottleState;
  /** What to add to a time of the state for the local time. */
  #clockOffsetMs: number;
  #pendingUpdates = 0;

  constructor(options: ThrottleOptions, clockOffsetMs = 0) {
    this.#options = options;
    this.#state = initialThrottle(options.windowLimit);
    this.#clockOffsetMs = clockOffsetMs;
  }

  /** In times of the clock that instances share. */
  get state(): ThrottleState {
    return this.#state;
  }

  isPaused(): boolean {
    return this.#state.pausedUntil > 0;
  }

  limitAt(time: number): number {
    return adaptiveLimitAt(this.#state, this.#sharedTime(time), this.#options.windowLimit);
  }

  /** What the planner needs to know. */
  plan() {
    const now = this.#options.clock.monotonic();
    const { windowLimit } = this.#options;
    const resumesAt = this.#localTime(this.#state.pausedUntil);
    return {
      limitIncreases: recoveryTimes(this.#state, this.#sharedTime(now), windowLimit).map(
        (at) => at + this.#clockOffsetMs,
      ),
      resumesAt,
      expectedResumeAt: resumesAt > 0 && resumesAt <= now ? now + expectedProbeMs : resumesAt,
      maxStartsNow: permitsAllowed(this.#state, this.#sharedTime(now)),
    };
  }

  /** When a pause, or a probe that is not answered, ends; `Infinity` without either. */
  nextChangeAt(): number {
    const now = this.#options.clock.monotonic();
    const times = [this.#state.pausedUntil, this.#state.probeUntil].map((at) =>
      this.#localTime(at),
    );
    return times.find((at) => at > now) ?? Infinity;
  }

  token(): ThrottleToken {
    return createToken(this.#state);
  }

  startProbe(ttlMs: number): void {
    const probeUntil = this.#now() + ttlMs;
    this.#update((state) => startProbe(state, probeUntil));
  }

  recordResponse(token: ThrottleToken): void {
    this.#update((state) => recordResponse(state, token, this.#now()));
  }

  /** `delayMs` is how much later than now the response may have been sent by the clock that instances share. */
  recordThrottled(response: Omit<ThrottledResponse, 'now'>, delayMs = 0): void {
    const now = this.#now() + delayMs;
    const { windowLimit } = this.#options;
    this.#update((state) => recordThrottled(state, { ...response, now }, windowLimit));
  }

  /** Takes the state that instances share, unless an update of this instance is on its way there. */
  receive(state: ThrottleState, clockOffsetMs: number): void {
    this.#clockOffsetMs = clockOffsetMs;
    if (this.#pendingUpdates === 0) this.#state = state;
  }

  #now(): number {
    return Math.ceil(this.#options.clock.monotonic() - this.#clockOffsetMs);
  }

  #sharedTime(time: number): number {
    return Math.floor(time - this.#clockOffsetMs);
  }

  /** 0 stays 0: it means that there is no such time. */
  #localTime(time: number): number {
    return time === 0 ? 0 : time + this.#clockOffsetMs;
  }

  #update(update: ThrottleUpdate): void {
    const before = this.#state;
    this.#state = update(before);
    if (this.#state === before) return;
    const shared = this.#options.share?.(before, update);
    if (shared === undefined) return;
    this.#pendingUpdates += 1;
    void shared.then((state) => {
      this.#pendingUpdates -= 1;
      if (state === undefined || this.#pendingUpdates > 0) return;
      this.#state = state;
      this.#options.onChange();
    });
  }
}
