import { createPersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import { createDocumentValidation } from '../graphql/limits/documentLimits.ts';
import {
  createSchema,
  rootFieldCoordinates,
  unknownMutations,
  unknownRootFields,
} from '../graphql/schema/build.ts';
import { loadTools } from '../mcp/tools.ts';
import type { Log } from '../observability/log.ts';
import { accountsWarnings } from './accountsFile.ts';
import type { Finding } from './crossChecks.ts';
import { combinationFindings } from './crossChecks.ts';
import { allSettings, declarations } from './declarations.ts';
import type { Environment } from './setting.ts';
import { readSecretFiles } from './secretFiles.ts';
import { SettingsReader } from './setting.ts';
import type { Config } from './settings.ts';
import { ConfigError, readConfig, withoutEmpty } from './settings.ts';
import { suggestionFor } from './suggestions.ts';
import { unknownVariables } from './unknownVariables.ts';

/** The problems of the operations for agents. Mutations are checked even if they are not served. */
function mcpProblems(environment: Environment): readonly string[] {
  const { mcp, limits, environment: mode } = declarations;
  const values = new SettingsReader(environment).read({ mcp, limits, mode });
  const { operations: files = [] } = values.mcp;
  if (files.length === 0) return [];
  const validation = createDocumentValidation(values.limits, values.mode.name === 'production');
  const schema = createSchema([]);
  const options = { schema, files, validation, allowsWrites: true, mutations: undefined };
  return loadTools(options).problems.map((problem) => `MCP_OPERATIONS: ${problem}`);
}

/** What does not fit the schema. A schema is only built if there are persisted operations to validate. */
function schemaProblems(environment: Environment): string[] {
  const { excludedRootFields, persistedOperations, subgraph, mutations } = declarations;
  const values = new SettingsReader(environment).read({
    excludedRootFields,
    persistedOperations,
    subgraph,
    mutations,
  });
  const unknownFields = unknownRootFields(values.excludedRootFields);
  const unknownNames =
    typeof values.mutations === 'object' ? unknownMutations(values.mutations) : [];
  const rootFields = rootFieldCoordinates();
  const mutationFields = rootFields.map((name) => name.replace(/^Mutation\./, ''));
  const documents =
    values.persistedOperations &&
    createPersistedDocuments({
      schema: createSchema([], { subgraph: values.subgraph ? values : undefined }),
      manifest: values.persistedOperations,
      persistedOnly: 'false',
    });
  return [
    ...unknownFields.map(
      (name) =>
        `SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field ${name}${suggestionFor(name, rootFields)}`,
    ),
    ...unknownNames.map(
      (name) =>
        `MUTATIONS: the schema has no mutation ${name}${suggestionFor(name, mutationFields)}`,
    ),
    ...(documents?.problems ?? []).map((problem) => `PERSISTED_OPERATIONS: ${problem}`),
    ...mcpProblems(environment),
  ];
}

/** An empty variable is the same as none, but this one is set in order to have a live account. */
function emptyKeyWarnings(environment: Environment): Finding[] {
  const { HELPCRUNCH_API_KEY, HELPCRUNCH_API_KEY_FILE = '', AUTH, DEMO } = environment;
  if (HELPCRUNCH_API_KEY !== '' || HELPCRUNCH_API_KEY_FILE !== '') return [];
  if ((environment['ACCOUNTS_FILE'] ?? '') !== '') return [];
  if (AUTH === 'forward' || DEMO === 'true') return [];
  const message = 'is empty, so data is simulated. Set the key, or DEMO=true.';
  return [{ severity: 'warning', variable: 'HELPCRUNCH_API_KEY', message }];
}

function warningsOfAccounts(environment: Environment): Finding[] {
  const { accounts, auth } = declarations;
  const { accounts: given = [], ...shared } = new SettingsReader(environment).read({
    accounts,
    issuer: auth.issuer,
    audience: auth.audience,
  });
  return accountsWarnings(given, shared).map((message) => ({
    severity: 'warning',
    variable: 'ACCOUNTS_FILE',
    message,
  }));
}

/** Settings that are accepted but probably not intended. */
export function configWarnings(environment: Environment): readonly Finding[] {
  const given = withoutEmpty(environment);
  return [
    ...emptyKeyWarnings(environment),
    ...combinationFindings(readSecretFiles(given).environment).filter(
      ({ severity }) => severity === 'warning',
    ),
    ...warningsOfAccounts(given),
    ...unknownVariables(given, allSettings),
  ];
}

/** Logs each warning as one line. */
export function logWarnings(log: Pick<Log, 'warn'>, warnings: readonly Finding[]): void {
  for (const { variable, message } of warnings) {
    log.warn('questionable setting', { variable, reason: message });
  }
}

/** Reads and fully validates the configuration. Throws a `ConfigError` that lists every problem. */
export function loadConfig(environment: Environment, demoWebhookSecret?: string): Config {
  const problems = schemaProblems(withoutEmpty(environment));
  let config: Config;
  try {
    config = readConfig(environment, demoWebhookSecret);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...error.problems, ...problems]);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}
