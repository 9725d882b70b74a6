import type { Release } from './connectionLimits.ts';
import { clientNetwork } from './requestRate.ts';

interface PendingLimits {
  readonly maxPerAddress: number;
  readonly max: number;
}

/**
 * The WebSockets whose clients are not authenticated yet. At a bound the oldest makes room for the newcomer, so that silent sockets
 * cannot keep out clients that authenticate at once.
 */
export class PendingConnections {
  readonly #limits: PendingLimits;
  /** How each is evicted, oldest first, by network. */
  readonly #evictions = new Map<string, Set<() => void>>();
  #count = 0;

  constructor(limits: PendingLimits = { maxPerAddress: 100, max: 1_000 }) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** `evict` is called at most once, when the connection has to make room, and never after the returned function. */
  add(address: string, evict: () => void): Release {
    const network = clientNetwork(address);
    const own = this.#evictions.get(network)?.size ?? 0;
    if (own >= this.#limits.maxPerAddress) this.#evictOldestOf(network);
    else if (this.#count >= this.#limits.max) this.#evictOldestOf(this.#largestNetwork());
    const evictions = this.#evictions.get(network) ?? new Set();
    this.#evictions.set(network, evictions);
    evictions.add(evict);
    this.#count += 1;
    return () => this.#remove(network, evict);
  }

  #largestNetwork(): string {
    let largest = '';
    let size = 0;
    for (const [network, evictions] of this.#evictions) {
      if (evictions.size > size) {
        largest = network;
        size = evictions.size;
      }
    }
    return largest;
  }

  #evictOldestOf(network: string): void {
    const [evict] = this.#evictions.get(network) ?? [];
    if (evict === undefined) return;
    this.#remove(network, evict);
    evict();
  }

  #remove(network: string, evict: () => void): void {
    const evictions = this.#evictions.get(network);
    if (evictions?.delete(evict) !== true) return;
    this.#count -= 1;
    if (evictions.size === 0) this.#evictions.delete(network);
  }
}
