import type { GateState, Rate } from './gate.ts';
import { openGate } from './gate.ts';
import type { Wants } from './line.ts';
import { priorities } from './line.ts';

/** What Redis has told of a tenant, in this instance's time but for the gate, which is in Redis'. */
export interface View {
  /** When the slots of all instances come back, the first first. */
  readonly frees: readonly number[];
  readonly gate: GateState;
  /** How many other instances wait, for how many calls together, and when the first of them would be given up. */
  readonly rivals: number;
  readonly rivalWants: Wants;
  readonly rivalUntil: number;
  /** What to add to Redis' time for the time here; too much by one round trip at most, and never too little. */
  readonly aheadMs: number;
  readonly tripMs: number;
}

export const emptyView = (rate: Rate, aheadMs: number): View => ({
  frees: [],
  gate: openGate(rate),
  rivals: 0,
  rivalWants: { write: 0, read: 0, background: 0 },
  rivalUntil: 0,
  aheadMs,
  tripMs: 0,
});

const isState = (value: unknown): value is GateState =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(openGate({ limit: 1, windowMs: 1 })).every(
    (name) => typeof Object.getOwnPropertyDescriptor(value, name)?.value === 'number',
  );

/** The gate as Redis keeps it; an open one where it keeps none. */
export function gateFromText(text: unknown, rate: Rate): GateState {
  if (typeof text !== 'string' || text === '') return openGate(rate);
  try {
    const state: unknown = JSON.parse(text);
    return isState(state) ? state : openGate(rate);
  } catch {
    return openGate(rate);
  }
}

/** What the claim script answers. */
export function claimFromAnswer(
  [gate, ...answer]: readonly unknown[],
  { askedAt, here, rate }: { readonly askedAt: number; readonly here: number; readonly rate: Rate },
): { readonly granted: number; readonly view: View } {
  const numbers = answer.map(Number);
  const [now = 0, granted = 0, rivals = 0, rivalUntil = 0, used = 0] = numbers;
  const [write = 0, read = 0, background = 0] = numbers.slice(5);
  const frees = numbers.slice(8).map((time) => here + time);
  // Slots behind those that were told come back no earlier than the last of these.
  const last = frees.at(-1) ?? here;
  while (frees.length < used) frees.push(last);
  const view = {
    frees,
    gate: gateFromText(gate, rate),
    rivals,
    rivalWants: { write, read, background },
    rivalUntil: here + rivalUntil,
    aheadMs: here - now,
    tripMs: here - askedAt,
  };
  return { granted, view };
}

/** When slots come back, as early as they can: a call under way could be done at any moment. */
export function pendingIn({ frees }: View, now: number, windowMs: number): number[] {
  const first = frees.findIndex((at) => at > now);
  return first === -1 ? [] : frees.slice(first).map((at) => Math.min(at, now + windowMs));
}

/** One of the calls under way is done. Which one does not matter: the others are still to come. */
export function withOneDone(view: View, now: number, windowMs: number): View {
  const index = view.frees.findIndex((at) => at > now + windowMs);
  return index === -1 ? view : { ...view, frees: view.frees.with(index, now + windowMs) };
}

/**
 * Of the times at which slots come back those that are left for this instance, when the others that wait take their turns. Those
 * who want more important things come first here and there, so only as many of theirs count as matter for each of ours.
 */
export function afterRivals(times: readonly number[], view: View, waiting: Wants): number[] {
  const sorted = times.toSorted((one, other) => one - other);
  if (view.rivals === 0) return sorted;
  let behind = 0;
  let ahead = 0;
  const bounds = priorities.map((priority) => {
    behind += waiting[priority];
    ahead += view.rivalWants[priority];
    return { behind, ahead };
  });
  return sorted.flatMap((_, index) => {
    const matter = bounds.find((bound) => index < bound.behind)?.ahead ?? ahead;
    return sorted.slice(index + Math.min(matter, view.rivals * index)).slice(0, 1);
  });
}
