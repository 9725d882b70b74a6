import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema as buildByApollo } from '@apollo/subgraph';
import type { GraphQLSchema } from 'graphql';
import { execute, parse } from 'graphql';
import { readConfig } from '../src/config/settings.ts';
import { startGateway } from '../src/app/createApp.ts';
import { buildSubgraphSchema } from '../src/graphql/federation/subgraph.ts';
import { startSimulator } from '../src/simulator/simulator.ts';
import type { Log } from '../src/observability/log.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';

const referenceCount = 1_000;
const rounds = 30;
/** Each contender works so often in one round, so that a round is longer than the clock is coarse. */
const repeats = 20;

const sdl = /* GraphQL */ `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key"])
  type Query {
    customer(id: ID!): Customer
  }
  type Customer @key(fields: "id") {
    id: ID!
    name: String
    company: String
  }
`;

const query = `query ($references: [_Any!]!) {
  _entities(representations: $references) { ... on Customer { id name company } }
}`;

const ids = Array.from({ length: referenceCount }, (_, index) => String(7001 + index));
const references = ids.map((id) => ({ __typename: 'Customer', id }));

const plain = {
  Customer: {
    __resolveReference: ({ id }: { readonly id: string }) => ({
      __typename: 'Customer',
      id,
      name: `Customer ${id}`,
      company: 'Acme',
    }),
  },
};

type Work = () => Promise<unknown>;

/** The processor's time for each reference in microseconds, from the quietest round: what disturbs only adds. */
async function measure(works: readonly Work[]): Promise<readonly number[]> {
  const best = works.map(() => Infinity);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, work] of works.entries()) {
      const before = process.cpuUsage();
      for (let repeat = 0; repeat < repeats; repeat += 1) await work();
      const { user, system } = process.cpuUsage(before);
      const each = (user + system) / repeats / referenceCount;
      best[index] = Math.min(best[index] ?? Infinity, each);
    }
  }
  return best;
}

const executing = (schema: GraphQLSchema): Work => {
  const document = parse(query);
  const variableValues = { references };
  return async () => await execute({ schema, document, variableValues, contextValue: {} });
};

const posting =
  (url: string, document: string): Work =>
  async () => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: document, variables: { references } }),
    });
    const { data, errors } = (await response.json()) as Record<string, { _entities?: unknown[] }>;
    if (errors !== undefined || data?._entities?.length !== referenceCount) {
      throw new Error(`The references failed: ${JSON.stringify(errors)}`);
    }
  };

const ignore = () => undefined;
const silent: Log = { info: ignore, warn: ignore, error: ignore };

/** This gateway with all it does for an operation, and Apollo's layer on Apollo's standalone server. */
async function withServers<Result>(run: (ours: string, theirs: string) => Promise<Result>) {
  const upstream = await startSimulator({ rateLimit: 0, customers: referenceCount });
  const config = readConfig({
    PORT: '0',
    HELPCRUNCH_RATE_LIMIT: '0',
    CACHE_CUSTOMERS_TTL_MS: '3600000',
    SUBGRAPH: 'true',
  });
  const gateway = await startGateway(config, { upstream, clock: systemClock, log: silent });
  const server = new ApolloServer({
    schema: buildByApollo({ typeDefs: parse(sdl), resolvers: plain }),
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    stopOnTerminationSignals: false,
  });
  const { url } = await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } });
  try {
    return await run(`${gateway.url}/graphql`, url);
  } finally {
    await server.stop();
    await gateway.stop();
    await upstream.close();
  }
}

const row = (title: string, [ours = 0, theirs = 0]: readonly number[]): Cell[] => [
  title,
  ours.toFixed(2),
  theirs.toFixed(2),
  `${(ours / theirs).toFixed(2)}x`,
];

/** CPU time of a reference, beside `@apollo/subgraph` with a resolver that fetches nothing. False when our layer is the dearer one. */
export async function runReferences(): Promise<boolean> {
  const layer = await measure([
    executing(buildSubgraphSchema({ sdl, subgraphSdl: () => sdl, resolvers: [plain] })),
    executing(buildByApollo({ typeDefs: parse(sdl), resolvers: plain })),
  ]);
  const [keys, known] = await withServers(async (ours, theirs) => {
    const keyOnly = query.replace('id name company', 'id');
    await posting(ours, query)();
    return [
      await measure([posting(ours, keyOnly), posting(theirs, keyOnly)]),
      await measure([posting(ours, query), posting(theirs, query)]),
    ];
  });
  process.stdout.write(
    `CPU time for each of ${referenceCount} references in one operation, in microseconds: the quietest of ${rounds} rounds.\n` +
      'Theirs has a resolver that makes its answer up; both servers are asked over HTTP by this same process.\n\n',
  );
  process.stdout.write(
    formatTable(
      ['', 'this gateway', '@apollo/subgraph', 'ratio'],
      [
        row('the layer alone, the same plain resolver', layer),
        row('the whole server, keys alone', keys),
        row('the whole server, customers from the cache', known),
      ],
    ),
  );
  const [ours = Infinity, theirs = 0] = layer;
  return ours <= theirs;
}
