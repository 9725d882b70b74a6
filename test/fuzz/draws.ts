import type { Random } from '../../src/simulator/random.ts';

/**
 * Random choices that can be recorded, replayed and shrunk. A generator draws from it; the recorded numbers are the test case. A draw of
 * 0 is the simplest choice: the first item, the smallest number, false.
 */
export class Draws implements Random {
  readonly #source: () => number;
  readonly #recorded: number[];
  #position = 0;

  /** Replays `recorded`, then draws from `source`. */
  constructor(recorded: readonly number[], source: () => number = () => 0) {
    this.#recorded = [...recorded];
    this.#source = source;
  }

  /** The choices made so far. */
  get taken(): readonly number[] {
    return this.#recorded.slice(0, this.#position);
  }

  next(): number {
    const value = this.#recorded[this.#position] ?? this.#source();
    this.#recorded[this.#position] = value;
    this.#position += 1;
    return value;
  }

  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  isLucky(chance: number): boolean {
    return this.next() >= 1 - chance;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined && items.length === 0) throw new Error('There is no item to pick.');
    return item!;
  }

  weighted<Item>(choices: readonly (readonly [Item, number])[]): Item {
    let rest = this.next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [choice, weight] of choices) {
      rest -= weight;
      if (rest < 0) return choice;
    }
    throw new Error('There is no choice to pick.');
  }
}

/** Fewer or smaller choices for which `fails` still holds. The result depends on the allowed number of calls of `fails`. */
export async function shrink(
  draws: readonly number[],
  fails: (candidate: readonly number[]) => Promise<boolean>,
): Promise<readonly number[]> {
  let best = draws;
  const attempt = async (candidate: readonly number[]): Promise<boolean> => {
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let hasImproved = true; hasImproved;) {
    hasImproved = false;
    for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
      for (let at = 0; at < best.length;) {
        const isShorter = await attempt([...best.slice(0, at), ...best.slice(at + size)]);
        if (isShorter) hasImproved = true;
        else at += size;
      }
      for (let at = 0; at < best.length; at += size) {
        const [from, to] = [at, at + size];
        if (best.slice(from, to).every((draw) => draw === 0)) continue;
        const zeroed = best.map((draw, index) => (index >= from && index < to ? 0 : draw));
        if (await attempt(zeroed)) hasImproved = true;
      }
    }
    for (let at = 0; at < best.length; at += 1) {
      while ((best[at] ?? 0) > 0.001) {
        if (!(await attempt(best.map((draw, index) => (index === at ? draw / 2 : draw))))) break;
      }
    }
  }
  return best;
}
