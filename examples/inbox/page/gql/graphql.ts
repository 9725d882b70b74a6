/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Kinds of changes of a chat. */
export type ChatChange =
  /** The assigned agent or department changed. */
  | 'ASSIGNEE'
  /** The chat was closed. */
  | 'CLOSED'
  /** The chat was created. */
  | 'CREATED'
  /** A message or a private note was added. */
  | 'MESSAGE'
  /** The customer rated the chat. */
  | 'RATED'
  /** The read state of the agents or of the customer changed. */
  | 'READ'
  /** The chat was snoozed. Not delivered to customers. */
  | 'SNOOZED'
  /** The status changed. */
  | 'STATUS'
  /** The snooze of the chat was ended by an agent or by its time. Not delivered to customers. */
  | 'UNSNOOZED';

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

/** The side that sent a message. */
export type ChatMessageSender =
  /** The team, its bot included. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** Kinds of messages. */
export type ChatMessageType =
  /** A message sent by e-mail. */
  | 'EMAIL'
  /** An article of the knowledge base. */
  | 'KNOWLEDGE_BASE'
  /** A message of the conversation. */
  | 'MESSAGE'
  /** A private note, visible to agents only. */
  | 'PRIVATE'
  /** A system message, visible to agents only. */
  | 'TECH'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

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

export type ChatRowFragment = { readonly __typename: 'Chat', readonly id: string, readonly status: ChatStatus, readonly lastMessageAt: string | null, readonly lastMessageText: string | null, readonly readByAgent: boolean | null, readonly customer: { readonly __typename: 'Customer', readonly id: string, readonly name: string | null, readonly email: string | null } | null, readonly assignee: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null };

export type MessageLineFragment = { readonly __typename: 'ChatMessage', readonly id: string, readonly from: ChatMessageSender, readonly type: ChatMessageType, readonly text: string | null, readonly createdAt: string | null, readonly edited: boolean | null, readonly agent: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null };

