import { isDeepStrictEqual } from 'node:util';
import type { Chat } from '../resources/chats/model.ts';
import { isChat, webhookChatFromWire, mergeWebhook } from '../resources/chats/model.ts';
import type { Customer } from '../resources/customers/model.ts';
import { customerPartFromWire, isCustomer } from '../resources/customers/model.ts';
import { messageFromWire } from '../resources/messages/model.ts';
import type { ChangeNotice } from '../upstream/cache/entityCache.ts';
import { entityType } from '../upstream/cache/cacheTypes.ts';
import type { CacheTypeDescriptor } from '../upstream/cache/cacheTypes.ts';
import { decodeId, decodeIdOrNull, decodeObjectOrNull } from '../upstream/decode.ts';
import type { WebhookDelivery, WebhookPayload } from './delivery.ts';
import { chatIdOf } from './delivery.ts';
import type { ChatChange, DomainEvent } from '../events/bus.ts';

/** What an event means: what is no longer as it was, and what those who listen are told. */
interface Effects {
  readonly changes: readonly [ChangeNotice & { readonly id: string }, ...ChangeNotice[]];
  readonly events: readonly DomainEvent[];
}

export interface WebhookEffects extends Effects {
  /** Whether the event has a time, and that is recent. Any other event invalidates what it names and is not published. */
  readonly isCurrent: boolean;
}

interface WebhookEvent {
  readonly data: WebhookPayload;
  /** By the helpdesk's clock, for the order of things; null when it is not known. */
  readonly occurredAt: number | null;
  readonly atMs: number;
}

type EventHandler = (event: WebhookEvent) => Effects;

const chatType = entityType('Chat', isChat, { ttlClass: 'chats' });
const customerType = entityType('Customer', isCustomer, { ttlClass: 'customers' });

const everyEntityOf = (name: string): ChangeNotice => ({
  type: { name, ttlClass: 'chats' } satisfies CacheTypeDescriptor,
});

/** Any event of a chat may move it in, out of and within lists. */
const chatLists = [everyEntityOf('Chats'), everyEntityOf('OwnedChats')];
const customerLists = [everyEntityOf('Customers')];
/** Chats carry a part of their customer, and can be searched for by it. */
const allChats = [everyEntityOf('Chat'), ...chatLists];
/** A user id that stood for nobody may now be known. */
const userIdAliases = [everyEntityOf('CustomerByUserId')];

/** The very same where nothing is new, as the cache wants it. */
const keepIfEqual = <Value>(current: Value, patched: Value): Value =>
  isDeepStrictEqual(current, patched) ? current : patched;

const customerIdFrom = (data: WebhookPayload): string | null =>
  customerPartFromWire(data['customer'], 'delivered customer')?.id ?? null;

/** `field` is what must be told for the event to say how the chat is now. */
const chatEvent =
  (change: ChatChange, requiredField: keyof Chat): EventHandler =>
  ({ data, occurredAt, atMs }) => {
    const chatId = chatIdOf(data);
    const notice = webhookChatFromWire(data);
    const { customer, assignee, department } = notice.fields;
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
          ...(occurredAt === null ? {} : { changedAt: occurredAt, patch }),
        },
        ...chatLists,
      ],
      events: [
        {
          kind: 'chat',
          chatId,
          change,
          atMs,
          customerId: customer?.id ?? null,
          assigneeId: assignee?.id ?? null,
          departmentId: department?.id ?? null,
        },
      ],
    };
  };

