import type { Log } from '../../support/log.ts';
import type { Budget, BudgetOptions } from './budget.ts';
import { createBudget, defaultTiming } from './budget.ts';
import { createLane } from './lane.ts';
import { createLink } from './link.ts';
import { createScheduler } from './scheduler.ts';
import type { SharedLedger } from './sharedLedger.ts';
import { createSharedLedger } from './sharedLedger.ts';

export interface SharedBudgetOptions extends BudgetOptions {
  /** Redis' address. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly log: Log;
  /** How often this instance says that it lives and waits. */
  readonly beatMs?: number;
}

const beatsOfHunger = 3;

/** A budget that several instances spend together. Until `close` it says at every beat that it lives. */
export function createSharedBudget(options: SharedBudgetOptions): Budget {
  const { limit, clock, url, timeoutMs, log, beatMs = 1_000 } = options;
  // Without a limit there is nothing to share.
  if (limit === 0) return createBudget(options);

  const ledgers = new Map<string, SharedLedger>();
  const link = createLink(
    { url, timeoutMs, clock, log, beatMs },
    {
      onMode() {
        for (const ledger of ledgers.values()) ledger.changeMode();
      },
      onBeat() {
        for (const ledger of ledgers.values()) void ledger.hear();
      },
      async reconcile() {
        const heard = await Promise.all(
          Array.from(ledgers.values(), (ledger) => ledger.reconcile()),
        );
        return heard.every(Boolean);
      },
    },
  );
  const timing = { windowMs: options.windowMs ?? defaultTiming.windowMs };
  const callMs = options.callMs ?? defaultTiming.callMs;

  const scheduler = createScheduler({
    limit,
    laneFor: (tenant) =>
      createLane(clock, (onChange) => {
        const hungerMs = beatsOfHunger * beatMs;
        const ledger = createSharedLedger(
          { link, tenant, limit, clock, hungerMs, callMs, ...timing },
          onChange,
        );
        ledgers.set(tenant, ledger);
        return ledger;
      }),
    onDrop: (tenant) => void ledgers.delete(tenant),
  });

  return {
    ...scheduler,
    status(tenant) {
      scheduler.touch(tenant);
      return scheduler.status(tenant);
    },
    async refresh(tenant) {
      scheduler.touch(tenant);
      await ledgers.get(tenant)?.hear();
    },
    isShared: () => link.mode() === 'shared',
    close() {
      scheduler.close();
      link.close();
      ledgers.clear();
    },
  };
}
