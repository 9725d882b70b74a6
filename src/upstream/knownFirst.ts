import type DataLoader from 'dataloader';

/** A DataLoader, and what is known already: most things are, and these need no promise and no batch. For one operation. */
export function createKnownFirst<Value>(
  loader: DataLoader<string, Value>,
  known: (id: string) => Value | undefined,
) {
  const asked = new Set<string>();
  const found = new Map<string, Value>();
  return {
    load(id: string): Promise<Value> {
      asked.add(id);
      return loader.load(id);
    },

    /** The value if it is known, the same one whenever it is asked for. */
    now(id: string): Value | undefined {
      const seen = found.get(id);
      if (seen !== undefined || asked.has(id)) return seen;
      const value = known(id);
      if (value === undefined) return undefined;
      found.set(id, value);
      loader.prime(id, value);
      return value;
    },

    /** What it is from now on. */
    learn(id: string, value: Value): void {
      asked.add(id);
      found.delete(id);
      loader.clear(id).prime(id, value);
    },
  };
}
