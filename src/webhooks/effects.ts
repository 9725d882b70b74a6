import { isDeepStrictEqual } from 'node:util';
import { isDictionary } from '../lib/shape.ts';
import { agentCodec } from '../resources/agents/model.ts';
import {
  chatListTags,
  chatType,
  chatWebhooks,
  chatChangeKey,
} from '../resources/chats/descriptor.ts';
import { mergeWebhook, webhookChatFromWire } from '../resources/chats/model.ts';
import type { CustomerWebhook } from '../resources/customers/descriptor.ts';
import {
  areAllStaffFields,
  customerType,
  customerWebhooks,
  customerChangeKey,
} from '../resources/customers/descriptor.ts';
import {
  inboxAdditionPatch,
  inboxChatType,
  inboxMessagePatch,
} from '../resources/inbox/descriptor.ts';
import { mayBeOpen } from '../resources/inbox/model.ts';
import { messageWebhooks, messageChangeKey } from '../resources/messages/descriptor.ts';
import { messageCodec } from '../resources/messages/model.ts';
import { erasureOf } from '../upstream/cache/cacheTypes.ts';
import type { CacheChange } from '../upstream/cache/entityCache.ts';
import { decodeIfReadable, idOrNull } from '../upstream/codec.ts';
import type { WebhookDelivery, WebhookPayload } from './delivery.ts';
import { chatIdOf, customerIdOf, payloadOf } from './delivery.ts';
import type { DomainEvent } from '../events/bus.ts';

/** What a webhook event invalidates, and what it publishes to subscribers. */
interface Effects {
  readonly changes: readonly [CacheChange & { readonly id: string }, ...CacheChange[]];
  readonly events: readonly DomainEvent[];
  /** The fields that could not be decoded. If there are any, the entity is invalidated instead of patched. */
  readonly unreadable: readonly string[];
  /** The change under the name that the gateway's own write of it has, to recognize repetitions. Undefined if nothing is published. */
  readonly webhookChangeKey?: { readonly name: string; readonly atMs: number };
}

export interface WebhookEffects extends Effects {
  /** Whether the time of the event is recent. Other events only invalidate. */
  readonly isCurrent: boolean;
}

interface WebhookEvent {
  readonly data: WebhookPayload;
  /** By the clock of HelpCrunch, for ordering; null if it is not known. */
  readonly occurredAt: number | null;
  /** The time that subscribers receive. */
  readonly atMs: number;
}

type EventHandler = (event: WebhookEvent) => Effects;

/** Returns the current object if the patch changes nothing, as the cache requires. */
const keepIfEqual = <Value>(current: Value, patched: Value): Value =>
  isDeepStrictEqual(current, patched) ? current : patched;

/** The id may be readable although other fields of the customer are not. */
function customerIdFrom({ customer }: WebhookPayload): string | null {
  const id = isDictionary(customer) ? customer['id'] : undefined;
  return decodeIfReadable(idOrNull, id, 'delivered customer.id') ?? null;
}

/** The changes that can add a chat to the inbox. */
const openingChanges: ReadonlySet<string> = new Set(['CREATED', 'STATUS']);

const chatEvent =
  (
    { change, requiredField }: (typeof chatWebhooks)[keyof typeof chatWebhooks],
    webhook: string,
  ): EventHandler =>
  ({ data, occurredAt, atMs }) => {
    const chatId = chatIdOf(data);
    const notice = webhookChatFromWire(data);
    const { assignee, department } = notice.fields;
    const isComplete = notice.unreadable.length === 0;
    const patch = (value: unknown) => {
      const current = chatType.deserialize(value, () => undefined);
      const patched = current === undefined ? undefined : mergeWebhook(current, notice);
      return patched === undefined || !(requiredField in notice.fields)
        ? undefined
        : keepIfEqual(current, patched);
    };
    return {
      changes: [
        {
          type: chatType,
          id: chatId,
          ...(occurredAt === null || !isComplete ? {} : { changedAt: occurredAt, patch }),
        },
        ...chatListTags,
        {
          type: inboxChatType,
          id: chatId,
          ...(occurredAt === null || !isComplete ? {} : { changedAt: occurredAt, patch }),
        },
        ...(mayBeOpen(notice.fields.status) && openingChanges.has(change)
          ? [inboxAdditionPatch(chatId)]
          : []),
      ],
      events: [
        {
          kind: 'chat',
          chatId,
          change,
          atMs,
          customerId: customerIdFrom(data),
          assigneeId: assignee?.id ?? null,
          departmentId: department?.id ?? null,
        },
      ],
      unreadable: notice.unreadable,
      webhookChangeKey: { name: chatChangeKey(webhook, chatId, notice.fields), atMs },
    };
  };

