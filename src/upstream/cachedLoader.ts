import type DataLoader from 'dataloader';

/** A DataLoader with synchronous cache look-up, which avoids a promise and a batch for cached values. For one operation. */
export function createPeekableLoader<Value>(
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

    /** The cached value; the same object for the rest of the operation. */
    peek(id: string): Value | undefined {
      const cached = cachedValues.get(id);
      if (cached !== undefined || requestedIds.has(id)) return cached;
      const value = lookUp(id);
      if (value === undefined) return undefined;
      cachedValues.set(id, value);
      loader.prime(id, value);
      return value;
    },

    /** Replaces the value, such as after a write. */
    prime(id: string, value: Value): void {
      requestedIds.add(id);
      cachedValues.delete(id);
      loader.clear(id).prime(id, value);
    },

    /** Loads the value again, such as after its deletion. */
    forget(id: string): void {
      requestedIds.add(id);
      cachedValues.delete(id);
      loader.clear(id);
    },
  };
}
