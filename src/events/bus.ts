import type { Message } from '../resources/messages/model.ts';
import { messageCodec } from '../resources/messages/model.ts';
import type { Shape } from '../lib/shape.ts';
import { isIdText, isTime, objectOf, oneOf, orNull } from '../lib/shape.ts';

const chatChanges = [
  'CREATED',
  'STATUS',
  'ASSIGNEE',
  'SNOOZED',
  'UNSNOOZED',
  'CLOSED',
  'RATED',
  'READ',
  'MESSAGE',
] as const;

export type ChatChange = (typeof chatChanges)[number];

/** Something that happened in an account. Ids are null where they are not known or there is none. */
export type DomainEvent =
  | {
      readonly kind: 'chat';
      readonly chatId: string;
      readonly change: ChatChange;
      readonly atMs: number;
      readonly customerId: string | null;
      readonly assigneeId: string | null;
      readonly departmentId: string | null;
    }
  | {
      readonly kind: 'message';
      readonly chatId: string;
      readonly customerId: string | null;
      readonly message: Message;
      readonly atMs: number;
    }
  | { readonly kind: 'customer'; readonly customerId: string; readonly atMs: number };

type NewsOf<Kind extends DomainEvent['kind']> = Extract<DomainEvent, { readonly kind: Kind }>;

const isChatNews = objectOf<NewsOf<'chat'>>({
  kind: oneOf('chat'),
  chatId: isIdText,
  change: oneOf(...chatChanges),
  atMs: isTime,
  customerId: orNull(isIdText),
  assigneeId: orNull(isIdText),
  departmentId: orNull(isIdText),
});

const isMessageNews = objectOf<NewsOf<'message'>>({
  kind: oneOf('message'),
  chatId: isIdText,
  customerId: orNull(isIdText),
  message: messageCodec.shape,
  atMs: isTime,
});

const isCustomerNews = objectOf<NewsOf<'customer'>>({
  kind: oneOf('customer'),
  customerId: isIdText,
  atMs: isTime,
});

/** News as an instance writes them. */
export const isNews: Shape<DomainEvent> = (value): value is DomainEvent =>
  isChatNews(value) || isMessageNews(value) || isCustomerNews(value);

/** After a gap something may have been missed: what is shown must be fetched again. */
export type EventOrGap = DomainEvent | { readonly kind: 'gap' };

export interface EventBus {
  /** Never fails. What is announced of one chat is heard in the same order by all who listen. */
  publish(account: string, event: DomainEvent): void;
  /**
   * Listens from the call on, until the signal aborts, and never fails. Who lags more than the bound behind loses the oldest and
   * gets one `gap`. A gap is told to everybody.
   */
  subscribe(
    account: string,
    accepts: (event: DomainEvent) => boolean,
    signal: AbortSignal,
  ): AsyncIterableIterator<EventOrGap>;
  subscriberCount(): number;
  /** Ends all who listen. */
  close(): void;
}

/** The feed of one account, as one operation sees it. */
export interface AccountEvents {
  publish(event: DomainEvent): void;
  subscribe(accepts: (event: DomainEvent) => boolean): AsyncIterableIterator<EventOrGap>;
}
