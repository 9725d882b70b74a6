import type { ApolloServerPlugin, GraphQLRequestExecutionListener } from '@apollo/server';
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace';
import type { Context } from '../context.ts';

/** A trace contains scalar fields too, and is built and encoded in one turn of the event loop. */
const maxTracedFields = 2_000;

type Listener = GraphQLRequestExecutionListener<Context>;

function bounded(listener: Listener): Listener {
  let fields = 0;
  return {
    ...listener,
    willResolveField(field) {
      fields += 1;
      return fields > maxTracedFields ? undefined : listener.willResolveField?.(field);
    },
  };
}

/** Federated tracing (ftv1), limited to the first fields of an operation. */
export function createBoundedTrace(): ApolloServerPlugin<Context> {
  const plugin: ApolloServerPlugin<Context> = ApolloServerPluginInlineTrace({
    includeErrors: { masked: true },
  });
  return {
    ...plugin,
    async requestDidStart(request) {
      const listener = await plugin.requestDidStart?.(request);
      if (!listener) return undefined;
      return {
        ...listener,
        async executionDidStart(execution) {
          const started = await listener.executionDidStart?.(execution);
          return started ? bounded(started) : undefined;
        },
      };
    },
  };
}
