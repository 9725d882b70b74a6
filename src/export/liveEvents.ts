import { createClient } from 'graphql-ws';
import type { Client, Sink } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { chatEventsDocument, customerEventsDocument } from './documents.ts';
import { credentialsError, graphqlErrorSchema, permanentFailure } from './failures.ts';
import type { TokenSource } from './gatewayClient.ts';
import { authorizationOf, backgroundPriority } from './gatewayClient.ts';
import type { Pauses } from './pauses.ts';

const resultSchema = z.object({
  data: z.object({
    chatUpdated: z.object({ change: z.string(), chat: z.object({ id: z.string() }) }).optional(),
    customerChanged: z.object({ customerId: z.string() }).optional(),
  }),
});

/** The gateway sends a ping every 25 seconds. */
const silenceLimitMs = 90_000;

const credentialCloseCodes: ReadonlySet<number> = new Set([4401, 4403]);

export interface LiveEventSink {
  readonly chatChanged: (id: string, change: string) => void;
  readonly customerChanged: (id: string) => void;
  /** Events may have been lost. */
  readonly missed: () => void;
}

interface LiveEventsOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pauses: Pauses;
  readonly sink: LiveEventSink;
  /** The events to subscribe to. */
  readonly events: readonly ('chats' | 'customers')[];
}

const closeSchema = z.object({ code: z.number(), reason: z.string().default('') });

/** The permanent failure that a subscription or connection ended with; undefined if it can be opened again. */
function failureOf(reason: unknown) {
  const close = closeSchema.safeParse(reason).data;
  if (close !== undefined && credentialCloseCodes.has(close.code))
    return credentialsError({ message: close.reason, extensions: { code: String(close.code) } });
  const errors = z.array(graphqlErrorSchema).safeParse(reason).data;
  return errors && permanentFailure(errors);
}

/** A WebSocket that is terminated when nothing is received for too long. */
function watchedWebSocket(clock: Clock) {
  return class WatchedWebSocket extends WebSocket {
    constructor(address: string, protocols?: string | string[]) {
      super(address, protocols);
      let isSilent = false;
      const check = (): (() => void) =>
        clock.after(silenceLimitMs, () => {
          if (isSilent) this.terminate();
          isSilent = true;
          cancel = check();
        });
      let cancel = check();
      for (const event of ['ping', 'message'] as const) {
        this.on(event, () => {
          isSilent = false;
        });
      }
      this.on('close', () => cancel());
    }
  };
}

const subscriptions = { chats: chatEventsDocument, customers: customerEventsDocument } as const;

/** Receives live events until the export is stopped. Connects again when the connection is lost, and then reports missed events. */
export class LiveEvents {
  readonly #options: LiveEventsOptions;
  #isStarted = false;

  constructor(options: LiveEventsOptions) {
    this.#options = options;
  }

  /** `onStarted` is called when the first events can arrive. Rejects with an `ExportError` when the export must end. */
  async run(onStarted: () => void): Promise<never> {
    const { pauses, url } = this.#options;
    for (;;) {
      pauses.throwIfStopped();
      const reason = await this.#connect(() => {
        pauses.succeeded();
        if (this.#isStarted) this.#options.sink.missed();
        this.#isStarted = true;
        onStarted();
      });
      const failure = failureOf(reason);
      if (failure !== undefined) throw failure;
      await pauses.afterFailure(`The WebSocket of ${url} was closed.`);
    }
  }

  /** Resolves with the reason when the connection ends. */
  async #connect(onActive: () => void): Promise<unknown> {
    const { url, token, clock, signal, events } = this.#options;
    const client = createClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: watchedWebSocket(clock),
      retryAttempts: 0,
      connectionParams: async () => {
        const authorization = await authorizationOf(token);
        return {
          priority: backgroundPriority,
          ...(authorization !== undefined && { authorization }),
        };
      },
    });
    const release: (() => void)[] = [];
    try {
      return await new Promise((resolve) => {
        const stop = () => resolve(undefined);
        signal.addEventListener('abort', stop, { once: true });
        release.push(() => signal.removeEventListener('abort', stop));
        // The client would connect again after some close codes, without a notice of lost events.
        client.on('closed', resolve);
        for (const name of events) {
          const next = (result: unknown) => this.#receive(result);
          this.#subscribe(client, subscriptions[name], { next, end: resolve });
        }
        // The gateway starts the operations of a connection in order.
        this.#subscribe(client, '{ __typename }', { next: onActive, end: () => undefined });
      });
    } finally {
      for (const each of release) each();
      client.terminate();
      await client.dispose();
    }
  }

  #subscribe(
    client: Client,
    query: string,
    { next, end }: { next: (result: unknown) => void; end: (reason: unknown) => void },
  ): void {
    const sink: Sink = { next, error: end, complete: () => end(undefined) };
    client.subscribe({ query }, sink);
  }

  #receive(result: unknown): void {
    const { sink } = this.#options;
    const event = resultSchema.safeParse(result).data;
    const { chatUpdated, customerChanged } = event?.data ?? {};
    if (chatUpdated) sink.chatChanged(chatUpdated.chat.id, chatUpdated.change);
    else if (customerChanged) sink.customerChanged(customerChanged.customerId);
    else sink.missed();
  }
}
