import type { MessageType } from '../graphql/generated.ts';

/** Everything, or what is of one customer; of nobody where the helpdesk does not know the customer. */
export type Sight =
  { readonly isWhole: true } | { readonly isWhole: false; readonly customerId: string | null };

interface Thing {
  /** Whom a chat or a message's chat is with; of a customer its own id. */
  readonly customerId: string | null;
  /** Of a message. */
  readonly type?: MessageType;
}

/** What is said to a customer. A type that is not known may be for the team alone. */
const saidToCustomers: ReadonlySet<MessageType> = new Set(['MESSAGE', 'EMAIL', 'KNOWLEDGE_BASE']);

export const isSaidToCustomers = (type: MessageType): boolean => saidToCustomers.has(type);

/** Whether a viewer may see a chat, a customer or a message, events that tell of them included. */
export const isInSight = (sight: Sight, { customerId, type }: Thing): boolean =>
  sight.isWhole ||
  (customerId !== null &&
    customerId === sight.customerId &&
    (type === undefined || isSaidToCustomers(type)));

/** How many calls the messages that one operation shows to a customer may take beyond one a chat. */
export const maxMoreMessageReads = 4;
