import { openSubscriber } from './resumingSubscriber.ts';
import type { ResumingSubscriber, SubscriberTransport } from './resumingSubscriber.ts';

/** A reproducible sequence of numbers from 0 to below 1 (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface MemberOptions {
  readonly random: () => number;
  /** Of the instances to which it may connect at the moment. */
  readonly urls: () => readonly string[];
  readonly transport: SubscriberTransport;
  /** A subscription with the variable `after`. */
  readonly query: string;
  /** The chat and the name of an event; undefined for a result without data. */
  readonly read: (result: any) => readonly [chatId: string, name: string] | null | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly disconnections: number;
  /** The number of events that it must receive. */
  readonly total: number;
}

/** A client that disconnects at random, and continues at another instance after the last event that it has received. */
export class CrowdMember {
  readonly #options: MemberOptions;
  readonly #received = new Map<string, string[]>();
  #subscriber: ResumingSubscriber | undefined;
  #lastEventId: string | undefined;
  #results = 0;
  disconnections = 0;
  /** Requests that were rejected, after which it connected again. */
  rejections = 0;
  /** Results that report missed events or other errors. */
  readonly errors: unknown[] = [];

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** What it has received by chat, in order. */
  get received(): ReadonlyMap<string, readonly string[]> {
    return this.#received;
  }

  async connect(): Promise<void> {
    const { random, urls, transport, query, headers = {} } = this.#options;
    while (this.#subscriber === undefined) {
      const all = urls();
      const url = all[Math.floor(random() * all.length)] ?? '';
      const after = this.#lastEventId;
      try {
        this.#subscriber = await openSubscriber(url, {
          ...{ transport, query, headers },
          ...(after === undefined ? {} : { after }),
        });
      } catch {
        // An instance that is stopping.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** Receives until this many results have arrived in total, whatever happens to its connections. */
  async receive(count: number): Promise<void> {
    while (this.#results < count) {
      await this.connect();
      try {
        this.#take(await this.#subscriber?.next());
      } catch {
        await this.close();
      }
    }
  }

  /** Receives everything, with the disconnections in between. */
  async run(): Promise<void> {
    const { random, disconnections, total } = this.#options;
    for (let left = disconnections; left > 0; left -= 1) {
      const share = (total - this.#results) / (left + 1);
      await this.receive(this.#results + Math.max(1, Math.floor(share * (0.2 + 0.8 * random()))));
      await this.close();
      this.disconnections += 1;
    }
    await this.receive(total);
  }

  async close(): Promise<void> {
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    await subscriber?.close().catch(() => undefined);
  }

  #take(result: any): void {
    const { eventId } = result.extensions ?? {};
    const isMissed = result.errors?.[0]?.extensions.missed === true;
    if (typeof eventId === 'string') this.#lastEventId = eventId;
    else if (!isMissed) {
      this.rejections += 1;
      throw new Error('The request was rejected.');
    }
    this.#results += 1;
    const event = this.#options.read(result);
    if (event === undefined || event === null) {
      this.errors.push(result);
      return;
    }
    const [chatId, name] = event;
    const names = this.#received.get(chatId) ?? [];
    names.push(name);
    this.#received.set(chatId, names);
  }
}
