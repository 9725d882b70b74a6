import type { GraphQLResponse } from 'relay-runtime';
import { Environment, Network, RecordSource, Store } from 'relay-runtime';

export const createRelayEnvironment = (url: string) =>
  new Environment({
    network: Network.create(async ({ text }, variables) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: text, variables }),
      });
      return response.json() as Promise<GraphQLResponse>;
    }),
    store: new Store(new RecordSource()),
    // `id` is unique per type only: chat 7 and customer 7 are different objects.
    getDataID: ({ nodeId }): unknown => nodeId,
  });
