/** Undefined for what is not there. */
type Marks = ReadonlyMap<string, number | undefined>;

/** What an answer was made of, where it was made of nothing but what is kept. */
export interface Grounds {
  /** Of entries by their keys. */
  readonly versions: Marks;
  /** The latest changes of what takes the entries along when it changes. */
  readonly changes: Marks;
  /** Until when all of it is fresh. */
  readonly untilMs: number;
}

interface Sighting {
  readonly key: string;
  readonly version: number | undefined;
  readonly around: string;
  readonly change: number | undefined;
  readonly untilMs: number;
}

/** Notes what one operation is shown of what is kept, from `begin` on. */
export class Trail {
  #isNoting = false;
  readonly #versions = new Map<string, number | undefined>();
  readonly #changes = new Map<string, number | undefined>();
  #untilMs = Infinity;

  get isNoting(): boolean {
    return this.#isNoting;
  }

  begin(): void {
    this.#isNoting = true;
  }

  note({ key, version, around, change, untilMs }: Sighting): void {
    const isOther = (marks: Marks, name: string, mark: number | undefined) =>
      marks.has(name) && marks.get(name) !== mark;
    if (isOther(this.#versions, key, version) || isOther(this.#changes, around, change)) {
      this.lose();
    }
    this.#versions.set(key, version);
    this.#changes.set(around, change);
    this.#untilMs = Math.min(this.#untilMs, untilMs);
  }

  /** The operation has seen something that cannot be noted. */
  lose(): void {
    this.#isNoting = false;
  }

  /** Undefined where not all was noted. */
  end(): Grounds | undefined {
    if (!this.#isNoting) return undefined;
    return { versions: this.#versions, changes: this.#changes, untilMs: this.#untilMs };
  }
}
