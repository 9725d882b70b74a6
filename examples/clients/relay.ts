import { createClient } from 'graphql-sse';
import type { GraphQLResponse, RequestParameters, Variables } from 'relay-runtime';
import { Environment, Network, Observable, RecordSource, Store } from 'relay-runtime';

/** With `persistConfig` the compiler replaces the text of each operation by an id. */
const requestOf = ({ id, text }: RequestParameters, variables: Variables) => ({
  ...(typeof id === 'string' ? { documentId: id } : {}),
  query: text ?? '',
  variables,
});

export function createRelayEnvironment(url: string) {
  const events = createClient({ url });
  return new Environment({
    network: Network.create(
      async (operation, variables) => {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            accept: 'application/graphql-response+json',
            'content-type': 'application/json',
          },
          body: JSON.stringify(requestOf(operation, variables)),
        });
        return response.json() as Promise<GraphQLResponse>;
      },
      (operation, variables) =>
        Observable.create<GraphQLResponse>((sink) =>
          events.subscribe(requestOf(operation, variables), {
            next: (result) => sink.next(result as GraphQLResponse),
            error: (error) => sink.error(error as Error),
            complete: () => sink.complete(),
          }),
        ),
    ),
    store: new Store(new RecordSource()),
    // `id` is unique per type only: chat 7 and customer 7 are different objects. Messages and applications have no `nodeId`.
    getDataID: ({ nodeId, id }, typename): unknown => nodeId ?? (id && `${typename}:${id}`),
  });
}
