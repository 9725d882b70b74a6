import { cacheExchange, Client, fetchExchange } from '@urql/core';

export const createUrqlClient = (url: string) =>
  new Client({
    url,
    // Needed for GET requests, which urql prefers for short queries.
    fetchOptions: { headers: { 'apollo-require-preflight': '1' } },
    fetchSubscriptions: true,
    exchanges: [cacheExchange, fetchExchange],
  });
