import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createGatewayRuntime } from '@graphql-hive/gateway';

/** All customers of a list in one search, as its own batching allows. */
const wholeCustomer = {
  selectionSet: '{ customer { id } }',
  resolve: ({ customer }, _args, context, info) =>
    context.helpdesk.Query.searchCustomers({
      context,
      info,
      key: customer.id,
      argsFromKeys: (ids) => ({
        input: {
          comparison: 'OR',
          filter: ids.map((id) => ({ field: 'customers_id', operator: '_EQUALS_', value: id })),
          limit: 100,
        },
      }),
      selectionSet: (subtree) => ({
        kind: 'SelectionSet',
        selections: [onType('CustomerList', field('data', subtree))],
      }),
      valuesFromResults: ({ data }, ids) => {
        const byId = new Map(data.map((found) => [found.id, found]));
        return ids.map((id) => byId.get(id) ?? null);
      },
    }),
};

const nameOf = (value) => ({ kind: 'Name', value });

const field = (name, { selections }) => ({
  kind: 'Field',
  name: nameOf(name),
  // Responses are matched by id.
  selectionSet: {
    kind: 'SelectionSet',
    selections: [{ kind: 'Field', name: nameOf('id') }, ...selections],
  },
});

const onType = (type, selection) => ({
  kind: 'InlineFragment',
  typeCondition: { kind: 'NamedType', name: nameOf(type) },
  selectionSet: { kind: 'SelectionSet', selections: [selection] },
});

export async function start(_upstream, settings = {}) {
  const gateway = createGatewayRuntime({
    supergraph: readFileSync('supergraph.graphql', 'utf8'),
    additionalResolvers: { Chat: { wholeCustomer } },
    logging: 'error',
    ...settings,
  });
  const server = createServer(gateway);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/graphql`;
}
