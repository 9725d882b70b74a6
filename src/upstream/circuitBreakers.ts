import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { CircuitBreaker } from './circuitBreaker.ts';
import { createCircuitBreaker } from './circuitBreaker.ts';

interface CircuitBreakersOptions {
  readonly clock: Clock;
  readonly onStateChange: (account: string, isOpen: boolean) => void;
}

/** One that is forgotten is closed, and opens again after ten failures. */
const maxAccounts = 10_000;

/** A circuit breaker for each tenant: one account's trouble is none of another's. */
export function createCircuitBreakers({ clock, onStateChange }: CircuitBreakersOptions) {
  const breakers = new LRUCache<string, CircuitBreaker>({ max: maxAccounts });
  return {
    forAccount(account: string): CircuitBreaker {
      const existing = breakers.get(account);
      if (existing !== undefined) return existing;
      const breaker = createCircuitBreaker({
        clock,
        onStateChange: (isOpen) => onStateChange(account, isOpen),
      });
      breakers.set(account, breaker);
      return breaker;
    },
    openCount: (): number => [...breakers.values()].filter((breaker) => breaker.isOpen()).length,
  };
}
