import type { ApolloClient, OperationVariables, TypedDocumentNode } from '@apollo/client';
import type { ChatRowFragment, ChatSearchQuery } from '../gql/graphql.ts';
import { ChatInboxDocument, ChatSearchDocument } from '../gql/graphql.ts';
import type { ListSource } from '../state/address.ts';
import { belongsTo } from '../state/address.ts';

type ListDocument = TypedDocumentNode<ChatSearchQuery, OperationVariables>;

/** Both name their list `list`, so their results have the same type. */
export const listDocuments = {
  search: ChatSearchDocument as ListDocument,
  inbox: ChatInboxDocument as ListDocument,
} satisfies Record<ListSource['kind'], ListDocument>;

/** Apollo Client updates the chats of a list. A chat that is missing in it is inserted here. */
export function insertChat(
  { cache }: ApolloClient,
  source: ListSource,
  chat: ChatRowFragment,
): void {
  if (!belongsTo(source, chat)) return;
  const { kind, variables } = source;
  cache.updateQuery({ query: listDocuments[kind], variables }, (data) => {
    if (data?.list == null) return undefined;
    const { edges, totalCount } = data.list;
    if (edges.some(({ node }) => node.id === chat.id)) return undefined;
    const edge = { __typename: 'ChatEdge', cursor: '', node: chat } as const;
    const list = {
      ...data.list,
      edges: [edge, ...edges],
      totalCount: totalCount === null ? null : totalCount + 1,
    };
    return { ...data, list };
  });
}
