import { introspectionFromSchema } from 'graphql';
import { declarations } from '../config/declarations.ts';
import type { Environment } from '../config/setting.ts';
import { SettingsReader } from '../config/setting.ts';
import { environmentVariables } from '../config/settings.ts';
import { createSchema, servedSdl, unknownRootFields } from '../graphql/schema/build.ts';
import { UsageError } from '../lib/usageError.ts';
import type { OutputStreams } from './checkConfig.ts';

interface SchemaCommandOptions {
  /** Whether to print the schema that a supergraph is composed of. */
  readonly federation: boolean;
  /** Whether to print the result of an introspection query. */
  readonly json: boolean;
  readonly environment?: Environment;
}

/** The root fields that the served subgraph omits. */
function excludedRootFieldsIn(environment: Environment): readonly string[] {
  const reader = new SettingsReader(environment);
  const { excludedRootFields } = reader.read({
    excludedRootFields: declarations.excludedRootFields,
  });
  const [problem] = reader.problems;
  if (problem !== undefined) throw new UsageError(problem);
  const [unknown] = unknownRootFields(excludedRootFields);
  if (unknown === undefined) return excludedRootFields;
  throw new UsageError(`SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field ${unknown}`);
}

/** Prints the schema without starting a gateway. */
export function runSchema(
  { federation, json, environment = environmentVariables() }: SchemaCommandOptions,
  { print }: OutputStreams,
): number {
  const subgraph = federation
    ? { excludedRootFields: excludedRootFieldsIn(environment) }
    : undefined;
  if (json) {
    const introspection = introspectionFromSchema(createSchema([], { subgraph }), {
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
    });
    print(`${JSON.stringify(introspection, undefined, 2)}\n`);
  } else {
    print(`${servedSdl(subgraph).trimEnd()}\n`);
  }
  return 0;
}
