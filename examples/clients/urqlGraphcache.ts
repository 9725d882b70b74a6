import type { CombinedError, Operation } from '@urql/core';
import { Client, fetchExchange, makeOperation } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { persistedExchange } from '@urql/exchange-persisted';
import { retryExchange } from '@urql/exchange-retry';

/** The type has no unique `id`, so Graphcache stores the object within its parent. */
const embedded = () => null;

const pages = relayPagination();

const cache = cacheExchange({
  keys: {
    AgentCount: embedded,
    ChatUpdate: embedded,
    CustomerChange: embedded,
    CustomerDevice: embedded,
    CustomerLocation: embedded,
    CustomerTag: embedded,
    DepartmentCount: embedded,
    HelpdeskRateLimit: embedded,
    HelpdeskViewer: embedded,
    InboxSummary: embedded,
    StatusCount: embedded,
  },
  // Shows the change before HelpCrunch has confirmed it. An error removes it.
  optimistic: {
    markChatRead: ({ id, by, read }) => ({
      __typename: 'Chat',
      id: id as string,
      [by === 'AGENT' ? 'readByAgent' : 'readByCustomer']: Boolean(read),
    }),
  },
  resolvers: {
    Query: { chats: pages, customers: pages, inbox: pages },
    Chat: { messages: pages },
    Customer: { chats: pages },
    Agent: { chats: pages },
    Department: { chats: pages },
  },
});

/** The user interface handles longer waits. */
const maxWaitMs = 5_000;

/** The retry exchange multiplies the delay by 1.5 to 2.5. */
const minDelayFactor = 1.5;

/** Retries a rate-limited query once, after `retryAfterMs`. Mutations are not retried, because a part of them may have been executed. */
function retryWith({ graphQLErrors }: CombinedError, operation: Operation) {
  const waits = graphQLErrors.map(({ extensions: { code, retryAfterMs } }) =>
    code === 'RATE_LIMITED' ? Number(retryAfterMs) : Infinity,
  );
  const isShort = waits.length > 0 && Math.max(...waits) <= maxWaitMs;
  if (operation.kind !== 'query' || !isShort) return null;
  const retry = { count: 0, delay: Math.max(...waits) / minDelayFactor };
  return makeOperation(operation.kind, operation, { ...operation.context, retry });
}

export const createGraphcacheClient = (url: string) =>
  new Client({
    url,
    // Needed for GET requests, with which persisted queries are sent.
    fetchOptions: { headers: { 'apollo-require-preflight': '1' } },
    fetchSubscriptions: true,
    exchanges: [
      cache,
      retryExchange({ retryWith, maxNumberAttempts: 2, maxDelayMs: 2 * maxWaitMs }),
      persistedExchange(),
      fetchExchange,
    ],
  });
