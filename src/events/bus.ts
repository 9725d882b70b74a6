import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { Message, MessageReference } from '../resources/messages/model.ts';
import { messageCodec } from '../resources/messages/model.ts';
import type { QueueItems } from '../lib/itemQueue.ts';
import type { Shape } from '../lib/shape.ts';
import { isDictionary, isIdText, isText, isTime, objectOf, oneOf, orNull } from '../lib/shape.ts';

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
      /** A reference in events of the log, whose texts are read again. */
      readonly message: Message | MessageReference;
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

const messageEventFields = {
  kind: oneOf('message'),
  chatId: isIdText,
  customerId: orNull(isIdText),
  atMs: isTime,
};

const isMessageEvent = objectOf<EventOf<'message'>>({
  ...messageEventFields,
  message: messageCodec.shape,
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

const isMessageReference = objectOf<MessageReference>({ id: isIdText, type: isText });

const isLoggedMessageEvent = objectOf<EventOf<'message'>>({
  ...messageEventFields,
  message: isMessageReference,
});

/** An event with an id of its own, which is the same at every instance. */
export type IdentifiedEvent = DomainEvent & { readonly eventId: string };

/** An event with its position in the log that this instance has of its account. Later events have higher positions. */
export type PublishedEvent = IdentifiedEvent & { readonly position: number };

/** The form in which instances send events to each other. */
export const isDomainEvent: Shape<DomainEvent> = (value): value is DomainEvent =>
  isChatEvent(value) || isMessageEvent(value) || isCustomerEvent(value);

/** The form in which events are logged: without texts of customers and agents. */
export const isLoggedEvent: Shape<DomainEvent> = (value): value is DomainEvent =>
  isChatEvent(value) || isLoggedMessageEvent(value) || isCustomerEvent(value);

export const withoutTexts = <Event extends DomainEvent>(event: Event): Event =>
  event.kind === 'message'
    ? { ...event, message: { id: event.message.id, type: event.message.type } }
    : event;

/** Older builds send changes of customers without their kind. */
export const decodeOlderEvent = (event: unknown): unknown =>
  isDictionary(event) && event['kind'] === 'customer' && !Object.hasOwn(event, 'change')
    ? { ...event, change: 'UPDATED' }
    : event;

/** `gap`: events may have been lost, so the subscriber must read again what it shows. */
export type EventOrGap = PublishedEvent | { readonly kind: 'gap' };

/** A part of the log. */
export interface LoggedEvents {
  readonly events: readonly PublishedEvent[];
  /** The next part is after this position. */
  readonly end: number;
}

export interface LogRange {
  /** Events after this position. */
  readonly after: number;
  readonly maxEvents: number;
  readonly accepts: (event: DomainEvent) => boolean;
}

/** The events of the last minutes, for subscribers that continue after a disconnection. */
export interface EventHistory {
  /** The position of the latest event. */
  head(account: string): number;
  /** Undefined for an event that is not in the log. May wait for events that other instances have published. */
  positionOf(account: string, eventId: string): Promise<number | undefined>;
  /** The id of the latest event in the log. */
  latestId(account: string): string | undefined;
  /** Undefined if events after the position may be missing. */
  read(account: string, range: LogRange): LoggedEvents | undefined;
}

export interface EventBus extends EventHistory {
  /**
   * Never fails. Assigns an id to the event, unless one is given: of events with the same id, one is delivered. All subscribers receive the
   * events of a chat in the same order.
   */
  publish(account: string, event: DomainEvent, eventId?: string): void;
  /**
   * Resolves when other instances can receive what was published, or when it was delivered without them during an outage. False if the bus
   * was closed before.
   */
  published(account: string): Promise<boolean>;
  /**
   * Subscribes immediately, until the signal aborts; never fails. If the buffer of the subscriber is full, its oldest event is
   * replaced by a `gap`. A `gap` of the bus reaches every subscriber, whatever it accepts.
   */
  subscribe(
    account: string,
    accepts: (event: DomainEvent) => boolean,
    signal: AbortSignalLike,
  ): QueueItems<EventOrGap>;
  subscriberCount(): number;
  /** Ends all subscriptions. Waits briefly until published events have been sent to other instances. */
  close(): Promise<void>;
}

/** Whether a subscription receives an event. Undefined if the event does not decide it: it is then decided when the event is executed. */
export type EventFilter = (event: DomainEvent) => boolean | undefined;

/** The events of one account from now on that the filter does not exclude, and those in the log. */
export interface EventStream extends QueueItems<EventOrGap> {
  readonly filter: EventFilter;
  head(): number;
  positionOf(eventId: string): Promise<number | undefined>;
  latestId(): string | undefined;
  read(range: Omit<LogRange, 'accepts'>): LoggedEvents | undefined;
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
  subscribe(filter: EventFilter): EventStream;
}
