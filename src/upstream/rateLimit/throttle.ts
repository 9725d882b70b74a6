import type { Clock } from '../../lib/clock.ts';
import type {
  ThrottledResponse,
  ThrottleState,
  ThrottleAtStart,
  WindowLimit,
} from './throttleState.ts';
import {
  adaptiveLimitAt,
  throttleAtStart,
  initialThrottle,
  isEffective,
  permitsAllowed,
  recordAccepted,
  recordThrottled,
  recoveryTimes,
  startProbe,
} from './throttleState.ts';

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
  /** The version that instances share, as last reported. */
  #sharedVersion = 0;

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

  atStart(): ThrottleAtStart {
    return throttleAtStart(this.#state);
  }

  startProbe(ttlMs: number): void {
    const probeUntil = this.#now() + ttlMs;
    this.#update((state) => startProbe(state, probeUntil));
  }

  recordResponse(token: ThrottleAtStart): void {
    this.#update((state) => recordAccepted(state, token, this.#now()));
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
    this.#sharedVersion = state.version;
    if (this.#pendingUpdates === 0) this.#state = state;
  }

  /** Whether a reported state shows that a later one, which still affects calls, was lost. */
  isLostIn({ version }: ThrottleState): boolean {
    return (
      version < this.#sharedVersion &&
      isEffective(this.#state, this.#now(), this.#options.windowLimit)
    );
  }

  /** After a loss the state of this instance is sent. */
  expectRestored(): void {
    this.#sharedVersion = this.#state.version;
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