export type ChatListQueryVariables = Exact<{
  filter?: ChatFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type ChatListQuery = { readonly __typename: 'Query', readonly chats: { readonly __typename: 'ChatConnection', readonly totalCount: number | null, readonly edges: ReadonlyArray<{ readonly __typename: 'ChatEdge', readonly cursor: string, readonly node: { readonly __typename: 'Chat', readonly id: string, readonly status: ChatStatus, readonly lastMessageAt: string | null, readonly lastMessageText: string | null, readonly readByAgent: boolean | null, readonly customer: { readonly __typename: 'Customer', readonly id: string, readonly name: string | null, readonly email: string | null } | null, readonly assignee: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null } }>, readonly pageInfo: { readonly __typename: 'PageInfo', readonly hasNextPage: boolean, readonly endCursor: string | null } } | null };

export type TeamQueryVariables = Exact<{ [key: string]: never; }>;


export type TeamQuery = { readonly __typename: 'Query', readonly agents: ReadonlyArray<{ readonly __typename: 'Agent', readonly id: string, readonly name: string | null }> | null };

export type ChatViewQueryVariables = Exact<{
  id: string | number;
  after?: string | null | undefined;
}>;


export type ChatViewQuery = { readonly __typename: 'Query', readonly chat: { readonly __typename: 'Chat', readonly rating: ChatRating | null, readonly id: string, readonly status: ChatStatus, readonly lastMessageAt: string | null, readonly lastMessageText: string | null, readonly readByAgent: boolean | null, readonly department: { readonly __typename: 'Department', readonly id: string, readonly name: string } | null, readonly messages: { readonly __typename: 'ChatMessageConnection', readonly edges: ReadonlyArray<{ readonly __typename: 'ChatMessageEdge', readonly cursor: string, readonly node: { readonly __typename: 'ChatMessage', readonly id: string, readonly from: ChatMessageSender, readonly type: ChatMessageType, readonly text: string | null, readonly createdAt: string | null, readonly edited: boolean | null, readonly agent: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null } }>, readonly pageInfo: { readonly __typename: 'PageInfo', readonly hasNextPage: boolean, readonly endCursor: string | null } } | null, readonly customer: { readonly __typename: 'Customer', readonly id: string, readonly name: string | null, readonly email: string | null } | null, readonly assignee: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null } | null };

export type CustomerCardQueryVariables = Exact<{
  id: string | number;
}>;


export type CustomerCardQuery = { readonly __typename: 'Query', readonly customer: { readonly __typename: 'Customer', readonly id: string, readonly name: string | null, readonly email: string | null, readonly phone: string | null, readonly company: string | null, readonly userId: string | null, readonly firstSeen: string | null, readonly lastSeen: string | null, readonly notes: string | null, readonly customData: Readonly<Record<string, unknown>> | null, readonly location: { readonly __typename: 'CustomerLocation', readonly city: string | null, readonly countryCode: string | null } | null, readonly tags: ReadonlyArray<{ readonly __typename: 'CustomerTag', readonly name: string, readonly color: string | null }> | null } | null };

export type MarkReadMutationVariables = Exact<{
  id: string | number;
  read: boolean;
}>;


export type MarkReadMutation = { readonly __typename: 'Mutation', readonly markChatRead: { readonly __typename: 'Chat', readonly id: string, readonly readByAgent: boolean | null } | null };

export type ChatChangesSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type ChatChangesSubscription = { readonly __typename: 'Subscription', readonly chatUpdated: { readonly __typename: 'ChatUpdate', readonly change: ChatChange, readonly chat: { readonly __typename: 'Chat', readonly id: string, readonly status: ChatStatus, readonly lastMessageAt: string | null, readonly lastMessageText: string | null, readonly readByAgent: boolean | null, readonly customer: { readonly __typename: 'Customer', readonly id: string, readonly name: string | null, readonly email: string | null } | null, readonly assignee: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null } | null } };

export type NewMessagesSubscriptionVariables = Exact<{
  chatId: string | number;
}>;


export type NewMessagesSubscription = { readonly __typename: 'Subscription', readonly messageReceived: { readonly __typename: 'ChatMessage', readonly id: string, readonly from: ChatMessageSender, readonly type: ChatMessageType, readonly text: string | null, readonly createdAt: string | null, readonly edited: boolean | null, readonly agent: { readonly __typename: 'Agent', readonly id: string, readonly name: string | null } | null } };

export const ChatRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChatRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Chat"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageText"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}},{"kind":"Field","name":{"kind":"Name","value":"customer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}},{"kind":"Field","name":{"kind":"Name","value":"assignee"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<ChatRowFragment, unknown>;
export const MessageLineFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MessageLine"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ChatMessage"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"text"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"edited"}},{"kind":"Field","name":{"kind":"Name","value":"agent"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<MessageLineFragment, unknown>;
export const ChatListDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ChatList"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ChatFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"chats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"30"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"orderBy"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"field"},"value":{"kind":"EnumValue","value":"LAST_MESSAGE_AT"}},{"kind":"ObjectField","name":{"kind":"Name","value":"direction"},"value":{"kind":"EnumValue","value":"DESC"}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChatRow"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"totalCount"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChatRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Chat"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageText"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}},{"kind":"Field","name":{"kind":"Name","value":"customer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}},{"kind":"Field","name":{"kind":"Name","value":"assignee"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<ChatListQuery, ChatListQueryVariables>;
export const TeamDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Team"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agents"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<TeamQuery, TeamQueryVariables>;
export const ChatViewDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ChatView"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"chat"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChatRow"}},{"kind":"Field","name":{"kind":"Name","value":"rating"}},{"kind":"Field","name":{"kind":"Name","value":"department"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"messages"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"30"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MessageLine"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChatRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Chat"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageText"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}},{"kind":"Field","name":{"kind":"Name","value":"customer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}},{"kind":"Field","name":{"kind":"Name","value":"assignee"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MessageLine"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ChatMessage"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"text"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"edited"}},{"kind":"Field","name":{"kind":"Name","value":"agent"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<ChatViewQuery, ChatViewQueryVariables>;
export const CustomerCardDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"CustomerCard"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"customer"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"phone"}},{"kind":"Field","name":{"kind":"Name","value":"company"}},{"kind":"Field","name":{"kind":"Name","value":"userId"}},{"kind":"Field","name":{"kind":"Name","value":"firstSeen"}},{"kind":"Field","name":{"kind":"Name","value":"lastSeen"}},{"kind":"Field","name":{"kind":"Name","value":"notes"}},{"kind":"Field","name":{"kind":"Name","value":"customData"}},{"kind":"Field","name":{"kind":"Name","value":"location"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"city"}},{"kind":"Field","name":{"kind":"Name","value":"countryCode"}}]}},{"kind":"Field","name":{"kind":"Name","value":"tags"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"color"}}]}}]}}]}}]} as unknown as DocumentNode<CustomerCardQuery, CustomerCardQueryVariables>;
export const MarkReadDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"MarkRead"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"read"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"markChatRead"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"EnumValue","value":"AGENT"}},{"kind":"Argument","name":{"kind":"Name","value":"read"},"value":{"kind":"Variable","name":{"kind":"Name","value":"read"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}}]}}]}}]} as unknown as DocumentNode<MarkReadMutation, MarkReadMutationVariables>;
export const ChatChangesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"ChatChanges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"chatUpdated"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"change"}},{"kind":"Field","name":{"kind":"Name","value":"chat"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ChatRow"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ChatRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Chat"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageAt"}},{"kind":"Field","name":{"kind":"Name","value":"lastMessageText"}},{"kind":"Field","name":{"kind":"Name","value":"readByAgent"}},{"kind":"Field","name":{"kind":"Name","value":"customer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"email"}}]}},{"kind":"Field","name":{"kind":"Name","value":"assignee"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<ChatChangesSubscription, ChatChangesSubscriptionVariables>;
export const NewMessagesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"NewMessages"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"chatId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"messageReceived"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"chatId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"chatId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"MessageLine"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"MessageLine"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ChatMessage"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"text"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"edited"}},{"kind":"Field","name":{"kind":"Name","value":"agent"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<NewMessagesSubscription, NewMessagesSubscriptionVariables>;