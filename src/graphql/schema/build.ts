import { readFileSync } from 'node:fs';
import { Kind, parse } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { GraphQLJSONObject } from 'graphql-scalars';
import type { Resolvers } from '../generated.ts';
import { applyPolicies } from '../policy/apply.ts';
import { rootResolvers } from './node.ts';
import { createDateTime } from './scalars.ts';
import { buildSubgraphSchema } from '../federation/subgraph.ts';
import { supergraphSdl } from '../federation/supergraphSdl.ts';

const sdl = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8');

interface SchemaOptions {
  /** Whether anybody may ask for the schema's text. */
  readonly isSdlPublic?: boolean;
  /** Given where the schema is part of a supergraph: the fields of `Query` that are left out of its text. */
  readonly excludedQueryFields?: readonly string[] | undefined;
}

/** The schema of `schema.graphql` with the resolvers of all resources. */
export function createSchema(
  resourceResolvers: readonly Resolvers[],
  { isSdlPublic = true, excludedQueryFields }: SchemaOptions = {},
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
      excludedQueryFields === undefined ? publicSdl : supergraphSdl(sdl, excludedQueryFields),
  });
  return applyPolicies(schema);
}

/** Those of `names` that are no fields of `Query`. */
export function unknownQueryFields(names: readonly string[]): readonly string[] {
  const fields = parse(sdl).definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION && definition.name.value === 'Query'
      ? (definition.fields ?? []).map(({ name }) => name.value)
      : [],
  );
  return names.filter((name) => !fields.includes(name));
}
