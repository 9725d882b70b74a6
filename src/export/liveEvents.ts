import { createClient } from 'graphql-ws';
import type { Client, Sink, SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Credentials } from './credentials.ts';
import { chatEventsDocument, customerEventsDocument } from './documents.ts';
import {
  createErrorSchema,
  credentialsError,
  permanentFailure,
  rejectedError,
} from './failures.ts';
import { backgroundPriority } from './gatewayClient.ts';
import { ExportError } from './options.ts';
import type { Pauses } from './pauses.ts';
import type { PendingChanges } from './pendingChanges.ts';
import type { ListName } from './state.ts';
import { eventIdSchema, idSchema, referenceSchema } from './values.ts';

const resultSchema = z.object({
  data: z
    .object({
      chatUpdated: z.object({ change: z.string(), chat: referenceSchema }).optional(),
      customerChanged: z.object({ customerId: idSchema }).optional(),
    })
    .nullish(),
  extensions: z.object({ eventId: eventIdSchema.optional() }).optional(),
});

/** No event has this id, so the gateway responds with the id of the latest one. */
const unknownEventId = '00000000-0000-7000-8000-000000000000';

/** The gateway sends a ping every 25 seconds. */
const silenceLimitMs = 90_000;

const credentialCloseCodes: ReadonlySet<number> = new Set([4401, 4403]);

interface LiveEventsOptions {
  readonly url: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pauses: Pauses;
  readonly changes: PendingChanges;
  /** The lists whose events to subscribe to. */
  readonly lists: readonly ListName[];
  /** Whether nothing was exported yet, so that earlier events are irrelevant. */
  readonly isFirstRun: boolean;
}

const closeSchema = z.object({ code: z.number(), reason: z.string().default('') });

/** The permanent failure that a subscription or connection ended with; undefined if it can be opened again. */
function failureOf(reason: unknown, credentials: Credentials) {
  if (reason instanceof ExportError) return reason;
  const close = closeSchema.safeParse(reason).data;
  if (close !== undefined && credentialCloseCodes.has(close.code))
    return credentialsError({
      message: credentials.printable(close.reason),
      extensions: { code: String(close.code) },
    });
  const errors = z.array(createErrorSchema(credentials)).safeParse(reason).data;
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

/** Receives live events until the export is stopped. After a lost connection and in a later run it continues after the last event. */
export class LiveEvents {
  readonly #options: LiveEventsOptions;
  /** Lists of which earlier events are irrelevant. */
  readonly #unread: Set<ListName>;

  constructor(options: LiveEventsOptions) {
    this.#options = options;
    this.#unread = new Set(options.isFirstRun ? options.lists : []);
  }

  /** `onStarted` is called when the first events can arrive. Rejects with an `ExportError` when the export must end. */
  async run(onStarted: () => void): Promise<never> {
    const { credentials, pauses, url } = this.#options;
    for (;;) {
      pauses.throwIfStopped();
      const connection = { isAccepted: false };
      const reason = await this.#connect(() => {
        connection.isAccepted = true;
        pauses.succeeded();
        onStarted();
      });
      const failure = failureOf(reason, credentials);
      // The gateway closes a connection when its token expires. The token may have been renewed since.
      const hasExpired = connection.isAccepted && failure?.code === 'CREDENTIALS';
      if (failure !== undefined && !hasExpired) throw failure;
      await pauses.afterFailure(`The WebSocket of ${url} was closed.`);
    }
  }

  /** Resolves with the reason when the connection ends. */
  async #connect(onActive: () => void): Promise<unknown> {
    const { url, credentials, clock, signal, lists, changes } = this.#options;
    const client = createClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: watchedWebSocket(clock),
      retryAttempts: 0,
      connectionParams: async () => {
        const authorization = await credentials.authorization();
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
        // The latest event is unknown until the first result.
        const waiting = new Set(lists.filter((list) => changes.lastEventId(list) === undefined));
        let isStarted = false;
        let isActive = false;
        const check = () => {
          if (!isStarted || isActive || waiting.size > 0) return;
          isActive = true;
          onActive();
        };
        for (const list of lists) {
          const next = (result: unknown) => {
            const event = resultSchema.safeParse(result);
            if (!event.success) {
              resolve(rejectedError('A live event has an unexpected form.'));
              return;
            }
            this.#receive(list, event.data);
            waiting.delete(list);
            check();
          };
          const after = changes.lastEventId(list) ?? unknownEventId;
          const payload = { query: subscriptions[list], variables: { after } };
          this.#subscribe(client, payload, { next, end: resolve });
        }
        // The gateway starts the operations of a connection in order.
        const next = () => {
          isStarted = true;
          check();
        };
        this.#subscribe(client, { query: '{ __typename }' }, { next, end: () => undefined });
      });
    } finally {
      for (const each of release) each();
      client.terminate();
      await client.dispose();
    }
  }

  #subscribe(
    client: Client,
    payload: SubscribePayload,
    { next, end }: { next: (result: unknown) => void; end: (reason: unknown) => void },
  ): void {
    const sink: Sink = { next, error: end, complete: () => end(undefined) };
    client.subscribe(payload, sink);
  }

  #receive(list: ListName, { data, extensions }: z.infer<typeof resultSchema>): void {
    const { changes } = this.#options;
    const { chatUpdated, customerChanged } = data ?? {};
    const isRelevant = !this.#unread.delete(list);
    // All other changes can add system messages, which have no event.
    if (chatUpdated) changes.chatChanged(chatUpdated.chat.id, chatUpdated.change !== 'READ');
    else if (customerChanged) changes.customerChanged(customerChanged.customerId);
    else if (isRelevant) changes.missed();
    if (extensions?.eventId !== undefined) changes.received(list, extensions.eventId);
  }
}
