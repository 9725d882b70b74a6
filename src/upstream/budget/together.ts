import type { Clock } from '../../support/clock.ts';
import type { Book } from './book.ts';
import * as gates from './gate.ts';
import type { Ledger } from './ledger.ts';
import { likelyOpenAt } from './ledger.ts';
import type { Wants } from './line.ts';
import { noWants, priorities } from './line.ts';
import type { Mode } from './link.ts';
import { afterRivals } from './view.ts';

/** The ledger of the time in which Redis gives out the calls. */
export interface Together extends Ledger {
  /** Asks for what is wanted; when it resolves, the book is up to date. */
  ask(): Promise<void>;
}

interface TogetherParts {
  readonly clock: Clock;
  readonly windowMs: number;
  readonly mode: () => Mode;
  readonly onChange: () => void;
}

const isNewIn = (wants: Wants, told: Wants): boolean =>
  priorities.some((priority) => wants[priority] > 0 && told[priority] === 0);

const isAny = (wants: Wants): boolean => isNewIn(wants, noWants);

/** The wants that are left when the first so many are served. */
function without(wants: Wants, served: number): Wants {
  const left = { ...wants };
  let rest = served;
  for (const priority of priorities) {
    const part = Math.min(left[priority], rest);
    left[priority] -= part;
    rest -= part;
  }
  return left;
}

export function createTogether(book: Book, parts: TogetherParts): Together {
  const { clock, windowMs, mode, onChange } = parts;
  /** Calls that Redis has given and that have not left. */
  let hand: string[] = [];
  let isHandProbe = false;
  let wants = noWants;
  /** What Redis believes to be wanted here. */
  let told = noWants;
  /** Until then Redis has nothing for those that wait. */
  let askAt = 0;
  let asking: Promise<void> | undefined;

  const room = () => book.allowance() - book.pending().length;

  /** Not before something changes by itself; what others do is heard at the next beat. */
  function nextAskAt(): number {
    const now = clock.monotonic();
    if (book.closedUntil() > now) return book.closedUntil();
    if (book.probeUntil() > now) return book.probeUntil();
    const [first = Infinity] = book.pending();
    const [grown = Infinity] = book.growth();
    const { rivals, rivalUntil } = book.view();
    const reserved = rivals > 0 && room() > 0 ? rivalUntil : Infinity;
    return Math.max(now + 1, Math.min(first, grown, reserved));
  }

  async function claim(): Promise<void> {
    const asked = wants;
    const claimed = await book.register.claim(asked);
    asking = undefined;
    // What a late answer gives is taken back when the books are put right.
    if (claimed === undefined || mode() !== 'shared') return;
    book.see(claimed.view);
    hand.push(...claimed.members);
    isHandProbe = claimed.view.gate.closedUntil > 0;
    told = without(asked, claimed.members.length);
    askAt = isAny(told) ? nextAskAt() : 0;
    onChange();
  }

  const ask = (): Promise<void> => (asking ??= claim());

  /** Gives back what nobody here can use any longer. */
  function emptyHand(): void {
    if (hand.length === 0) return;
    if (isHandProbe) book.changeGate((gate) => gates.unprobed(gate, gates.passOf(gate)));
    book.register.drop(hand);
    hand = [];
  }

  const free = () => (book.closedUntil() > 0 && !isHandProbe ? 0 : hand.length);

  return {
    ask,
    free,
    take: () => book.start(hand.shift() ?? ''),

    want(next) {
      wants = next;
      emptyHand();
      if (mode() !== 'shared' || asking !== undefined) return;
      const isDue = isAny(next) && clock.monotonic() >= askAt;
      const isOver = isAny(told) && !isAny(next);
      if (isDue || isOver || isNewIn(next, told)) void ask();
    },

    picture(waiting) {
      const now = clock.monotonic();
      const isRefused = askAt > now;
      // Room that is there and was not given is kept for others, until these are given up.
      const kept = isRefused ? Math.max(0, room()) : 0;
      // Before the first word from Redis everything is possible.
      const unused = mode() === 'shared' ? room() - kept : Infinity;
      const { rivalUntil } = book.view();
      return {
        free: unused + free(),
        frees: () => {
          const keptTimes = Array.from({ length: kept }, () => rivalUntil);
          return afterRivals(
            [...keptTimes, ...book.pending(), ...book.growth()],
            book.view(),
            waiting,
          );
        },
        opensAt: book.closedUntil(),
        likelyOpenAt: likelyOpenAt(book.closedUntil(), now),
        windowMs,
      };
    },

    wakeAt: () => (askAt > clock.monotonic() && asking === undefined ? askAt : Infinity),
    status: () => book.status(room()),
    isIdle: () => hand.length === 0 && asking === undefined && !isAny(told),
  };
}
