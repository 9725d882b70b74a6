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

export const messagesQuery = graphql`
  query chatsMessagesQuery($id: ID!, $first: Int!, $after: String) {
    chat(id: $id) {
      messages(first: $first, after: $after) @connection(key: "Chat_messages") {
        edges {
          node {
            id
            text
            createdAt
          }
        }
      }
    }
  }
`;

export const updatesSubscription = graphql`
  subscription chatsUpdatesSubscription {
    chatUpdated {
      chat {
        ...chats_row
      }
    }
  }
`;
