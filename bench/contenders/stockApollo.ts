import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Served } from './contender.ts';
import { contestant } from './contender.ts';
import type { StockContext } from './stockResolvers.ts';
import { resolvers } from './stockResolvers.ts';
import { BatchingCustomersAPI, ChatsAPI, CustomersAPI, TeamAPI } from './stockSources.ts';

/** The same schema. Apollo Server alone knows nothing of federation, so its directives are told and mean nothing. */
const typeDefs = [
  readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'),
  /* GraphQL */ `
    directive @link(url: String!, import: [String!]) repeatable on SCHEMA
    directive @key(fields: String!) repeatable on OBJECT
    directive @shareable on OBJECT
    directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT
  `,
];

/**
 * Apollo Server 5 with `@apollo/datasource-rest`, as https://www.apollographql.com/docs/apollo-server/data/fetching-rest has it:
 * a class for each part of the REST API, new ones for each operation, with the server's cache passed in. That cache obeys the
 * upstream's caching headers, of which the helpdesk sends none; a time to live of one's own would serve a chat as it was before
 * it was marked as read, since nothing there can take it back.
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
export const stockApollo = contestant('stock Apollo', (helpdesk) => serve(helpdesk, CustomersAPI));

/** The same, with customers by id fetched together. */
export const stockApolloWithDataLoader = contestant('stock + DataLoader', (helpdesk) =>
  serve(helpdesk, BatchingCustomersAPI),
);
