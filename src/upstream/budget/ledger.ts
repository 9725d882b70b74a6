import { toWallTime } from '../../support/clock.ts';
import type { RateStatus, Slot } from './budget.ts';
import type { Picture } from './forecast.ts';
import * as gates from './gate.ts';
import type { Wants } from './line.ts';
import type { Timing } from './slots.ts';
import { createSlots } from './slots.ts';

/** How many calls of one tenant may leave, and when. */
export interface Ledger {
  /** Calls that may leave now. */
  free(): number;
  /** One of them leaves. */
  take(): Slot;
  /** What waits, told after every decision. */
  want(wants: Wants): void;
  /** What may come, for as many as wait. */
  picture(waiting: Wants): Picture;
  /** When to decide again though nobody has said anything. */
  wakeAt(): number;
  status(): RateStatus;
  /** Whether nothing would be lost with it. */
  isIdle(): boolean;
}

export interface LedgerOptions extends Timing {
  /** Per window; 0 is none. */
  readonly limit: number;
}

/** An answer from a gate that is being probed takes about this long. */
const probeAnswerMs = 1_000;

/** When a gate that was closed until this time may be open again; 0 for one that is open. */
export const likelyOpenAt = (closedUntil: number, now: number): number =>
  closedUntil > 0 && closedUntil <= now ? now + probeAnswerMs : closedUntil;

export const lastOf = (times: readonly number[]): number | null => times.at(-1) ?? null;

/** A slot that says only once how its call went. */
export function createSlot(end: (retryAfterMs: number | undefined, isRefused: boolean) => void) {
  let isOver = false;
  const once = (retryAfterMs: number | undefined, isRefused: boolean) => {
    if (isOver) return;
    isOver = true;
    end(retryAfterMs, isRefused);
  };
  const slot: Slot = {
    done: () => once(undefined, false),
    refused: (retryAfterMs) => once(retryAfterMs, true),
  };
  return slot;
}

/** The calls of a tenant whose key only this process spends. */
export function createLedger(options: LedgerOptions, onChange: () => void): Ledger {
  const { limit, clock, windowMs, callMs } = options;
  // Without a limit a call counts only while it is under way, lest its refusal be forgotten with the tenant.
  const slots = createSlots({ ...options, windowMs: limit === 0 ? 0 : windowMs });
  const rate = { limit: limit === 0 ? Infinity : limit, windowMs };
  let gate = gates.openGate(rate);

  const room = () => gates.allowanceAt(gate, clock.monotonic(), rate) - slots.count();

  const frees = () => [...slots.frees(), ...gates.growthTimes(gate, clock.monotonic(), rate)];

  return {
    free: () => Math.max(0, Math.min(room(), gates.throughGate(gate, clock.monotonic()))),

    take() {
      if (gate.closedUntil > 0) gate = gates.probed(gate, clock.monotonic() + callMs);
      const pass = gates.passOf(gate);
      const call = slots.add('');
      return createSlot((retryAfterMs, isRefused) => {
        const now = clock.monotonic();
        slots.done(call);
        call.isRefused = isRefused;
        gate = isRefused
          ? gates.refused(gate, { pass, now, retryAfterMs, had: slots.countServed() }, rate)
          : gates.answered(gate, pass, now);
        onChange();
      });
    },

    want: () => undefined,

    picture: () => ({
      free: room(),
      frees,
      opensAt: gate.closedUntil,
      likelyOpenAt: likelyOpenAt(gate.closedUntil, clock.monotonic()),
      windowMs,
    }),

    wakeAt() {
      const now = clock.monotonic();
      if (gate.closedUntil > now) return gate.closedUntil;
      if (gate.probeUntil > now) return gate.probeUntil;
      return frees().reduce((first, at) => Math.min(first, at), Infinity);
    },

    status() {
      const now = clock.monotonic();
      const last = limit === 0 ? null : lastOf(slots.frees());
      const resetAt = gate.closedUntil > now ? Math.max(gate.closedUntil, last ?? 0) : last;
      return {
        limit,
        remaining: limit === 0 || gate.closedUntil > 0 ? 0 : Math.max(0, room()),
        resetAt: resetAt === null ? null : toWallTime(clock, resetAt),
      };
    },

    isIdle: () => slots.count() === 0 && gate.closedUntil === 0 && room() >= rate.limit,
  };
}
