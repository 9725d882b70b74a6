import { isDeepStrictEqual } from 'node:util';
import type { Chat } from '../resources/chats/model.ts';
import { isChat, toldChatFromWire, withTold } from '../resources/chats/model.ts';
import type { Customer } from '../resources/customers/model.ts';
import { customerPartFromWire, isCustomer } from '../resources/customers/model.ts';
import { messageFromWire } from '../resources/messages/model.ts';
import type { Told } from '../upstream/cache/cache.ts';
import { entityKind } from '../upstream/cache/kinds.ts';
import type { Named } from '../upstream/cache/kinds.ts';
import { id, idOrNull, recordOrNull } from '../upstream/decode.ts';
import type { Delivery, Wire } from './delivery.ts';
import { chatIdOf } from './delivery.ts';
import type { ChatChange, News } from './feed.ts';

/** What an event means: what is no longer as it was, and what those who listen are told. */
interface Effects {
  readonly told: readonly [Told & { readonly id: string }, ...Told[]];
  readonly news: readonly News[];
}

export interface Meaning extends Effects {
  /** Whether the event has a time, and that is recent. Any other event invalidates what it names and is not published. */
  readonly isCurrent: boolean;
}

interface Happening {
  readonly data: Wire;
  /** By the helpdesk's clock, for the order of things; null when it is not known. */
  readonly at: number | null;
  readonly atMs: number;
}

type Row = (happening: Happening) => Effects;

const chatKind = entityKind('Chat', isChat, { freshness: 'chats' });
const customerKind = entityKind('Customer', isCustomer, { freshness: 'customers' });

const all = (name: string): Told => ({ kind: { name, freshness: 'chats' } satisfies Named });

/** Any event of a chat may move it in, out of and within lists. */
const chatLists = [all('Chats'), all('OwnChats')];
const customerLists = [all('Customers')];
/** Chats carry a part of their customer, and can be searched for by it. */
const allChats = [all('Chat'), ...chatLists];
/** A user id that stood for nobody may now be known. */
const userIds = [all('CustomerByUserId')];

/** The very same where nothing is new, as the cache wants it. */
const orSame = <Value>(known: Value, revised: Value): Value =>
  isDeepStrictEqual(known, revised) ? known : revised;

const customerIdOf = (data: Wire): string | null =>
  customerPartFromWire(data['customer'], 'delivered customer')?.id ?? null;

/** `field` is what must be told for the event to say how the chat is now. */
const chat =
  (change: ChatChange, field: keyof Chat): Row =>
  ({ data, at, atMs }) => {
    const chatId = chatIdOf(data);
    const told = toldChatFromWire(data);
    const { customer, assignee, department } = told.part;
    const revise = (value: unknown) => {
      const known = chatKind.unpack(value, () => undefined);
      const revised = known === undefined ? undefined : withTold(known, told);
      return revised === undefined || !(field in told.part) ? undefined : orSame(known, revised);
    };
    return {
      told: [{ kind: chatKind, id: chatId, ...(at === null ? {} : { at, revise }) }, ...chatLists],
      news: [
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
const message =
  (from: 'agent' | 'customer', type: 'message' | 'email' | 'private'): Row =>
  ({ data, atMs }) => {
    const chatId = chatIdOf(data);
    const customerId = customerIdOf(data);
    const wire = recordOrNull(data['message'], 'delivered message');
    const isReadable = idOrNull(wire?.['id'], 'delivered message.id') !== null;
    return {
      told: [{ kind: chatKind, id: chatId }, ...chatLists],
      news: [
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

interface Touch {
  /** What is certain of the customer afterwards; without it the customer is asked for again. */
  readonly part?: (data: Wire) => Partial<Customer> | undefined;
  readonly others: readonly Told[];
}

const customer =
  ({ part, others }: Touch): Row =>
  ({ data, at, atMs }) => {
    const customerId = id(data['id'], 'delivered customer.id');
    const revise = (value: unknown) => {
      const known = customerKind.unpack(value, () => undefined);
      const news = part?.(data);
      return known === undefined || news === undefined
        ? undefined
        : orSame(known, { ...known, ...news });
    };
    return {
      told: [
        {
          kind: customerKind,
          id: customerId,
          ...(at === null || part === undefined ? {} : { at, revise }),
        },
        ...others,
      ],
      news: [{ kind: 'customer', customerId, atMs }],
    };
  };

/** The name, e-mail and user id, if the e-mail is told. */
function stubOf(data: Wire): Partial<Customer> | undefined {
  const stub = customerPartFromWire(data, 'delivered customer');
  return stub?.email === undefined ? undefined : stub;
}

export type HelpdeskEvent =
  | `chat.${'new' | 'status_updated' | 'assigned' | 'snoozed' | 'unsnoozed' | 'closed' | 'rated'}`
  | `customer.${'new' | 'email_updated' | 'tags_changed' | 'deleted'}`
  | `customer.${'unsubscribed' | 'subscribed' | 'blocked' | 'unblocked'}`
  | `message.${'chat' | 'email'}.${'customer' | 'agent'}`
  | 'message.private';

/** What each event means here. */
const table: Readonly<Record<HelpdeskEvent, Row>> = {
  'chat.new': chat('CREATED', 'status'),
  'chat.status_updated': chat('STATUS', 'status'),
  'chat.assigned': chat('ASSIGNEE', 'assignee'),
  'chat.snoozed': chat('SNOOZED', 'snoozedUntil'),
  'chat.unsnoozed': chat('UNSNOOZED', 'snoozedUntil'),
  'chat.closed': chat('CLOSED', 'status'),
  'chat.rated': chat('RATED', 'rating'),
  'customer.new': customer({ others: [...customerLists, ...userIds] }),
  'customer.email_updated': customer({ part: stubOf, others: [...customerLists, ...allChats] }),
  'customer.tags_changed': customer({ others: [...customerLists, ...chatLists] }),
  'customer.unsubscribed': customer({ part: () => ({ unsubscribed: true }), others: [] }),
  'customer.subscribed': customer({ part: () => ({ unsubscribed: false }), others: [] }),
  'customer.blocked': customer({ part: () => ({ blocked: true }), others: [] }),
  'customer.unblocked': customer({ part: () => ({ blocked: false }), others: [] }),
  'customer.deleted': customer({ others: [...customerLists, ...userIds, ...allChats] }),
  'message.chat.customer': message('customer', 'message'),
  'message.email.customer': message('customer', 'email'),
  'message.private': message('agent', 'private'),
  'message.chat.agent': message('agent', 'message'),
  'message.email.agent': message('agent', 'email'),
};

const rows = new Map<string, Row>(Object.entries(table));

/** HelpCrunch repeats a delivery that failed; a recording of one can be sent again for ever. */
const maxAgeMs = 86_400_000;
/** The clocks of both sides may differ. */
const maxAheadMs = 300_000;

/**
 * Undefined for an event that means nothing here; a `malformed` for one that does not say what it is about. The time of an event of every
 * kind is that of its delivery: times inside the data are those of the chat, the customer or the message.
 */
export function meaningOf({ event, data, at }: Delivery, nowMs: number): Meaning | undefined {
  const row = rows.get(event);
  if (row === undefined) return undefined;
  const isCurrent = at !== null && at >= nowMs - maxAgeMs && at <= nowMs + maxAheadMs;
  if (isCurrent) return { ...row({ data, at, atMs: at }), isCurrent };
  const { told } = row({ data, at: null, atMs: nowMs });
  return { told, news: [], isCurrent };
}
