import { LRUCache } from 'lru-cache';
import type { Clock } from '../support/clock.ts';
import type { Breaker } from './breaker.ts';
import { createBreaker } from './breaker.ts';

interface BreakersOptions {
  readonly clock: Clock;
  readonly onChange: (tenant: string, isOpen: boolean) => void;
}

/** One that is forgotten is closed, and opens again after ten failures. */
const maxTenants = 10_000;

/** A circuit breaker for each tenant: one account's trouble is none of another's. */
export function createBreakers({ clock, onChange }: BreakersOptions) {
  const breakers = new LRUCache<string, Breaker>({ max: maxTenants });
  return {
    of(tenant: string): Breaker {
      const known = breakers.get(tenant);
      if (known !== undefined) return known;
      const breaker = createBreaker({ clock, onChange: (isOpen) => onChange(tenant, isOpen) });
      breakers.set(tenant, breaker);
      return breaker;
    },
    openCount: (): number => [...breakers.values()].filter((breaker) => breaker.isOpen()).length,
  };
}
