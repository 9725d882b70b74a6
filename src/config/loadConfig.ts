import type { Config } from './settings.ts';
import { ConfigError, givenIn, readConfig, readSchemaSettings, variables } from './settings.ts';
import { findingsOf } from './crossChecks.ts';
import type { Finding } from './crossChecks.ts';
import { createPersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import { createSchema, unknownQueryFields } from '../graphql/schema/build.ts';
import { unknownVariables } from './unknownVariables.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What of the settings does not fit the schema. Builds a schema only where there is something to compare with it. */
function schemaProblems({
  excludedQueryFields,
  persistedOperations,
}: Pick<Config, 'excludedQueryFields' | 'persistedOperations'>): string[] {
  const unknown = unknownQueryFields(excludedQueryFields);
  const { problems } =
    persistedOperations === undefined
      ? { problems: [] }
      : createPersistedDocuments({
          schema: createSchema([]),
          manifest: persistedOperations,
          rejectsOthers: false,
        });
  return [
    ...(unknown.length > 0 ? [`SUBGRAPH_LEAVE_OUT: Query has no ${unknown.join(', ')}`] : []),
    ...problems.map((problem) => `PERSISTED_OPERATIONS: ${problem}`),
  ];
}

/** Settings that are accepted but may not be what was meant. */
export function warningsOf(environment: Environment): readonly Finding[] {
  const given = givenIn(environment);
  return [
    ...findingsOf(given).filter(({ severity }) => severity === 'warning'),
    ...unknownVariables(given, Object.keys(variables.shape)),
  ];
}

/**
 * The settings, checked in full: what `check-config` rejects and what a start rejects are the same. Fails with a `ConfigError`
 * that lists every problem.
 */
export function loadConfig(environment: Environment, demoSecret?: string): Config {
  const problems = schemaProblems(readSchemaSettings(environment));
  let config: Config;
  try {
    config = readConfig(environment, demoSecret);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...error.problems, ...problems]);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}
