import { cacheExchange, Client, fetchExchange } from '@urql/core';

export const createUrqlClient = (url: string) =>
  new Client({
    url,
    // Operations by GET need a header that urql does not send.
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange],
  });
