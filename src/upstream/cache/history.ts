/**
 * The order in which calls began and things changed, so that an older answer never takes the place of a newer one. Changes are
 * remembered as long as a call is under way that began before them.
 */
export function createHistory() {
  let latest = 0;
  let latestChange = 0;
  let latestChangeOfAll = 0;
  const changes = new Map<string, number>();
  /** In order of beginning, as sets keep it. */
  const underWay = new Set<number>();

  function forget(): void {
    const [oldest = Infinity] = underWay;
    for (const [key, order] of changes) {
      if (order > oldest) break;
      changes.delete(key);
    }
  }

  return {
    now: (): number => latest,
    /** A call begins; `end` must be told when it has been answered. */
    begin(): number {
      latest += 1;
      underWay.add(latest);
      return latest;
    },
    end(order: number): void {
      underWay.delete(order);
      forget();
    },
    /** What is under the key is no longer what a call under way may still bring. */
    change(key: string): number {
      latest += 1;
      latestChange = latest;
      changes.delete(key);
      if (underWay.size > 0) changes.set(key, latest);
      return latest;
    },
    /** Changes may have been missed: no call under way can be trusted any more. */
    changeAll(): void {
      latest += 1;
      latestChange = latest;
      latestChangeOfAll = latest;
    },
    hasChangedSince: (order: number, key: string): boolean =>
      Math.max(changes.get(key) ?? 0, latestChangeOfAll) > order,
    /** When anything at all last changed. */
    latestChange: (): number => latestChange,
  };
}
