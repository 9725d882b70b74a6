import type { TypedDocumentNode } from '@apollo/client';
import { createApolloClient } from './apollo.ts';

/**
 * Loads the data of a page on the server. Each request of a browser needs a separate client, because the cache contains data of one viewer.
 * Returns the cache as JSON for a `<script>` element. `<` is escaped, because a message that contains `</script>` would end the element.
 */
export async function loadPage(url: string, authorization: string, query: TypedDocumentNode) {
  const client = createApolloClient(url, { authorization });
  await client.query({ query, errorPolicy: 'all' });
  return JSON.stringify(client.extract()).replaceAll('<', String.raw`\u003c`);
}

/** Creates the client in the browser. Data that the server has loaded needs no request. */
export function hydrate(url: string, state: string) {
  const client = createApolloClient(url);
  client.cache.restore(JSON.parse(state));
  return client;
}