/** The event does not contain what the message changes in its chat, such as the status: the chat is fetched again. */
const messageEvent =
  ({ from, type }: (typeof messageWebhooks)[keyof typeof messageWebhooks]): EventHandler =>
  ({ data, atMs }) => {
    const chatId = chatIdOf(data);
    const customerId = customerIdFrom(data);
    const { agent, message, unreadable } = readMessage(data, { from, type });
    const received = message === undefined ? undefined : { ...message, agent };
    return {
      changes: [
        { type: chatType, id: chatId },
        ...chatListTags,
        inboxMessagePatch(chatId, received),
      ],
      events: [
        ...(message === undefined
          ? []
          : [
              {
                kind: 'message' as const,
                chatId,
                customerId,
                message: { ...message, agent },
                atMs,
              },
            ]),
        {
          kind: 'chat',
          chatId,
          change: 'MESSAGE',
          atMs,
          customerId,
          assigneeId: null,
          departmentId: null,
        },
      ],
      unreadable,
      ...(message === undefined
        ? {}
        : { webhookChangeKey: { name: messageChangeKey(message.id), atMs } }),
    };
  };

/** If the agent cannot be decoded, the message is published without it. If another field cannot be decoded, the message is not published. */
function readMessage(
  data: WebhookPayload,
  { from, type }: { readonly from: string; readonly type: string },
) {
  const where = 'delivered message';
  const agent = decodeIfReadable(agentCodec.part, data['agent'] ?? null, `${where}.agent`);
  const given = data['message'] ?? {};
  const wire = isDictionary(given) ? given : {};
  const message = decodeIfReadable(
    { decode: messageCodec.fromWire },
    { ...wire, from, type },
    where,
  );
  const isAbsent = isDictionary(given) && wire['id'] === undefined;
  return {
    agent: agent ?? null,
    message,
    unreadable: [
      ...(agent === undefined ? ['agent'] : []),
      ...(message === undefined && !isAbsent ? ['message'] : []),
    ],
  };
}

const customerEvent =
  (
    { change, patch, invalidates, isErasure, changedFields }: CustomerWebhook,
    webhook: string,
  ): EventHandler =>
  ({ data, occurredAt, atMs }) => {
    const customerId = customerIdOf(data);
    const { fields, unreadable } = patch?.(data) ?? { fields: undefined, unreadable: [] };
    const patchEntity = (value: unknown) => {
      const current = customerType.deserialize(value, () => undefined);
      return current === undefined || fields === undefined
        ? undefined
        : keepIfEqual(current, { ...current, ...fields });
    };
    return {
      changes: [
        {
          type: customerType,
          id: customerId,
          ...(occurredAt === null || fields === undefined || unreadable.length > 0
            ? {}
            : { changedAt: occurredAt, patch: patchEntity }),
        },
        ...invalidates,
        ...(isErasure === true ? [erasureOf(customerId)] : []),
      ],
      events: [
        {
          kind: 'customer',
          customerId,
          change,
          atMs,
          ...(areAllStaffFields(changedFields) ? { isTeamOnly: true } : {}),
        },
      ],
      unreadable,
      webhookChangeKey: {
        name: customerChangeKey(webhook, { ...fields, id: customerId }),
        atMs,
      },
    };
  };

const handlersOf = <Declaration>(
  declarations: Readonly<Record<string, Declaration>>,
  createHandler: (declaration: Declaration, event: string) => EventHandler,
): readonly (readonly [string, EventHandler])[] =>
  Object.entries(declarations).map(([event, declaration]) => [
    event,
    createHandler(declaration, event),
  ]);

const handlers: ReadonlyMap<string, EventHandler> = new Map([
  ...handlersOf(chatWebhooks, chatEvent),
  ...handlersOf<CustomerWebhook>(customerWebhooks, customerEvent),
  ...handlersOf(messageWebhooks, messageEvent),
]);

/** HelpCrunch retries failed deliveries for less than this. Older deliveries may be replays of recorded ones. */
const maxAgeMs = 86_400_000;
/** The clocks of HelpCrunch and the gateway may differ. */
const maxAheadMs = 300_000;
/** The longest time in which an event is current: from the earliest moment it is accepted until it is outdated. */
export const maxCurrentMs = maxAgeMs + maxAheadMs;

/**
 * Undefined for an unknown event. Throws a `malformed` error if the id of the entity is missing. The time of an event is the time of its
 * delivery, because the times in the data belong to the chat, the customer or the message.
 */
export function effectsOf(delivery: WebhookDelivery, nowMs: number): WebhookEffects | undefined {
  const { event, occurredAt } = delivery;
  const handler = handlers.get(event);
  if (handler === undefined) return undefined;
  const data = payloadOf(delivery);
  const isCurrent =
    occurredAt !== null && occurredAt >= nowMs - maxAgeMs && occurredAt <= nowMs + maxAheadMs;
  if (isCurrent) return { ...handler({ data, occurredAt, atMs: occurredAt }), isCurrent };
  const effects = handler({ data, occurredAt: null, atMs: nowMs });
  return { ...effects, events: [], isCurrent };
}
