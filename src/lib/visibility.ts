import type { ChatMessageType } from '../graphql/generated.ts';

/** Everything, or what is of one customer; of nobody where the helpdesk does not know the customer. */
export type VisibilityScope =
  | { readonly isUnrestricted: true }
  | { readonly isUnrestricted: false; readonly customerId: string | null };

interface OwnedEntity {
  /** Whom a chat or a message's chat is with; of a customer its own id. */
  readonly customerId: string | null;
  /** Of a message. */
  readonly type?: ChatMessageType;
}

/** What is said to a customer. A type that is not known may be for the team alone. */
const customerVisibleTypes: ReadonlySet<ChatMessageType> = new Set([
  'MESSAGE',
  'EMAIL',
  'KNOWLEDGE_BASE',
]);

export const isVisibleToCustomers = (type: ChatMessageType): boolean =>
  customerVisibleTypes.has(type);

/** Whether a viewer may see a chat, a customer or a message, events that tell of them included. */
export const isVisible = (scope: VisibilityScope, { customerId, type }: OwnedEntity): boolean =>
  scope.isUnrestricted ||
  (customerId !== null &&
    customerId === scope.customerId &&
    (type === undefined || isVisibleToCustomers(type)));

/** How many calls the messages that one operation shows to a customer may take beyond one a chat. */
export const maxExtraMessageReads = 4;
