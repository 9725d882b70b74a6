/* eslint-disable */
import * as types from './graphql.ts';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "fragment ChatRow on Chat {\n  id\n  status\n  lastMessageAt\n  lastMessageText\n  readByAgent\n  customer {\n    id\n    name\n    email\n  }\n  assignee {\n    id\n    name\n  }\n}\n\nfragment MessageLine on ChatMessage {\n  id\n  from\n  type\n  text\n  createdAt\n  edited\n  agent {\n    id\n    name\n  }\n}\n\nquery ChatList($filter: ChatFilter, $after: String) {\n  chats(\n    first: 30\n    after: $after\n    filter: $filter\n    orderBy: {field: LAST_MESSAGE_AT, direction: DESC}\n  ) {\n    edges {\n      cursor\n      node {\n        ...ChatRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Team {\n  agents {\n    id\n    name\n  }\n}\n\nquery ChatView($id: ID!, $after: String) {\n  chat(id: $id) {\n    ...ChatRow\n    rating\n    department {\n      id\n      name\n    }\n    messages(first: 30, after: $after) {\n      edges {\n        cursor\n        node {\n          ...MessageLine\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nquery CustomerCard($id: ID!) {\n  customer(id: $id) {\n    id\n    name\n    email\n    phone\n    company\n    userId\n    firstSeen\n    lastSeen\n    notes\n    customData\n    location {\n      city\n      countryCode\n    }\n    tags {\n      name\n      color\n    }\n  }\n}\n\nmutation MarkRead($id: ID!, $read: Boolean!) {\n  markChatRead(id: $id, by: AGENT, read: $read) {\n    id\n    readByAgent\n  }\n}\n\nsubscription ChatChanges {\n  chatUpdated {\n    change\n    chat {\n      ...ChatRow\n    }\n  }\n}\n\nsubscription NewMessages($chatId: ID!) {\n  messageReceived(chatId: $chatId) {\n    ...MessageLine\n  }\n}": typeof types.ChatRowFragmentDoc,
};
const documents: Documents = {
    "fragment ChatRow on Chat {\n  id\n  status\n  lastMessageAt\n  lastMessageText\n  readByAgent\n  customer {\n    id\n    name\n    email\n  }\n  assignee {\n    id\n    name\n  }\n}\n\nfragment MessageLine on ChatMessage {\n  id\n  from\n  type\n  text\n  createdAt\n  edited\n  agent {\n    id\n    name\n  }\n}\n\nquery ChatList($filter: ChatFilter, $after: String) {\n  chats(\n    first: 30\n    after: $after\n    filter: $filter\n    orderBy: {field: LAST_MESSAGE_AT, direction: DESC}\n  ) {\n    edges {\n      cursor\n      node {\n        ...ChatRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Team {\n  agents {\n    id\n    name\n  }\n}\n\nquery ChatView($id: ID!, $after: String) {\n  chat(id: $id) {\n    ...ChatRow\n    rating\n    department {\n      id\n      name\n    }\n    messages(first: 30, after: $after) {\n      edges {\n        cursor\n        node {\n          ...MessageLine\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nquery CustomerCard($id: ID!) {\n  customer(id: $id) {\n    id\n    name\n    email\n    phone\n    company\n    userId\n    firstSeen\n    lastSeen\n    notes\n    customData\n    location {\n      city\n      countryCode\n    }\n    tags {\n      name\n      color\n    }\n  }\n}\n\nmutation MarkRead($id: ID!, $read: Boolean!) {\n  markChatRead(id: $id, by: AGENT, read: $read) {\n    id\n    readByAgent\n  }\n}\n\nsubscription ChatChanges {\n  chatUpdated {\n    change\n    chat {\n      ...ChatRow\n    }\n  }\n}\n\nsubscription NewMessages($chatId: ID!) {\n  messageReceived(chatId: $chatId) {\n    ...MessageLine\n  }\n}": types.ChatRowFragmentDoc,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment ChatRow on Chat {\n  id\n  status\n  lastMessageAt\n  lastMessageText\n  readByAgent\n  customer {\n    id\n    name\n    email\n  }\n  assignee {\n    id\n    name\n  }\n}\n\nfragment MessageLine on ChatMessage {\n  id\n  from\n  type\n  text\n  createdAt\n  edited\n  agent {\n    id\n    name\n  }\n}\n\nquery ChatList($filter: ChatFilter, $after: String) {\n  chats(\n    first: 30\n    after: $after\n    filter: $filter\n    orderBy: {field: LAST_MESSAGE_AT, direction: DESC}\n  ) {\n    edges {\n      cursor\n      node {\n        ...ChatRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Team {\n  agents {\n    id\n    name\n  }\n}\n\nquery ChatView($id: ID!, $after: String) {\n  chat(id: $id) {\n    ...ChatRow\n    rating\n    department {\n      id\n      name\n    }\n    messages(first: 30, after: $after) {\n      edges {\n        cursor\n        node {\n          ...MessageLine\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nquery CustomerCard($id: ID!) {\n  customer(id: $id) {\n    id\n    name\n    email\n    phone\n    company\n    userId\n    firstSeen\n    lastSeen\n    notes\n    customData\n    location {\n      city\n      countryCode\n    }\n    tags {\n      name\n      color\n    }\n  }\n}\n\nmutation MarkRead($id: ID!, $read: Boolean!) {\n  markChatRead(id: $id, by: AGENT, read: $read) {\n    id\n    readByAgent\n  }\n}\n\nsubscription ChatChanges {\n  chatUpdated {\n    change\n    chat {\n      ...ChatRow\n    }\n  }\n}\n\nsubscription NewMessages($chatId: ID!) {\n  messageReceived(chatId: $chatId) {\n    ...MessageLine\n  }\n}"): (typeof documents)["fragment ChatRow on Chat {\n  id\n  status\n  lastMessageAt\n  lastMessageText\n  readByAgent\n  customer {\n    id\n    name\n    email\n  }\n  assignee {\n    id\n    name\n  }\n}\n\nfragment MessageLine on ChatMessage {\n  id\n  from\n  type\n  text\n  createdAt\n  edited\n  agent {\n    id\n    name\n  }\n}\n\nquery ChatList($filter: ChatFilter, $after: String) {\n  chats(\n    first: 30\n    after: $after\n    filter: $filter\n    orderBy: {field: LAST_MESSAGE_AT, direction: DESC}\n  ) {\n    edges {\n      cursor\n      node {\n        ...ChatRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    totalCount\n  }\n}\n\nquery Team {\n  agents {\n    id\n    name\n  }\n}\n\nquery ChatView($id: ID!, $after: String) {\n  chat(id: $id) {\n    ...ChatRow\n    rating\n    department {\n      id\n      name\n    }\n    messages(first: 30, after: $after) {\n      edges {\n        cursor\n        node {\n          ...MessageLine\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nquery CustomerCard($id: ID!) {\n  customer(id: $id) {\n    id\n    name\n    email\n    phone\n    company\n    userId\n    firstSeen\n    lastSeen\n    notes\n    customData\n    location {\n      city\n      countryCode\n    }\n    tags {\n      name\n      color\n    }\n  }\n}\n\nmutation MarkRead($id: ID!, $read: Boolean!) {\n  markChatRead(id: $id, by: AGENT, read: $read) {\n    id\n    readByAgent\n  }\n}\n\nsubscription ChatChanges {\n  chatUpdated {\n    change\n    chat {\n      ...ChatRow\n    }\n  }\n}\n\nsubscription NewMessages($chatId: ID!) {\n  messageReceived(chatId: $chatId) {\n    ...MessageLine\n  }\n}"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;