import type { Message } from '../resources/messages/model.ts';
import { messageCodec } from '../resources/messages/model.ts';
import type { Shape } from '../lib/shape.ts';
import { isDictionary, isIdText, isTime, objectOf, oneOf, orNull } from '../lib/shape.ts';

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

type ChatChange = (typeof chatChanges)[number];

const customerChanges = ['CREATED', 'UPDATED', 'DELETED'] as const;

type CustomerChange = (typeof customerChanges)[number];

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
  | {
      readonly kind: 'customer';
      readonly customerId: string;
      readonly change: CustomerChange;
      readonly atMs: number;
      /** Only fields that the customer may not see have changed. */
      readonly isTeamOnly?: true;
    };

type EventOf<Kind extends DomainEvent['kind']> = Extract<DomainEvent, { readonly kind: Kind }>;

const isChatEvent = objectOf<EventOf<'chat'>>({
  kind: oneOf('chat'),
  chatId: isIdText,
  change: oneOf(...chatChanges),
  atMs: isTime,
  customerId: orNull(isIdText),
  assigneeId: orNull(isIdText),
  departmentId: orNull(isIdText),
});

const isMessageEvent = objectOf<EventOf<'message'>>({
  kind: oneOf('message'),
  chatId: isIdText,
  customerId: orNull(isIdText),
  message: messageCodec.shape,
  atMs: isTime,
});

const isCustomerEvent = objectOf<EventOf<'customer'>>(
  {
    kind: oneOf('customer'),
    customerId: isIdText,
    change: oneOf(...customerChanges),
    atMs: isTime,
    isTeamOnly: oneOf(true),
  },
  ['kind', 'customerId', 'change', 'atMs'],
);

/** An event with an id of its own, which is the same at every instance. */
export type PublishedEvent = DomainEvent & { readonly eventId: string };

/** The form in which instances send events to each other. */
export const isDomainEvent: Shape<DomainEvent> = (value): value is DomainEvent =>
  isChatEvent(value) || isMessageEvent(value) || isCustomerEvent(value);

/** Older builds send changes of customers without their kind. */
export const decodeOlderEvent = (event: unknown): unknown =>
  isDictionary(event) && event['kind'] === 'customer' && !Object.hasOwn(event, 'change')
    ? { ...event, change: 'UPDATED' }
    : event;

/** `gap`: events may have been lost, so the subscriber must read again what it shows. */
export type EventOrGap = PublishedEvent | { readonly kind: 'gap' };

export interface EventBus {
  /** Assigns an id to the event. Never fails. All subscribers receive the events of a chat in the same order. */
  publish(account: string, event: DomainEvent): void;
  /**
   * Subscribes immediately, until the signal aborts; never fails. If the buffer of the subscriber is full, its oldest event is
   * replaced by a `gap`. A `gap` of the bus reaches every subscriber, whatever it accepts.
   */
  subscribe(
    account: string,
    accepts: (event: DomainEvent) => boolean,
    signal: AbortSignal,
  ): AsyncIterableIterator<EventOrGap>;
  subscriberCount(): number;
  /** Ends all subscriptions. */
  close(): void;
}

/** A change that a write has made. */
interface WrittenChange {
  readonly events: readonly DomainEvent[];
  /** The names under which webhooks report the same change. */
  readonly names: readonly string[];
  /** In milliseconds since the epoch. */
  readonly startedAtMs: number;
}

/** The events of the account of one operation. */
export interface AccountEvents {
  /** Publishes the events of a write, unless webhooks have reported them since it started. */
  publishWrite(change: WrittenChange): Promise<void>;
  subscribe(accepts: (event: DomainEvent) => boolean): AsyncIterableIterator<EventOrGap>;
}
