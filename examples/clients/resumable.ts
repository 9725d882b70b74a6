import type { Client as EventStreamClient } from 'graphql-sse';
import type { Client as WebSocketClient } from 'graphql-ws';

interface Sink {
  next(result: never): void;
  error(error: unknown): void;
  complete(): void;
}

/** Both clients send the variables again with each connection, and the document passes `$after` to the argument `after`. */
function resuming<
  Payload extends { readonly variables?: Record<string, unknown> | null | undefined },
>(payload: Payload, sink: Sink) {
  const variables: Record<string, unknown> = { ...payload.variables };
  const next = (result: { readonly extensions?: unknown }) => {
    const { extensions } = result;
    const isObject = typeof extensions === 'object' && extensions !== null;
    if (isObject && 'eventId' in extensions) variables['after'] = extensions.eventId;
    sink.next(result as never);
  };
  const error = (reason: unknown) => sink.error(reason);
  return [
    { ...payload, variables },
    { next, error, complete: () => sink.complete() },
  ] as const;
}

/** Subscriptions of the client continue after their last event when it reconnects. Apollo Client and urql can use it too. */
export const resumableWebSocket = (client: WebSocketClient): WebSocketClient => ({
  ...client,
  subscribe: (payload, sink) => client.subscribe<never>(...resuming(payload, sink)),
});

/** The same for `graphql-sse`. */
export const resumableEventStream = (client: EventStreamClient): EventStreamClient => ({
  ...client,
  subscribe: (payload, sink) => client.subscribe<never>(...resuming(payload, sink)),
});
