import { createHmac, randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import type { Change } from './changes.ts';
import { createWebhookData, withTextIds } from './webhookData.ts';

/** Where webhooks go, and the key that they are signed with. */
export interface WebhookTarget {
  readonly url: string;
  readonly secret: string;
}

interface Envelope {
  readonly event: string;
  readonly eventData: unknown;
  readonly createdAt: number;
  readonly id: string;
}

const timeoutMs = 10_000;
/** Of what waits to be sent the oldest is lost beyond this. */
const maxWaiting = 1_000;

/** Delivers the changes of the account to one URL, signed as HelpCrunch signs them. Failed deliveries are repeated. */
export function createWebhooks(
  { changes, store }: Account,
  { clock, behaviour }: { readonly clock: Clock; readonly behaviour: () => Behaviour },
) {
  const dataOf = createWebhookData(store);
  const leaving = new AbortController();
  const cancels = new Set<() => void>();
  let waiting: (() => Promise<unknown>)[] = [];
  let isSending = false;
  let target: WebhookTarget | undefined;

  const seconds = () => Math.floor(clock.now() / 1000);

  function later(ms: number, task: () => void): void {
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      task();
    });
    cancels.add(cancel);
  }

  async function post({ url, secret }: WebhookTarget, envelope: Envelope, attempts: number) {
    const { event, eventData, createdAt, id } = envelope;
    const lastAttemptAt = seconds();
    const body = JSON.stringify({ event, eventData, attempts, lastAttemptAt, createdAt, id });
    const giveUp = new AbortController();
    const cancel = clock.after(timeoutMs, () => {
      giveUp.abort();
    });
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'user-agent': 'GuzzleHttp/7',
          'x-helpcrunch-signature': createHmac('sha1', secret).update(body).digest('hex'),
        },
        body,
        signal: AbortSignal.any([leaving.signal, giveUp.signal]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    } finally {
      cancel();
    }
  }

  async function send(envelope: Envelope, attempts = 0): Promise<void> {
    if (target === undefined || (await post(target, envelope, attempts))) return;
    const { retriesMs } = behaviour().webhooks;
    const delayMs = retriesMs[attempts];
    if (delayMs !== undefined) later(delayMs, () => void send(envelope, attempts + 1));
  }

  /** First tries leave one after the other, so that only what is held back comes out of order. */
  async function sendAll(): Promise<void> {
    if (isSending) return;
    isSending = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
    isSending = false;
  }

  function queue(envelope: Envelope): void {
    waiting = [...waiting.slice(1 - maxWaiting), () => send(envelope)];
    void sendAll();
  }

  const stop = changes.listen((change: Change) => {
    if (target === undefined) return;
    const { lost, doubled, late, lateMs, eventData, ids } = behaviour().webhooks;
    const written = dataOf(change);
    const data = ids === 'text' ? withTextIds(written) : written;
    const envelope = {
      event: change.event,
      eventData: eventData === 'text' ? JSON.stringify(data) : data,
      createdAt: seconds(),
      id: randomUUID(),
    };
    const isLucky = (chance: number) => clock.random() < chance;
    if (isLucky(lost)) return;
    const times = isLucky(doubled) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      if (isLucky(late)) later(lateMs, () => queue(envelope));
      else queue(envelope);
    }
  });

  return {
    sendTo(next: WebhookTarget): void {
      target = next;
    },
    close(): void {
      stop();
      target = undefined;
      waiting = [];
      leaving.abort();
      for (const cancel of cancels) cancel();
    },
  };
}
