import { CriticalityLevel, diff, DiffRule } from '@graphql-inspector/core';
import { buildSubgraphSchema } from '../src/graphql/federation/subgraph.ts';

interface SchemaChange {
  readonly message: string;
  /** What is removed or changed, such as `Type.field`. */
  readonly path: string;
}

const schemaOf = (sdl: string) =>
  buildSubgraphSchema({ sdl, subgraphSdl: () => '', resolvers: [] });

/** What clients of one schema would lose with the other, in addition to what was deprecated in the first. */
export async function removals(released: string, next: string): Promise<readonly SchemaChange[]> {
  const changes = await diff(schemaOf(released), schemaOf(next));
  return changes
    .filter(
      ({ criticality, type }) =>
        criticality.level === CriticalityLevel.Breaking || String(type).endsWith('_REMOVED'),
    )
    .map(({ message, path = '' }) => ({ message, path }));
}

/** What clients of one schema would lose with the other. What was deprecated in the first may go. */
export async function breakingChanges(released: string, next: string): Promise<readonly string[]> {
  const changes = await diff(schemaOf(released), schemaOf(next), [
    DiffRule.suppressRemovalOfDeprecatedField,
  ]);
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ message }) => message);
}
