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

/** Counts the chats of a list again. */
async function readTotal({ cache, query }: ApolloClient, source: ListSource): Promise<void> {
  const { kind, variables } = source;
  const list = { query: listDocuments[kind], variables };
  const { data: counted } = await query({ ...list, fetchPolicy: 'no-cache' });
  const total = counted?.list?.totalCount ?? null;
  cache.updateQuery(list, (data) => {
    if (data?.list == null) return undefined;
    // The list still contains the chats that have left it.
    const left = data.list.edges.filter(({ node }) => !belongsTo(source, node)).length;
    return { ...data, list: { ...data.list, totalCount: total === null ? null : total + left } };
  });
}

/** The events of a change arrive together. */
const readTotalAfterMs = 500;

let timer: ReturnType<typeof setTimeout> | undefined;

function readTotalSoon(client: ApolloClient, source: ListSource): void {
  clearTimeout(timer);
  // After an error it is counted again when the view is opened.
  const read = () => void readTotal(client, source).catch(() => undefined);
  timer = setTimeout(read, readTotalAfterMs);
}

/** Apollo Client updates the chats of a list. A chat that is missing in it is inserted here. */
export function insertChat(client: ApolloClient, source: ListSource, chat: ChatRowFragment): void {
  if (!belongsTo(source, chat)) return;
  const { kind, variables } = source;
  client.cache.updateQuery({ query: listDocuments[kind], variables }, (data) => {
    if (data?.list == null) return undefined;
    const { edges, pageInfo, totalCount } = data.list;
    if (edges.some(({ node }) => node.id === chat.id)) return undefined;
    const edge = { __typename: 'ChatEdge', cursor: '', node: chat } as const;
    // It may be on a further page, and then it is counted already.
    const isNew = !pageInfo.hasNextPage;
    if (!isNew) readTotalSoon(client, source);
    const list = {
      ...data.list,
      edges: [edge, ...edges],
      totalCount: isNew && totalCount !== null ? totalCount + 1 : totalCount,
    };
    return { ...data, list };
  });
}
