import type DataLoader from 'dataloader';

/** A DataLoader, and what is known already: most things are, and these need no promise and no batch. For one operation. */
export function createCachedLoader<Value>(
  loader: DataLoader<string, Value>,
  lookUp: (id: string) => Value | undefined,
) {
  const requestedIds = new Set<string>();
  const cachedValues = new Map<string, Value>();
  return {
    load(id: string): Promise<Value> {
      requestedIds.add(id);
      return loader.load(id);
    },

    /** The value if it is known, the same one whenever it is asked for. */
    peek(id: string): Value | undefined {
      const cached = cachedValues.get(id);
      if (cached !== undefined || requestedIds.has(id)) return cached;
      const value = lookUp(id);
      if (value === undefined) return undefined;
      cachedValues.set(id, value);
      loader.prime(id, value);
      return value;
    },

    /** What it is from now on. */
    prime(id: string, value: Value): void {
      requestedIds.add(id);
      cachedValues.delete(id);
      loader.clear(id).prime(id, value);
    },
  };
}
