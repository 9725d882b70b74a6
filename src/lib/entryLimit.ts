/** Options of an LRU cache with at most `count` entries. Unlike `max`, they allocate no memory for entries that do not exist yet. */
export const lruEntryLimit = (count: number) => ({
  maxSize: count,
  sizeCalculation: () => 1,
});
