/** Everything, or the objects of one customer; nothing if HelpCrunch does not know the customer. */
export type VisibilityScope =
  | { readonly isUnrestricted: true }
  | { readonly isUnrestricted: false; readonly customerId: string | null };

interface OwnedEntity {
  /** The customer of a chat or of a message's chat; the id of a customer. */
  readonly customerId: string | null;
  /** The type of a message. */
  readonly type?: string;
}

/** Messages to customers. Unknown types may be internal notes. */
const customerVisibleTypes: ReadonlySet<string> = new Set(['MESSAGE', 'EMAIL', 'KNOWLEDGE_BASE']);

export const isVisibleToCustomers = (type: string): boolean => customerVisibleTypes.has(type);

/** Changes of chats that only the team sees. A message is reported to customers by its own event, if they may see it. */
const staffChanges: ReadonlySet<string> = new Set(['SNOOZED', 'UNSNOOZED', 'MESSAGE']);

export const isChangeVisibleToCustomers = (change: string): boolean => !staffChanges.has(change);

/** Whether a viewer may see a chat, a customer or a message, and events about them. */
export const isVisible = (scope: VisibilityScope, { customerId, type }: OwnedEntity): boolean =>
  scope.isUnrestricted ||
  (customerId !== null &&
    customerId === scope.customerId &&
    (type === undefined || isVisibleToCustomers(type)));

/** Upstream calls that one operation may spend on messages visible to a customer, beyond one per chat. */
export const maxExtraMessageReads = 4;