/** What a message does to its chat (its status, who has read it) is not told, so the chat is asked for again. */
const messageEvent =
  (from: 'agent' | 'customer', type: 'message' | 'email' | 'private'): EventHandler =>
  ({ data, atMs }) => {
    const chatId = chatIdOf(data);
    const customerId = customerIdFrom(data);
    const wire = decodeObjectOrNull(data['message'], 'delivered message');
    const isReadable = decodeIdOrNull(wire?.['id'], 'delivered message.id') !== null;
    return {
      changes: [{ type: chatType, id: chatId }, ...chatLists],
      events: [
        ...(isReadable
          ? [
              {
                kind: 'message' as const,
                chatId,
                customerId,
                message: messageFromWire({ ...wire, agent: data['agent'], from, type }),
                atMs,
              },
            ]
          : []),
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
    };
  };

interface CustomerEffect {
  /** What is certain of the customer afterwards; without it the customer is asked for again. */
  readonly patch?: (data: WebhookPayload) => Partial<Customer> | undefined;
  readonly otherChanges: readonly ChangeNotice[];
}

const customerEvent =
  ({ patch, otherChanges }: CustomerEffect): EventHandler =>
  ({ data, occurredAt, atMs }) => {
    const customerId = decodeId(data['id'], 'delivered customer.id');
    const patchEntity = (value: unknown) => {
      const current = customerType.deserialize(value, () => undefined);
      const values = patch?.(data);
      return current === undefined || values === undefined
        ? undefined
        : keepIfEqual(current, { ...current, ...values });
    };
    return {
      changes: [
        {
          type: customerType,
          id: customerId,
          ...(occurredAt === null || patch === undefined
            ? {}
            : { changedAt: occurredAt, patch: patchEntity }),
        },
        ...otherChanges,
      ],
      events: [{ kind: 'customer', customerId, atMs }],
    };
  };

/** The name, e-mail and user id, if the e-mail is told. */
function partialCustomer(data: WebhookPayload): Partial<Customer> | undefined {
  const partial = customerPartFromWire(data, 'delivered customer');
  return partial?.email === undefined ? undefined : partial;
}

export type WebhookEventName =
  | `chat.${'new' | 'status_updated' | 'assigned' | 'snoozed' | 'unsnoozed' | 'closed' | 'rated'}`
  | `customer.${'new' | 'email_updated' | 'tags_changed' | 'deleted'}`
  | `customer.${'unsubscribed' | 'subscribed' | 'blocked' | 'unblocked'}`
  | `message.${'chat' | 'email'}.${'customer' | 'agent'}`
  | 'message.private';

/** What each event means here. */
const handlersByEvent: Readonly<Record<WebhookEventName, EventHandler>> = {
  'chat.new': chatEvent('CREATED', 'status'),
  'chat.status_updated': chatEvent('STATUS', 'status'),
  'chat.assigned': chatEvent('ASSIGNEE', 'assignee'),
  'chat.snoozed': chatEvent('SNOOZED', 'snoozedUntil'),
  'chat.unsnoozed': chatEvent('UNSNOOZED', 'snoozedUntil'),
  'chat.closed': chatEvent('CLOSED', 'status'),
  'chat.rated': chatEvent('RATED', 'rating'),
  'customer.new': customerEvent({ otherChanges: [...customerLists, ...userIdAliases] }),
  'customer.email_updated': customerEvent({
    patch: partialCustomer,
    otherChanges: [...customerLists, ...allChats],
  }),
  'customer.tags_changed': customerEvent({ otherChanges: [...customerLists, ...chatLists] }),
  'customer.unsubscribed': customerEvent({
    patch: () => ({ unsubscribed: true }),
    otherChanges: [],
  }),
  'customer.subscribed': customerEvent({
    patch: () => ({ unsubscribed: false }),
    otherChanges: [],
  }),
  'customer.blocked': customerEvent({ patch: () => ({ blocked: true }), otherChanges: [] }),
  'customer.unblocked': customerEvent({ patch: () => ({ blocked: false }), otherChanges: [] }),
  'customer.deleted': customerEvent({
    otherChanges: [...customerLists, ...userIdAliases, ...allChats],
  }),
  'message.chat.customer': messageEvent('customer', 'message'),
  'message.email.customer': messageEvent('customer', 'email'),
  'message.private': messageEvent('agent', 'private'),
  'message.chat.agent': messageEvent('agent', 'message'),
  'message.email.agent': messageEvent('agent', 'email'),
};

const handlers = new Map<string, EventHandler>(Object.entries(handlersByEvent));

/** HelpCrunch repeats a delivery that failed; a recording of one can be sent again for ever. */
const maxAgeMs = 86_400_000;
/** The clocks of both sides may differ. */
const maxAheadMs = 300_000;
/** The longest time in which an event is current: from the earliest moment it is accepted until it is outdated. */
export const maxCurrentMs = maxAgeMs + maxAheadMs;

/**
 * Undefined for an event that means nothing here; a `malformed` for one that does not say what it is about. The time of an event of every
 * kind is that of its delivery: times inside the data are those of the chat, the customer or the message.
 */
export function effectsOf(
  { event, data, occurredAt }: WebhookDelivery,
  nowMs: number,
): WebhookEffects | undefined {
  const row = handlers.get(event);
  if (row === undefined) return undefined;
  const isCurrent =
    occurredAt !== null && occurredAt >= nowMs - maxAgeMs && occurredAt <= nowMs + maxAheadMs;
  if (isCurrent) return { ...row({ data, occurredAt, atMs: occurredAt }), isCurrent };
  const { changes } = row({ data, occurredAt: null, atMs: nowMs });
  return { changes, events: [], isCurrent };
}
