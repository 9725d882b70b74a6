/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/**
 * Which chats to list. All conditions given must hold.
 *
 * The helpdesk knows one flat AND or one flat OR. What cannot be said that way is refused with `BAD_USER_INPUT`: conditions
 * beside an `anyOf` of several, or several conditions inside one alternative. It cannot look for what is absent either,
 * so null is refused; leave the condition out.
 */
export type ChatFilter = {
  /** This agent wrote at least one message. */
  readonly agentId?: string | number | null | undefined;
  /** At least one of these holds, 1 to 100, each with one condition. */
  readonly anyOf?: ReadonlyArray<ChatFilter> | null | undefined;
  /** This agent is in charge. */
  readonly assigneeId?: string | number | null | undefined;
  /** When the chat was closed. */
  readonly closedAt?: HelpdeskDateTimeRange | null | undefined;
  /** When the chat began. */
  readonly createdAt?: HelpdeskDateTimeRange | null | undefined;
  /** The customer's e-mail address is this. */
  readonly customerEmail?: string | null | undefined;
  /** The chat is with this customer. */
  readonly customerId?: string | number | null | undefined;
  /** The customer has all these tags, 1 to 50. */
  readonly customerTags?: ReadonlyArray<string> | null | undefined;
  /** Your own id of the customer is this. */
  readonly customerUserId?: string | null | undefined;
  /** This department is in charge. */
  readonly departmentId?: string | number | null | undefined;
  /** The rating is this. */
  readonly rating?: ChatRating | null | undefined;
  /** The status is this. */
  readonly status?: ChatStatus | null | undefined;
  /** The status is not this. */
  readonly statusNot?: ChatStatus | null | undefined;
};

/** An order of chats. Chats without the time asked for come where the helpdesk puts them. */
export type ChatOrder = {
  /** Which end comes first. */
  readonly direction: HelpdeskOrderDirection;
  /** What to sort by. */
  readonly field: ChatOrderField;
};

/** What chats can be sorted by. */
export type ChatOrderField =
  /** When the chat was closed. */
  | 'CLOSED_AT'
  /** When the chat began. */
  | 'CREATED_AT'
  /** When the customer last wrote. */
  | 'LAST_CUSTOMER_MESSAGE_AT'
  /** When anybody last wrote. */
  | 'LAST_MESSAGE_AT';

/** How a customer rated a conversation, from best to worst. */
export type ChatRating =
  /** The middle of five. */
  | 'AVERAGE'
  /** The second of five. */
  | 'GREAT'
  /** The best of five. */
  | 'PERFECT'
  /** The fourth of five. */
  | 'POOR'
  /** A value that this schema does not know. */
  | 'UNKNOWN'
  /** The worst of five. */
  | 'VERY_POOR';

/** Where a conversation stands. */
export type ChatStatus =
  /** Over. */
  | 'CLOSED'
  /** Without any message. */
  | 'EMPTY'
  /** The customer wrote and nobody has answered yet. */
  | 'NEW'
  /** Begun by the team, without an answer of the customer. */
  | 'NO_COMMUNICATION'
  /** Waiting for somebody else. */
  | 'ON_HOLD'
  /** The conversation goes on. */
  | 'OPENED'
  /** Waiting for the customer. */
  | 'PENDING'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A span of time, in whole seconds. Give at least one end. */
export type HelpdeskDateTimeRange = {
  /** Not before this moment. */
  readonly from?: string | null | undefined;
  /** Not after this moment. */
  readonly to?: string | null | undefined;
};

/** Which end of an order comes first. */
export type HelpdeskOrderDirection =
  /** The smallest, or earliest, first. */
  | 'ASC'
  /** The largest, or latest, first. */
  | 'DESC';

/** A side of a chat that can read it. */
export type ReadBy =
  /** The team. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER';

export type MarkChatReadMutationVariables = Exact<{
  id: string | number;
  by: ReadBy;
  read: boolean;
}>;


export type MarkChatReadMutation = { readonly markChatRead: { readonly id: string, readonly readByAgent: boolean | null, readonly readByCustomer: boolean | null } };

export type ChatPageQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: ChatFilter | null | undefined;
  orderBy?: ChatOrder | null | undefined;
}>;


export type ChatPageQuery = { readonly chats: { readonly totalCount: number, readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly createdAt: string } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly hasPreviousPage: boolean, readonly startCursor: string | null, readonly endCursor: string | null } } };


export const MarkChatReadDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"MarkChatRead"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"by"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ReadBy"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"read"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"markChatRead"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"Variable","name":{"kind":"Name","value":"by"}}},{"kind":"Argument","name":{"kind":"Name","value":"read"},"value":{"kind":"Variable","name":{"kind":"Name","value":"read"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}},{"kind":"Field","name":{"kind":"Name","value":"readByCustomer"}}]}}]}}]} as unknown as DocumentNode<MarkChatReadMutation, MarkChatReadMutationVariables>;
export const ChatPageDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ChatPage"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"last"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"before"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ChatFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"orderBy"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ChatOrder"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"chats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"last"},"value":{"kind":"Variable","name":{"kind":"Name","value":"last"}}},{"kind":"Argument","name":{"kind":"Name","value":"before"},"value":{"kind":"Variable","name":{"kind":"Name","value":"before"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"orderBy"},"value":{"kind":"Variable","name":{"kind":"Name","value":"orderBy"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"hasPreviousPage"}},{"kind":"Field","name":{"kind":"Name","value":"startCursor"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"totalCount"}}]}}]}}]} as unknown as DocumentNode<ChatPageQuery, ChatPageQueryVariables>;