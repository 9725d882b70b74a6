import type { OperationDefinitionNode } from 'graphql';
import { OperationTypeNode } from 'graphql';

/** Hints by which clients decide whether to ask their user. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
}

interface WriteEffect {
  /** Whether it replaces or removes something, or has an effect that cannot be undone. */
  readonly isDestructive: boolean;
  /** Whether a repetition with the same arguments has no further effect. */
  readonly isIdempotent: boolean;
}

const change: WriteEffect = { isDestructive: false, isIdempotent: true };
const addition: WriteEffect = { isDestructive: false, isIdempotent: false };
const replacement: WriteEffect = { isDestructive: true, isIdempotent: true };

/** Every mutation of the schema. A new one is assumed to be destructive until it is listed here. */
export const writeEffects: ReadonlyMap<string, WriteEffect> = new Map(
  Object.entries({
    markChatRead: change,
    // Closing a chat can show a rating request to its customer.
    setChatStatus: replacement,
    assignChat: replacement,
    unassignChat: replacement,
    moveChat: replacement,
    snoozeChat: change,
    unsnoozeChat: change,
    // A rating cannot be changed.
    rateChat: { isDestructive: true, isIdempotent: false },
    createChat: addition,
    // A message cannot be deleted, and the customer reads it.
    sendMessage: { isDestructive: true, isIdempotent: false },
    addChatNote: addition,
    createCustomer: addition,
    upsertCustomer: replacement,
    updateCustomer: replacement,
    updateCustomers: replacement,
    deleteCustomer: replacement,
    addCustomerTags: change,
    removeCustomerTags: replacement,
    recordCustomerEvent: addition,
    unsubscribeAgent: replacement,
  }),
);

const unknownEffect: WriteEffect = { isDestructive: true, isIdempotent: false };

/** The annotations of an operation with these root fields. */
export function annotationsOf(
  { operation }: OperationDefinitionNode,
  rootFields: readonly string[],
): ToolAnnotations {
  if (operation === OperationTypeNode.QUERY) return { readOnlyHint: true };
  const effects = rootFields
    .filter((name) => name !== '__typename')
    .map((name) => writeEffects.get(name) ?? unknownEffect);
  return {
    readOnlyHint: false,
    destructiveHint: effects.some(({ isDestructive }) => isDestructive),
    idempotentHint: effects.every(({ isIdempotent }) => isIdempotent),
  };
}
