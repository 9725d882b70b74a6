import { createAlone } from './alone.ts';
import { createBook } from './book.ts';
import type { Ledger } from './ledger.ts';
import type { RegisterOptions } from './register.ts';
import type { Together } from './together.ts';
import { createTogether } from './together.ts';

export interface SharedLedger extends Ledger {
  changeMode(): void;
  /** Tells the others what is wanted here and hears of them; after it the status is that of all instances. */
  hear(): Promise<void>;
  /** Tells Redis all that it should know of this instance's calls; whether it has heard. */
  reconcile(): Promise<boolean>;
}

/** The calls of a tenant whose key several instances spend: Redis gives them out, and without it each keeps to its share. */
export function createSharedLedger(options: RegisterOptions, onChange: () => void): SharedLedger {
  const { link, clock, windowMs } = options;
  const book = createBook(options, onChange);
  let together: Together | undefined;
  let usedAt = clock.monotonic();

  function ledgerOfMode(): Ledger {
    together =
      link.mode() === 'alone'
        ? undefined
        : createTogether(book, { clock, windowMs, mode: link.mode, onChange });
    return together ?? createAlone(book, options);
  }
  let current = ledgerOfMode();

  const use = () => {
    usedAt = clock.monotonic();
    return current;
  };

  return {
    free: () => current.free(),
    take: () => use().take(),
    want: (wants) => current.want(wants),
    picture: (waiting) => current.picture(waiting),
    wakeAt: () => current.wakeAt(),
    status: () => use().status(),

    isIdle: () =>
      current.isIdle() &&
      usedAt + windowMs < clock.monotonic() &&
      book.own.count() === 0 &&
      book.pending().length === 0 &&
      book.closedUntil() === 0,

    changeMode() {
      current = ledgerOfMode();
      // Calls that left while the last word went to Redis; this one gets there before the next claim.
      if (link.mode() === 'shared') void book.reconcile();
      onChange();
    },

    async hear() {
      if (link.mode() === 'shared') await together?.ask();
    },

    reconcile: book.reconcile,
  };
}
