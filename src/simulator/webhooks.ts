import { createHmac, randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import type { Change } from './changes.ts';
import { createWebhookData, withTextIds } from './webhookData.ts';

/** The URL that receives webhooks, and the signing secret. */
export interface WebhookTarget {
  /** `{event}` is replaced by the name of the event: HelpCrunch has one URL for each type of event. */
  readonly url: string;
  readonly secret: string;
}

interface WebhookEnvelope {
  readonly event: string;
  readonly eventData: unknown;
  readonly createdAt: number;
  readonly id: string;
}

const timeoutMs = 10_000;
/** The oldest queued delivery is dropped beyond this. */
const maxQueued = 10_000;

interface WebhookContext {
  readonly clock: Clock;
  readonly behaviour: () => Behaviour;
}

/** Delivers the changes of the account to one URL, signed as HelpCrunch signs them. Failed deliveries are repeated. */
export class WebhookSender {
  readonly #clock: Clock;
  readonly #behaviour: () => Behaviour;
  readonly #dataOf: ReturnType<typeof createWebhookData>;
  readonly #stop: () => void;
  readonly #closing = new AbortController();
  readonly #cancels = new Set<() => void>();
  #queue: WebhookEnvelope[] = [];
  #isSending = false;
  #target: WebhookTarget | undefined;

  constructor({ changes, store }: Account, { clock, behaviour }: WebhookContext) {
    this.#clock = clock;
    this.#behaviour = behaviour;
    this.#dataOf = createWebhookData(store, behaviour);
    this.#stop = changes.listen((change, isApiWrite) => {
      if (isApiWrite && !behaviour().webhooks.apiWrites) return;
      this.#receive(change);
    });
  }

  sendTo(target: WebhookTarget): void {
    this.#target = target;
  }

  close(): void {
    this.#stop();
    this.#target = undefined;
    this.#queue = [];
    this.#closing.abort();
    for (const cancel of this.#cancels) cancel();
  }

  #receive(change: Change): void {
    if (this.#target === undefined) return;
    const { lost, doubled, late, lateMs, eventData, ids, envelopeLagSeconds } =
      this.#behaviour().webhooks;
    const written = this.#dataOf(change);
    const data = ids === 'text' ? withTextIds(written) : written;
    const envelope = {
      event: change.event,
      eventData: eventData === 'text' ? JSON.stringify(data) : data,
      createdAt: this.#seconds() + envelopeLagSeconds,
      id: randomUUID(),
    };
    const isLucky = (chance: number) => this.#clock.random() < chance;
    if (isLucky(lost)) return;
    const times = isLucky(doubled) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      if (isLucky(late))
        this.#after(lateMs, () => {
          this.#enqueue(envelope);
        });
      else this.#enqueue(envelope);
    }
  }

  #enqueue(envelope: WebhookEnvelope): void {
    this.#queue.push(envelope);
    if (this.#queue.length > maxQueued) this.#queue.shift();
    void this.#sendAll();
  }

  /** First attempts are sent sequentially, so that only delayed deliveries arrive out of order. */
  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#send(next);
    }
    this.#isSending = false;
  }

  async #send(envelope: WebhookEnvelope, attempts = 0): Promise<void> {
    const target = this.#target;
    if (target === undefined || (await this.#post(target, envelope, attempts))) return;
    const delayMs = this.#behaviour().webhooks.retriesMs[attempts];
    if (delayMs !== undefined) this.#after(delayMs, () => void this.#send(envelope, attempts + 1));
  }

  async #post({ url, secret }: WebhookTarget, envelope: WebhookEnvelope, attempts: number) {
    const { event, eventData, createdAt, id } = envelope;
    const lastAttemptAt = this.#seconds();
    const body = JSON.stringify({ event, eventData, attempts, lastAttemptAt, createdAt, id });
    const timeout = new AbortController();
    const cancel = this.#clock.after(timeoutMs, () => {
      timeout.abort();
    });
    try {
      const response = await fetch(url.replace('{event}', event), {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'user-agent': 'GuzzleHttp/7',
          'x-helpcrunch-signature': createHmac('sha1', secret).update(body).digest('hex'),
        },
        body,
        signal: AbortSignal.any([this.#closing.signal, timeout.signal]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    } finally {
      cancel();
    }
  }

  #after(ms: number, task: () => void): void {
    const cancel = this.#clock.after(ms, () => {
      this.#cancels.delete(cancel);
      task();
    });
    this.#cancels.add(cancel);
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}
