import { readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { GraphQLScalarType, GraphQLSchema } from 'graphql';
import { GraphQLJSONObject } from 'graphql-scalars';
import type { Resolvers } from '../resolvers.generated.ts';
import type { AllowedMutations } from '../policy/apply.ts';
import { enforcePolicies } from '../policy/apply.ts';
import { fieldDeclarationProblems } from './fields.ts';
import { rootResolvers } from './node.ts';
import { createDateTime } from './scalars.ts';
import { once } from '../../lib/lazy.ts';
import { apiSdl } from '../federation/apiSdl.ts';
import { buildSubgraphSchema } from '../federation/subgraph.ts';
import {
  rootFieldCoordinate,
  rootFieldCoordinatesOf,
  toSubgraphSdl,
} from '../federation/subgraphSdl.ts';

const sdl = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8');

/** A service of a supergraph. */
interface SubgraphOptions {
  /** The root fields that its SDL omits. */
  readonly excludedRootFields: readonly string[];
}

interface SchemaOptions {
  /** Adds `_service`, `_entities` and the types of Federation. */
  readonly subgraph?: SubgraphOptions | undefined;
  /** The mutations that viewers may use; undefined for those that need no permission. */
  readonly mutations?: AllowedMutations | undefined;
}

/** The SDL for clients, or for the composition of a supergraph. */
export const servedSdl = (subgraph?: SubgraphOptions): string =>
  subgraph === undefined ? apiSdl(sdl) : toSubgraphSdl(sdl, subgraph.excludedRootFields);

/** Only the functions: the description and `@specifiedBy` are those of the SDL. */
const functionsOf = ({ serialize, parseValue, parseLiteral }: GraphQLScalarType) => ({
  serialize,
  parseValue,
  parseLiteral,
});

/** The schema of `schema.graphql` with the resolvers of all resources. */
export function createSchema(
  resourceResolvers: readonly Resolvers[],
  { subgraph, mutations }: SchemaOptions = {},
): GraphQLSchema {
  const scalars = {
    DateTime: functionsOf(createDateTime()),
    JSONObject: functionsOf(GraphQLJSONObject),
  };
  const resolvers = [scalars, rootResolvers, ...resourceResolvers];
  const schema =
    subgraph === undefined
      ? makeExecutableSchema({ typeDefs: servedSdl(), resolvers, updateResolversInPlace: true })
      : buildSubgraphSchema({ sdl, resolvers, subgraphSdl: once(() => servedSdl(subgraph)) });
  const problems = fieldDeclarationProblems(schema);
  if (problems.length > 0) throw new Error(`Invalid field declarations: ${problems.join('; ')}`);
  enforcePolicies(schema, mutations);
  return schema;
}

/** All root fields, such as `Query.node` and `Mutation.markChatRead`. */
export const rootFieldCoordinates = (): readonly string[] => rootFieldCoordinatesOf(sdl);

/** The names, such as `node` or `Mutation.markChatRead`, that are not root fields. */
export const unknownRootFields = (names: readonly string[]): readonly string[] => {
  const known = rootFieldCoordinatesOf(sdl);
  return names.map(rootFieldCoordinate).filter((name) => !known.includes(name));
};

/** The names that are not mutations. */
export const unknownMutations = (names: readonly string[]): readonly string[] => {
  const known = rootFieldCoordinatesOf(sdl);
  return names.filter((name) => !known.includes(`Mutation.${name}`));
};
