import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { GraphQLJSONObject } from 'graphql-scalars';
import type { Resolvers } from '../resolvers.generated.ts';
import { applyPolicies } from '../policy/apply.ts';
import { undeclaredFields } from './fields.ts';
import { rootResolvers } from './node.ts';
import { createDateTime } from './scalars.ts';
import { buildSubgraphSchema } from '../federation/subgraph.ts';
import { rootFieldName, rootFieldsOf, supergraphSdl } from '../federation/supergraphSdl.ts';

const sdl = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8');

interface SchemaOptions {
  /** Whether `_service` returns the SDL. */
  readonly isSdlPublic?: boolean;
  /** Given in a supergraph: the root fields that the subgraph SDL omits. */
  readonly excludedRootFields?: readonly string[] | undefined;
}

/** The schema of `schema.graphql` with the resolvers of all resources. */
export function createSchema(
  resourceResolvers: readonly Resolvers[],
  { isSdlPublic = true, excludedRootFields }: SchemaOptions = {},
): GraphQLSchema {
  const publicSdl = isSdlPublic ? sdl : undefined;
  const schema = buildSubgraphSchema({
    sdl,
    resolvers: [
      { DateTime: createDateTime(), JSONObject: GraphQLJSONObject },
      rootResolvers,
      ...resourceResolvers,
    ],
    subgraphSdl:
      excludedRootFields === undefined ? publicSdl : supergraphSdl(sdl, excludedRootFields),
  });
  const problems = undeclaredFields(schema);
  if (problems.length > 0) throw new Error(`Invalid field declarations: ${problems.join('; ')}`);
  return applyPolicies(schema);
}

/** The names, such as `node` or `Mutation.markChatRead`, that are not root fields. */
export const unknownRootFields = (names: readonly string[]): readonly string[] => {
  const known = rootFieldsOf(sdl);
  return names.map(rootFieldName).filter((name) => !known.includes(name));
};
