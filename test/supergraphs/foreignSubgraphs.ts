import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLSchema } from 'graphql';
import { parse } from 'graphql';
import { createShopSchema, shopSdl } from '../../examples/supergraph/shopSchema.ts';
import type { Subgraph } from './routers.ts';

/** Refers to every entity of the gateway by id, and adds a field to most of them. */
const crmSdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
  type Query { records(ids: [ID!]!): [Record!]! }
  type Record @key(fields: "id") {
    id: ID!
    chat: Chat
    customer: Customer
    agent: Agent
    department: Department
    application: ChatApplication
  }
  type Chat @key(fields: "id") { id: ID! priority: String }
  type Customer @key(fields: "id") { id: ID! segment: String }
  type Agent @key(fields: "id") { id: ID! extension: String }
  type Department @key(fields: "id") { id: ID! costCentre: String }
  type ChatApplication @key(fields: "id", resolvable: false) { id: ID! }
  type ChatMessage @key(fields: "id") { id: ID! sentiment: String }
`;

const addedField = 'type Record @key(fields: "id") { addedLater: String';

/** The schema with a field that it lacks at first. */
export const laterCrmSdl = crmSdl.replace('type Record @key(fields: "id") {', addedField);

/** Refers to customers by a user id that may be null. */
const guestsSdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
  type Query { guests: [Guest!]! }
  type Guest { id: ID! account: Customer }
  type Customer @key(fields: "userId", resolvable: false) { userId: String }
`;

const referenceTo =
  (type: string) =>
  ({ id }: { readonly id: string }) => ({ __typename: type, id });

const itself = (key: object) => key;

const crm = {
  Query: {
    records: (_root: unknown, { ids }: { readonly ids: readonly string[] }) =>
      ids.map((id) => ({ id })),
  },
  Record: {
    __resolveReference: itself,
    addedLater: () => 'added',
    chat: referenceTo('Chat'),
    customer: referenceTo('Customer'),
    agent: referenceTo('Agent'),
    department: referenceTo('Department'),
    application: referenceTo('ChatApplication'),
  },
  Chat: { __resolveReference: itself, priority: () => 'high' },
  Customer: { __resolveReference: itself, segment: () => 'retail' },
  Agent: { __resolveReference: itself, extension: () => '101' },
  Department: { __resolveReference: itself, costCentre: () => 'C1' },
  ChatMessage: { __resolveReference: itself, sentiment: () => 'calm' },
};

const guests = {
  Query: {
    guests: () =>
      ['u-7001', null, 'u-999999'].map((userId, index) => ({
        id: String(index),
        account: { __typename: 'Customer', userId },
      })),
  },
};

const build = (sdl: string, resolvers: object): GraphQLSchema =>
  buildSubgraphSchema({ typeDefs: parse(sdl), resolvers } as never);

/** The subgraphs of other teams, each on a port of its own. */
export async function startForeignSubgraphs() {
  const servers: ApolloServer[] = [];
  async function serve(name: string, sdl: string, schema: GraphQLSchema): Promise<Subgraph> {
    const server = new ApolloServer({
      schema,
      plugins: [ApolloServerPluginInlineTraceDisabled()],
      stopOnTerminationSignals: false,
    });
    servers.push(server);
    const { url } = await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } });
    return { name, sdl, url };
  }
  return {
    subgraphs: await Promise.all([
      serve('crm', crmSdl, build(laterCrmSdl, crm)),
      serve('guests', guestsSdl, build(guestsSdl, guests)),
      serve('shop', shopSdl, createShopSchema()),
    ]),
    stop: () => Promise.all(servers.map((server) => server.stop())),
  };
}
