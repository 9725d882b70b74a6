import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Served } from './contender.ts';
import { contestant } from './contender.ts';
import type { StockContext } from './stockResolvers.ts';
import { resolvers } from './stockResolvers.ts';
import { BatchingCustomersAPI, ChatsAPI, CustomersAPI, TeamAPI } from './stockSources.ts';

/** The same schema. Apollo Server alone does not support federation, so the federation directives are declared without effect. */
const typeDefs = [
  readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'),
  /* GraphQL */ `
    directive @link(url: String!, import: [String!]) repeatable on SCHEMA
    directive @key(fields: String!, resolvable: Boolean = true) repeatable on OBJECT
    directive @shareable on OBJECT | FIELD_DEFINITION
    directive @listSize(
      assumedSize: Int
      slicingArguments: [String!]
      sizedFields: [String!]
      requireOneSlicingArgument: Boolean = true
    ) on FIELD_DEFINITION
    directive @inaccessible on OBJECT | FIELD_DEFINITION | SCALAR | ENUM
    directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT
  `,
];

/**
 * Apollo Server 5 with `@apollo/datasource-rest`, as https://www.apollographql.com/docs/apollo-server/data/fetching-rest recommends:
 * a class for each part of the REST API, with new instances for each operation that share the server's cache. That cache follows
 * the upstream's caching headers, and HelpCrunch sends none. A fixed TTL would serve a chat as unread after it was marked as
 * read, because the data source has no invalidation.
 */
async function serve(
  { url, key }: Simulator,
  customersClass: typeof CustomersAPI,
): Promise<Served> {
  const server = new ApolloServer<StockContext>({ typeDefs, resolvers });
  const { cache } = server;
  const options = { url, key, cache };
  const { url: graphqlUrl } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port: 0 },
    context: () =>
      Promise.resolve({
        dataSources: {
          chatsAPI: new ChatsAPI(options),
          customersAPI: new customersClass(options),
          teamAPI: new TeamAPI(options),
        },
      }),
  });
  return { url: graphqlUrl, stop: () => server.stop() };
}

/** One GET for each customer; equal ones at the same time are one. The documentation advises against more. */
export const stockApollo = contestant('stock Apollo', (helpCrunch) =>
  serve(helpCrunch, CustomersAPI),
);

/** The same, with customers by id fetched together. */
export const stockApolloWithDataLoader = contestant('stock + DataLoader', (helpCrunch) =>
  serve(helpCrunch, BatchingCustomersAPI),
);
