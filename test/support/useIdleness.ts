import { afterEach, beforeEach } from '@jest/globals';
import { Idleness } from './idleness.ts';

/** An `Idleness` of each test. */
export function useIdleness(): Pick<Idleness, 'reached'> {
  let idleness: Idleness;
  beforeEach(() => {
    idleness = new Idleness();
  });
  afterEach(() => {
    idleness.end();
  });
  return { reached: () => idleness.reached() };
}
