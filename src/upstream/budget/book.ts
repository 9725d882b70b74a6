import { toWallTime } from '../../support/clock.ts';
import type { RateStatus, Slot } from './budget.ts';
import * as gates from './gate.ts';
import { createSlot, lastOf } from './ledger.ts';
import type { GateChange, RegisterOptions } from './register.ts';
import { createRegister } from './register.ts';
import type { OwnCall } from './slots.ts';
import { createSlots } from './slots.ts';
import type { View } from './view.ts';
import { emptyView, pendingIn, withOneDone } from './view.ts';

export type Book = ReturnType<typeof createBook>;

/** What an instance knows of a tenant that it shares: its own calls, and what Redis has told of the others. */
export function createBook(options: RegisterOptions, onChange: () => void) {
  const { link, limit, clock, windowMs } = options;
  const rate = { limit, windowMs };
  const own = createSlots(options);
  const register = createRegister(options);
  // Until Redis has told its time, it is taken to be the wall clock's.
  let view = emptyView(rate, clock.monotonic() - clock.now());
  let gateChanges = 0;

  const redisNow = () => Math.ceil(clock.monotonic() - view.aheadMs);
  const pending = () => pendingIn(view, clock.monotonic(), windowMs);
  /** 0 while the gate is open. */
  const closedUntil = () =>
    view.gate.closedUntil === 0 ? 0 : view.gate.closedUntil + view.aheadMs;

  /** Seen here at once, and told to the others. */
  function changeGate(change: GateChange): void {
    const before = view.gate;
    const after = change(before);
    if (after === before) return;
    view = { ...view, gate: after };
    if (link.mode() !== 'shared') return;
    gateChanges += 1;
    void register.changeGate(before, change).then((gate) => {
      gateChanges -= 1;
      if (gate === undefined || gateChanges > 0) return;
      view = { ...view, gate };
      onChange();
    });
  }

  function end(call: OwnCall, pass: gates.Pass): void {
    own.done(call);
    if (link.mode() === 'shared') {
      view = withOneDone(view, clock.monotonic(), windowMs);
      register.done(call.id);
    }
    if (!call.isRefused) {
      changeGate((gate) => gates.answered(gate, pass, redisNow()));
    }
    onChange();
  }

  function refuse(call: OwnCall, pass: gates.Pass, retryAfterMs: number | undefined): void {
    call.isRefused = true;
    own.done(call);
    const served = own.countServed();
    const had = link.mode() === 'shared' ? pending().length - own.count() + served : served;
    // Rather closed a little too long than opened too early.
    const now = redisNow() + Math.ceil(view.tripMs);
    const refusal = { pass, now, retryAfterMs, had };
    changeGate((gate) => gates.refused(gate, refusal, rate));
    end(call, pass);
  }

  return {
    own,
    register,
    view: (): View => view,
    see(seen: View): void {
      // A gate that is being changed here is newer than what was seen of it.
      view = gateChanges > 0 ? { ...seen, gate: view.gate } : seen;
    },
    changeGate,
    closedUntil,
    pending,
    redisNow,
    allowance: (): number => gates.allowanceAt(view.gate, redisNow(), rate),
    growth: (): number[] =>
      gates.growthTimes(view.gate, redisNow(), rate).map((at) => at + view.aheadMs),
    /** When a probe that is under way is given up; 0 when none is. */
    probeUntil: (): number =>
      view.gate.probeUntil === 0 ? 0 : view.gate.probeUntil + view.aheadMs,

    /** A call leaves under this name. */
    start(id: string): Slot {
      const pass = gates.passOf(view.gate);
      const call = own.add(id);
      return createSlot((retryAfterMs, isRefused) => {
        if (isRefused) refuse(call, pass, retryAfterMs);
        else end(call, pass);
      });
    },

    status(room: number): RateStatus {
      const closed = closedUntil();
      const times = [
        lastOf(pending()),
        lastOf(own.frees()),
        closed > clock.monotonic() ? closed : null,
      ];
      const resetAt = Math.max(...times.map((at) => at ?? 0));
      return {
        limit,
        remaining: closed > 0 ? 0 : Math.max(0, room),
        resetAt: resetAt === 0 ? null : toWallTime(clock, resetAt),
      };
    },

    reconcile: (): Promise<boolean> => register.reconcile(own.all(), view.gate),
  };
}
