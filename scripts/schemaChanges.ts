import { CriticalityLevel, diff, DiffRule } from '@graphql-inspector/core';
import { buildSubgraphSchema } from '../src/graphql/federation/subgraph.ts';

const schemaOf = (sdl: string) =>
  buildSubgraphSchema({ sdl, subgraphSdl: () => '', resolvers: [] });

/** What clients of one schema would lose with the other. What was deprecated in the first may go. */
export async function breakingChanges(released: string, next: string): Promise<readonly string[]> {
  const changes = await diff(schemaOf(released), schemaOf(next), [
    DiffRule.suppressRemovalOfDeprecatedField,
  ]);
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ message }) => message);
}
