import type { Book } from './book.ts';
import * as gates from './gate.ts';
import type { Ledger } from './ledger.ts';
import { likelyOpenAt } from './ledger.ts';
import type { RegisterOptions } from './register.ts';
import { createShare } from './share.ts';

/** The ledger of a time without Redis: this instance keeps to its share. */
export function createAlone(book: Book, options: RegisterOptions): Ledger {
  const { link, clock, windowMs, callMs } = options;
  const since = clock.monotonic();
  const share = createShare({
    allowance: book.allowance,
    instances: link.instances(),
    before: book.view().frees.filter((at) => at > since),
  });
  let calls = 0;

  const own = () => book.own.all().filter(({ leftAt }) => leftAt >= since);
  const room = () => share.capacity(clock.monotonic()) - own().length;
  const frees = () => {
    const latest = clock.monotonic() + windowMs;
    const ownTimes = own().map(({ freesAt }) => Math.min(freesAt, latest));
    return [...ownTimes, ...share.growthTimes(clock.monotonic())];
  };

  return {
    free: () => Math.max(0, Math.min(room(), gates.throughGate(book.view().gate, book.redisNow()))),

    take() {
      if (book.closedUntil() > 0) {
        book.changeGate((gate) => gates.probed(gate, book.redisNow() + callMs));
      }
      calls += 1;
      return book.start(`${link.self}:alone:${since}:${calls}`);
    },

    want: () => undefined,

    picture: () => ({
      free: room(),
      frees,
      opensAt: book.closedUntil(),
      likelyOpenAt: likelyOpenAt(book.closedUntil(), clock.monotonic()),
      windowMs,
    }),

    wakeAt() {
      const now = clock.monotonic();
      if (book.closedUntil() > now) return book.closedUntil();
      if (book.probeUntil() > now) return book.probeUntil();
      return frees().reduce((first, at) => Math.min(first, at), Infinity);
    },

    status: () => book.status(room()),
    isIdle: () => true,
  };
}
