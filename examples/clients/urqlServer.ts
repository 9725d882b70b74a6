import type { DocumentInput, SSRData } from '@urql/core';
import { cacheExchange, Client, fetchExchange, ssrExchange } from '@urql/core';

const createClient = (
  url: string,
  ssr: ReturnType<typeof ssrExchange>,
  headers: Record<string, string> = {},
) =>
  new Client({
    url,
    fetchOptions: { headers: { 'apollo-require-preflight': '1', ...headers } },
    // After the cache, before the network.
    exchanges: [cacheExchange, ssr, fetchExchange],
  });

/** Loads the data of a page on the server. Each request of a browser needs a separate client, as with Apollo Client. */
export async function loadPage(url: string, authorization: string, query: DocumentInput) {
  const ssr = ssrExchange({ isClient: false });
  await createClient(url, ssr, { authorization }).query(query, {}).toPromise();
  return JSON.stringify(ssr.extractData()).replaceAll('<', String.raw`\u003c`);
}

/** Creates the client in the browser. A query that the server has executed needs no request. */
export const hydrate = (url: string, state: string) =>
  createClient(url, ssrExchange({ isClient: true, initialState: JSON.parse(state) as SSRData }));
