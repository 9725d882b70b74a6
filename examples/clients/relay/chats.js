import { graphql } from 'relay-runtime';

export const chatsQuery = graphql`
  query chatsQuery($first: Int!, $after: String, $filter: ChatFilter) {
    chats(first: $first, after: $after, filter: $filter)
      @connection(key: "List_chats", filters: ["filter"]) {
      edges {
        node {
          ...chats_row
        }
      }
    }
  }
`;

export const chatRow = graphql`
  fragment chats_row on Chat @refetchable(queryName: "chatsRowQuery") {
    id
    status
    readByAgent
    customer {
      id
      name
    }
  }
`;
