import { randomUUID } from 'node:crypto';
import { createDocumentValidation } from '../graphql/limits/documentLimits.ts';
import type { OperationsFile } from '../graphql/operations/operationFiles.ts';
import { version } from '../lib/version.ts';
import { readBundledOperations } from '../mcp/bundledOperations.ts';
import { McpHttpEndpoint } from '../mcp/http.ts';
import { McpServers } from '../mcp/server.ts';
import { serveMcpStdio } from '../mcp/stdio.ts';
import type { ToolCallReport } from '../mcp/toolRunner.ts';
import { ToolRunner } from '../mcp/toolRunner.ts';
import type { Tool } from '../mcp/tools.ts';
import { loadTools } from '../mcp/tools.ts';
import { requestIds } from '../observability/tracing.ts';
import type { GraphQLExecution } from './createGraphQL.ts';
import type { Foundation } from './foundation.ts';

type McpFoundation = Pick<Foundation, 'config' | 'log' | 'accountLabel'>;

/** The audit log of tools: who called what. Arguments and results are not logged. */
function logCall(
  { log, accountLabel }: Pick<Foundation, 'log' | 'accountLabel'>,
  { tool, client: { caller }, code, calls }: ToolCallReport,
): void {
  const { viewer, viewerId, address } = caller;
  const account = accountLabel(caller.account);
  log.info('tool call', {
    ...requestIds(caller),
    tool,
    ...(account === undefined ? {} : { account }),
    viewer: viewer.role,
    ...(viewerId === undefined ? {} : { viewerId }),
    address,
    code,
    calls,
  });
}

/** The operations were validated with the settings, except those of the package. */
function requireTools(tools: readonly Tool[], problems: readonly string[]): readonly Tool[] {
  if (problems.length > 0) throw new Error(`Invalid MCP operations: ${problems.join('; ')}`);
  return tools;
}

/** The MCP servers of a gateway, for any transport. */
function createMcpServers(
  { config, log, accountLabel }: McpFoundation,
  { schema, run }: Pick<GraphQLExecution, 'schema' | 'run'>,
): McpServers {
  const { limits, isProduction, mutations } = config;
  const { operations, allowsWrites } = config.mcp;
  const validation = createDocumentValidation(limits, isProduction);
  const load = (files: readonly OperationsFile[]) => {
    const loaded = loadTools({ schema, files, validation, allowsWrites, mutations });
    return requireTools(loaded.tools, loaded.problems);
  };
  const bundled = load(readBundledOperations());
  const readChat = bundled.find(({ name }) => name === 'readChat');
  if (readChat === undefined) throw new Error('The package has no operation that reads a chat.');
  const runner = new ToolRunner({
    run,
    audit: (report) => logCall({ log, accountLabel }, report),
    onError: (error, caller) => log.error('tool failed', { ...requestIds(caller), error }),
  });
  return new McpServers({
    version,
    tools: operations === undefined ? bundled : load(operations),
    readChat,
    runner,
    isSchemaPublic: !isProduction,
  });
}

export const createMcpEndpoint = (
  foundation: McpFoundation,
  graphql: Pick<GraphQLExecution, 'schema' | 'run'>,
): McpHttpEndpoint =>
  new McpHttpEndpoint(createMcpServers(foundation, graphql), (requestId, error) =>
    foundation.log.error('MCP request failed', { requestId, error }),
  );

/** The user who starts the process has the API key, so there are no further credentials and `AUTH` does not apply. */
export function serveGatewayStdio(
  foundation: McpFoundation & Pick<Foundation, 'account'>,
  graphql: Pick<GraphQLExecution, 'schema' | 'run'>,
) {
  const { log, account } = foundation;
  const address = 'stdio';
  const createClient = () => ({
    caller: {
      ...account,
      requestId: randomUUID(),
      viewer: { role: 'ALL' } as const,
      viewerId: undefined,
      address,
      quotaKey: address,
    },
    limit: () => Promise.resolve(),
  });
  return serveMcpStdio({
    servers: createMcpServers(foundation, graphql),
    createClient,
    input: process.stdin,
    output: process.stdout,
    // The message would repeat what the client sent.
    onError: ({ name }) => log.warn('mcp message rejected', { reason: name }),
  });
}
