/** What an answer was made of, where it was made of nothing but what is kept. */
export interface Grounds {
  readonly entries: ReadonlyMap<string, object>;
  /** The latest changes of what takes the entries along when it changes. */
  readonly changes: ReadonlyMap<string, object | undefined>;
  /** Until when all of it is fresh. */
  readonly untilMs: number;
}

interface Sighting {
  readonly key: string;
  readonly entry: object;
  readonly around: string;
  readonly change: object | undefined;
  readonly untilMs: number;
}

/** Notes what one operation is shown of what is kept, from `begin` on. */
export class Trail {
  #entries: Map<string, object> | undefined;
  readonly #changes = new Map<string, object | undefined>();
  #untilMs = Infinity;

  begin(): void {
    this.#entries = new Map();
  }

  note({ key, entry, around, change, untilMs }: Sighting): void {
    const entries = this.#entries;
    if (entries === undefined) return;
    const changes = this.#changes;
    const hasChanged =
      (entries.get(key) ?? entry) !== entry ||
      (changes.has(around) && changes.get(around) !== change);
    if (hasChanged) this.lose();
    entries.set(key, entry);
    changes.set(around, change);
    this.#untilMs = Math.min(this.#untilMs, untilMs);
  }

  /** The operation has seen something that cannot be noted. */
  lose(): void {
    this.#entries = undefined;
  }

  /** Undefined where not all was noted. */
  end(): Grounds | undefined {
    const entries = this.#entries;
    return entries && { entries, changes: this.#changes, untilMs: this.#untilMs };
  }
}
