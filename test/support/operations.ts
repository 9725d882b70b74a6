/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/**
 * Conditions for chats, joined by AND.
 *
 * HelpCrunch's search joins conditions either all by AND or all by OR. Other combinations are rejected with `BAD_USER_INPUT`: conditions
 * beside an `anyOf` with several entries, and several conditions in one alternative. A search for missing values is not supported, so null is
 * rejected; omit the condition instead.
 */
export type ChatFilter = {
  /** This agent wrote at least one message. */
  readonly agentId?: string | number | null | undefined;
  /** Alternatives joined by OR, 1 to 100, each with one condition. */
  readonly anyOf?: ReadonlyArray<ChatFilter> | null | undefined;
  /** The chat is assigned to this agent. */
  readonly assigneeId?: string | number | null | undefined;
  /** The chat is not assigned to this agent. HelpCrunch decides whether chats without an agent are included. */
  readonly assigneeIdNot?: string | number | null | undefined;
  /** Range of the time at which the chat was closed. */
  readonly closedAt?: HelpdeskDateTimeRange | null | undefined;
  /** Range of the creation time. */
  readonly createdAt?: HelpdeskDateTimeRange | null | undefined;
  /** The customer's e-mail address equals this value. */
  readonly customerEmail?: string | null | undefined;
  /** The chat belongs to this customer. */
  readonly customerId?: string | number | null | undefined;
  /** The customer has all of these tags, 1 to 50. `FORBIDDEN` for customers. */
  readonly customerTags?: ReadonlyArray<string> | null | undefined;
  /** Your own id of the customer equals this value. */
  readonly customerUserId?: string | null | undefined;
  /** The chat is assigned to this department. */
  readonly departmentId?: string | number | null | undefined;
  /** The chat is not assigned to this department. HelpCrunch decides whether chats without a department are included. */
  readonly departmentIdNot?: string | number | null | undefined;
  /** The rating equals this value. */
  readonly rating?: ChatRating | null | undefined;
  /** The rating differs from this value. HelpCrunch decides whether chats without a rating are included. */
  readonly ratingNot?: ChatRating | null | undefined;
  /** The status equals this value. */
  readonly status?: ChatStatus | null | undefined;
  /**
   * The status is one of these values (at least one is required). HelpCrunch receives conditions that exclude all other statuses, so that
   * further conditions can be combined in one call. Chats with the status `UNKNOWN` are therefore included.
   */
  readonly statusIn?: ReadonlyArray<ChatStatus> | null | undefined;
  /** The status differs from this value. */
  readonly statusNot?: ChatStatus | null | undefined;
  /** The status is none of these values (at least one is required). */
  readonly statusNotIn?: ReadonlyArray<ChatStatus> | null | undefined;
};

/** Order of chats. HelpCrunch decides the position of chats whose sort key is null. */
export type ChatOrder = {
  /** Ascending or descending. */
  readonly direction: HelpdeskOrderDirection;
  /** Sort key. */
  readonly field: ChatOrderField;
};

/** Sort keys of chats. */
export type ChatOrderField =
  /** Time at which the chat was closed. */
  | 'CLOSED_AT'
  /** Creation time. */
  | 'CREATED_AT'
  /** Time of the customer's last message. */
  | 'LAST_CUSTOMER_MESSAGE_AT'
  /** Time of the last message. */
  | 'LAST_MESSAGE_AT';

/** Rating of a conversation, from best to worst. */
export type ChatRating =
  /** 3 of 5. */
  | 'AVERAGE'
  /** 4 of 5. */
  | 'GREAT'
  /** 5 of 5. */
  | 'PERFECT'
  /** 2 of 5. */
  | 'POOR'
  /** A value that this schema does not know. */
  | 'UNKNOWN'
  /** 1 of 5. */
  | 'VERY_POOR';

/** Status of a conversation. */
export type ChatStatus =
  /** Closed. */
  | 'CLOSED'
  /** Without messages. */
  | 'EMPTY'
  /** The customer wrote, and no agent has answered yet. */
  | 'NEW'
  /** Started by the team; the customer has not answered. */
  | 'NO_COMMUNICATION'
  /** Waiting for a third party. */
  | 'ON_HOLD'
  /** The conversation is active. */
  | 'OPENED'
  /** Waiting for the customer. */
  | 'PENDING'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A range of time in whole seconds, both ends included. At least one end is required. */
export type HelpdeskDateTimeRange = {
  /** Earliest time. */
  readonly from?: string | null | undefined;
  /** Latest time. */
  readonly to?: string | null | undefined;
};

/** Sort direction. */
export type HelpdeskOrderDirection =
  /** Smallest or earliest first. */
  | 'ASC'
  /** Largest or latest first. */
  | 'DESC';

/** The sides of a chat that have a read state. */
export type ReadBy =
  /** The agents. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER';

export type MarkChatReadMutationVariables = Exact<{
  id: string | number;
  by: ReadBy;
  read: boolean;
}>;


export type MarkChatReadMutation = { readonly markChatRead: { readonly id: string, readonly readByAgent: boolean | null, readonly readByCustomer: boolean | null } | null };

export type ChatPageQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: ChatFilter | null | undefined;
  orderBy?: ChatOrder | null | undefined;
}>;


export type ChatPageQuery = { readonly chats: { readonly totalCount: number | null, readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly createdAt: string | null } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly hasPreviousPage: boolean, readonly startCursor: string | null, readonly endCursor: string | null } } | null };


export const MarkChatReadDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"MarkChatRead"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"by"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ReadBy"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"read"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"markChatRead"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"Variable","name":{"kind":"Name","value":"by"}}},{"kind":"Argument","name":{"kind":"Name","value":"read"},"value":{"kind":"Variable","name":{"kind":"Name","value":"read"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}},{"kind":"Field","name":{"kind":"Name","value":"readByCustomer"}}]}}]}}]} as unknown as DocumentNode<MarkChatReadMutation, MarkChatReadMutationVariables>;
export const ChatPageDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ChatPage"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"last"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"before"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ChatFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"orderBy"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ChatOrder"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"chats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"last"},"value":{"kind":"Variable","name":{"kind":"Name","value":"last"}}},{"kind":"Argument","name":{"kind":"Name","value":"before"},"value":{"kind":"Variable","name":{"kind":"Name","value":"before"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"orderBy"},"value":{"kind":"Variable","name":{"kind":"Name","value":"orderBy"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"hasPreviousPage"}},{"kind":"Field","name":{"kind":"Name","value":"startCursor"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"totalCount"}}]}}]}}]} as unknown as DocumentNode<ChatPageQuery, ChatPageQueryVariables>;