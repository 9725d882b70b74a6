import { readFileSync } from 'node:fs';
import { Kind, parse } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { GraphQLJSONObject } from 'graphql-scalars';
import type { Resolvers } from './generated.ts';
import { guardSchema } from './guard.ts';
import { rootResolvers } from './root.ts';
import { createDateTime } from './scalars.ts';
import { buildSubgraphSchema } from './subgraph.ts';
import { supergraphSdl } from './supergraphSdl.ts';

const sdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

interface SchemaOptions {
  /** Whether anybody may ask for the schema's text. */
  readonly isPublic?: boolean;
  /** Given where the schema is part of a supergraph: the fields of `Query` that are left out of its text. */
  readonly leftOut?: readonly string[] | undefined;
}

/** The schema of `schema.graphql` with the resolvers of all resources. */
export function createSchema(
  resourceResolvers: readonly Resolvers[],
  { isPublic = true, leftOut }: SchemaOptions = {},
): GraphQLSchema {
  const open = isPublic ? sdl : undefined;
  const schema = buildSubgraphSchema({
    sdl,
    resolvers: [
      { DateTime: createDateTime(), JSONObject: GraphQLJSONObject },
      rootResolvers,
      ...resourceResolvers,
    ],
    servedSdl: leftOut === undefined ? open : supergraphSdl(sdl, leftOut),
  });
  return guardSchema(schema);
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
