import type { TypedDocumentNode } from '@apollo/client';
import { createApolloClient } from './apollo.ts';

/**
 * Loads a page on the server. Each request of a browser needs a client of its own, because the cache contains what this viewer may read.
 * Returns the cache as JSON for a `<script>`: without the escape a message with `</script>` would end it.
 */
export async function loadPage(url: string, authorization: string, query: TypedDocumentNode) {
  const client = createApolloClient(url, { authorization });
  await client.query({ query, errorPolicy: 'all' });
  return JSON.stringify(client.extract()).replaceAll('<', String.raw`\u003c`);
}

/** Creates the client in the browser; what the server has loaded needs no request. */
export function hydrate(url: string, state: string) {
  const client = createApolloClient(url);
  client.cache.restore(JSON.parse(state));
  return client;
}
