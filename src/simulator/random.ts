/** Repeatable chance: the same parts always give the same sequence. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  /** Both ends included. */
  integer(from: number, to: number): number;
  isLucky(chance: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Picks by weight; the weights need no particular sum. */
  weighted<T>(choices: readonly (readonly [T, number])[]): T;
}

/** A mulberry32 generator; the parts (a seed, a kind, an index) name one sequence among many. */
export function createRandom(...parts: readonly number[]): Random {
  let state = parts.reduce(
    (mixed, part) => Math.imul((mixed ^ part) + 0x9e3779b9, 0x85ebca6b) ^ (mixed >>> 13),
    0x2545f491,
  );

  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };

  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));

  return {
    next,
    integer,
    isLucky: (chance) => next() < chance,
    pick(items) {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new Error('Nothing to pick from.');
      return item;
    },
    weighted(choices) {
      let rest = next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [choice, weight] of choices) {
        rest -= weight;
        if (rest < 0) return choice;
      }
      throw new Error('Nothing to pick from.');
    },
  };
}
