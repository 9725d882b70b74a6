import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { buildSubgraphSchema } from '../../src/graphql/federation/subgraph.ts';
import { seedCustomer } from '../../src/simulator/customerSeed.ts';

export const shopSdl = readFileSync(new URL('shop.graphql', import.meta.url), 'utf8');

interface User {
  readonly id: string;
  readonly name: string;
}

/** The first hundred customers of the simulator with a user id. */
const users: readonly User[] = Array.from({ length: 200 }, (_, index) => seedCustomer(1, 0, index))
  .flatMap(({ userId, name }) => (userId === null ? [] : [{ id: userId, name: name ?? 'Unknown' }]))
  .slice(0, 100);

const userOf = ({ id }: { readonly id: string }) => users.find((user) => user.id === id) ?? null;

const ordersOf = (userId: string) => {
  const number = Number(userId.slice(2));
  return Array.from({ length: number % 3 }, (_, index) => ({
    __typename: 'Order',
    id: `${number}-${index + 1}`,
    totalCents: 1_990 * (index + 1),
  }));
};

const resolvers = {
  Query: {
    users: (_root: unknown, { first }: { readonly first: number }) => users.slice(0, first),
    user: (_root: unknown, key: { readonly id: string }) => userOf(key),
  },
  User: {
    __resolveReference: userOf,
    // The shop returns the key only; the router fetches other fields from the gateway.
    supportProfile: ({ id }: User) => ({ __typename: 'Customer', userId: id }),
  },
  Customer: {
    orders: ({ userId }: { readonly userId: string | null }) =>
      userId === null ? null : ordersOf(userId),
  },
};

/** The shop's subgraph. Its only link to HelpCrunch are the user ids. */
export const createShopSchema = (): GraphQLSchema =>
  buildSubgraphSchema({ sdl: shopSdl, subgraphSdl: () => shopSdl, resolvers: [resolvers] });
