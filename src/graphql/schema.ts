import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import type { Resolvers } from './generated.ts';
import { rootResolvers } from './root.ts';
import { buildSubgraphSchema } from './subgraph.ts';

const sdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

const scalars: Resolvers = { DateTime: GraphQLDateTime, JSONObject: GraphQLJSONObject };

/** The schema of `schema.graphql` with the resolvers of all resources. */
export const createSchema = (resourceResolvers: readonly Resolvers[]): GraphQLSchema =>
  buildSubgraphSchema(sdl, [scalars, rootResolvers, ...resourceResolvers]);
