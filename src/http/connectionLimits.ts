import { Disposer } from '../lib/disposer.ts';
import { clientNetwork } from './clientAddress.ts';

export interface ConnectionLimitOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerViewer: number;
  readonly maxSubscriptionsPerViewer: number;
}

/** Gives back what was acquired. Repeated calls have no effect. */
export type Release = () => void;

class NamedCounter {
  readonly #maxPerName: number;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(maxPerName: number) {
    this.#maxPerName = maxPerName;
  }

  get total(): number {
    return this.#total;
  }

  /** Undefined when the limit of the name is reached. */
  acquire(name: string): Release | undefined {
    if ((this.#counts.get(name) ?? 0) >= this.#maxPerName) return undefined;
    this.#add(name, 1);
    const held = new Disposer();
    held.add(() => this.#add(name, -1));
    return () => held.dispose();
  }

  #add(name: string, change: 1 | -1): void {
    this.#total += change;
    const count = (this.#counts.get(name) ?? 0) + change;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}

/** Limits the long-lived connections (WebSockets, event streams, callback subscriptions) and subscriptions of authenticated viewers. */
export class ConnectionLimits {
  readonly #maxConnections: number;
  readonly #connections: NamedCounter;
  readonly #subscriptions: NamedCounter;
  readonly unauthenticated = new UnauthenticatedConnections();

  constructor(limits: ConnectionLimitOptions) {
    this.#maxConnections = limits.maxConnections;
    this.#connections = new NamedCounter(limits.maxConnectionsPerViewer);
    this.#subscriptions = new NamedCounter(limits.maxSubscriptionsPerViewer);
  }

  get connections(): number {
    return this.#connections.total;
  }

  get subscriptions(): number {
    return this.#subscriptions.total;
  }

  get isFull(): boolean {
    return this.connections >= this.#maxConnections;
  }

  /** Undefined when the process or the viewer has too many connections. */
  acquire(viewer: string): Release | undefined {
    return this.isFull ? undefined : this.#connections.acquire(viewer);
  }

  /** Undefined when the viewer has too many subscriptions. */
  acquireSubscription(viewer: string): Release | undefined {
    return this.#subscriptions.acquire(viewer);
  }
}

interface PendingLimits {
  readonly maxPerAddress: number;
  readonly max: number;
}

/**
 * The live connections whose clients are not authenticated yet: WebSockets without an init, and connections of API keys that HelpCrunch has
 * not accepted. At a limit the oldest one is evicted, so that they cannot block clients that authenticate at once.
 */
export class UnauthenticatedConnections {
  readonly #limits: PendingLimits;
  /** Eviction callbacks by network, oldest first. */
  readonly #evictions = new Map<string, Set<() => void>>();
  #count = 0;

  constructor(limits: PendingLimits = { maxPerAddress: 100, max: 1_000 }) {
    this.#limits = limits;
  }

  /** `evict` is called at most once, and never after the returned function. */
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
