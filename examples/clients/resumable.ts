import type { Client as EventStreamClient } from 'graphql-sse';
import type { Client as WebSocketClient } from 'graphql-ws';

/** Both clients send the variables again with each connection, and the document passes `$after` to the argument `after`. */
function continueAfter(variables: Record<string, unknown>, extensions: unknown): void {
  const isObject = typeof extensions === 'object' && extensions !== null;
  if (isObject && 'eventId' in extensions) variables['after'] = extensions.eventId;
}

/** Subscriptions of the client continue after their last event when it reconnects. Apollo Client and urql can use it too. */
export const resumableWebSocket = (client: WebSocketClient): WebSocketClient => ({
  ...client,
  subscribe(payload, sink) {
    const variables = { ...payload.variables };
    return client.subscribe<never>(
      { ...payload, variables },
      {
        next(result) {
          continueAfter(variables, result.extensions);
          sink.next(result as never);
        },
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
      },
    );
  },
});

/** The same for `graphql-sse`. */
export const resumableEventStream = (client: EventStreamClient): EventStreamClient => ({
  ...client,
  subscribe(payload, sink) {
    const variables = { ...payload.variables };
    return client.subscribe<never>(
      { ...payload, variables },
      {
        next(result) {
          continueAfter(variables, result.extensions);
          sink.next(result as never);
        },
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
      },
    );
  },
});
