import { isDeepStrictEqual } from 'node:util';
import { chatLists, chatType, chatWebhooks } from '../resources/chats/descriptor.ts';
import { mergeWebhook, webhookChatFromWire } from '../resources/chats/model.ts';
import type { CustomerWebhook } from '../resources/customers/descriptor.ts';
import { customerType, customerWebhooks } from '../resources/customers/descriptor.ts';
import { customerCodec } from '../resources/customers/model.ts';
import { messageWebhooks } from '../resources/messages/descriptor.ts';
import { messageCodec } from '../resources/messages/model.ts';
import type { ChangeNotice } from '../upstream/cache/entityCache.ts';
import { decodeId, decodeIdOrNull, decodeObjectOrNull } from '../upstream/decode.ts';
import type { WebhookDelivery, WebhookPayload } from './delivery.ts';
import { chatIdOf } from './delivery.ts';
import type { DomainEvent } from '../events/bus.ts';

/** What a webhook event invalidates, and what it publishes to subscribers. */
interface Effects {
  readonly changes: readonly [ChangeNotice & { readonly id: string }, ...ChangeNotice[]];
  readonly events: readonly DomainEvent[];
}

export interface WebhookEffects extends Effects {
  /** Whether the event has a recent time. Any other event only invalidates. */
  readonly isCurrent: boolean;
}

interface WebhookEvent {
  readonly data: WebhookPayload;
  /** By the clock of HelpCrunch, for ordering; null when it is not known. */
  readonly occurredAt: number | null;
  readonly atMs: number;
}

type EventHandler = (event: WebhookEvent) => Effects;

/** The cache requires the current object if nothing has changed. */
const keepIfEqual = <Value>(current: Value, patched: Value): Value =>
  isDeepStrictEqual(current, patched) ? current : patched;

const customerIdFrom = (data: WebhookPayload): string | null =>
  customerCodec.part.decode(data['customer'], 'delivered customer')?.id ?? null;

const chatEvent =
  ({ change, requiredField }: (typeof chatWebhooks)[keyof typeof chatWebhooks]): EventHandler =>
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

/** The event does not contain what the message changes in its chat, such as the status: the chat is fetched again. */
const messageEvent =
  ({ from, type }: (typeof messageWebhooks)[keyof typeof messageWebhooks]): EventHandler =>
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
                message: messageCodec.fromWire({ ...wire, agent: data['agent'], from, type }),
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

const customerEvent =
  ({ patch, invalidates }: CustomerWebhook): EventHandler =>
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
        ...invalidates,
      ],
      events: [{ kind: 'customer', customerId, atMs }],
    };
  };

const handlersOf = <Declaration>(
  declarations: Readonly<Record<string, Declaration>>,
  createHandler: (declaration: Declaration) => EventHandler,
): readonly (readonly [string, EventHandler])[] =>
  Object.entries(declarations).map(([event, declaration]) => [event, createHandler(declaration)]);

const handlers: ReadonlyMap<string, EventHandler> = new Map([
  ...handlersOf(chatWebhooks, chatEvent),
  ...handlersOf<CustomerWebhook>(customerWebhooks, customerEvent),
  ...handlersOf(messageWebhooks, messageEvent),
]);

/** HelpCrunch redelivers failed deliveries for less than this. Older ones may be replayed recordings. */
const maxAgeMs = 86_400_000;
/** The clocks of HelpCrunch and the gateway may differ. */
const maxAheadMs = 300_000;
/** The longest time in which an event is current: from the earliest moment it is accepted until it is outdated. */
export const maxCurrentMs = maxAgeMs + maxAheadMs;

/**
 * Undefined for an unknown event; fails with `malformed` for one without the id of its entity. The time of an event is that of its
 * delivery: times inside the data are those of the chat, the customer or the message.
 */
export function effectsOf(
  { event, data, occurredAt }: WebhookDelivery,
  nowMs: number,
): WebhookEffects | undefined {
  const handler = handlers.get(event);
  if (handler === undefined) return undefined;
  const isCurrent =
    occurredAt !== null && occurredAt >= nowMs - maxAgeMs && occurredAt <= nowMs + maxAheadMs;
  if (isCurrent) return { ...handler({ data, occurredAt, atMs: occurredAt }), isCurrent };
  const { changes } = handler({ data, occurredAt: null, atMs: nowMs });
  return { changes, events: [], isCurrent };
}
