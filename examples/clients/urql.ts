import { cacheExchange, Client, fetchExchange } from '@urql/core';

export const createUrqlClient = (url: string) =>
  new Client({
    url,
    // GET requests need a header that urql does not send.
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange],
  });
