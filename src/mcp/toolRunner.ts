import type { ErrorCode } from '../graphql/errorCodes.ts';
import { internalErrorMessage, publicCodeOf, publicError, PublicError } from '../graphql/errors.ts';
import type { RunOperation } from '../graphql/subscriptions/run.ts';
import type { SubscriptionCaller } from '../graphql/subscriptions/eventExecution.ts';
import { isDictionary } from '../lib/shape.ts';
import type { ToolOutcome, ToolResult } from './toolResult.ts';
import { toToolResult } from './toolResult.ts';
import type { Tool } from './tools.ts';

/** An authenticated client of the MCP server. */
export interface McpClient {
  readonly caller: Omit<SubscriptionCaller, 'isBackground'>;
  /** Counts one operation of the client. Fails with a `PublicError` if it must wait. */
  readonly limit: () => Promise<void>;
}

/** A completed call for the audit log. It contains neither arguments nor results. */
export interface ToolCallReport {
  readonly tool: string;
  readonly client: McpClient;
  readonly code: ErrorCode | 'OK';
  readonly calls: number;
}

interface ToolRunnerOptions {
  readonly run: RunOperation;
  readonly audit: (report: ToolCallReport) => void;
  readonly onError: (error: unknown, caller: McpClient['caller']) => void;
}

interface ToolCall {
  readonly tool: Tool;
  readonly args: Readonly<Record<string, unknown>>;
  readonly client: McpClient;
  readonly signal: AbortSignal;
}

const listed = (names: Iterable<string>): string => [...names].join(', ') || 'none';

/** Only declared variables are passed on. Agents send null for arguments that they do not use, which would be a condition. */
function variablesOf({ variables, isMutation }: Tool, args: ToolCall['args']) {
  const unknown = Object.keys(args).filter((name) => !variables.has(name));
  if (unknown.length > 0) {
    const message = `Unknown arguments: ${listed(unknown).slice(0, 100)}. The arguments are: ${listed(variables)}.`;
    throw publicError.badUserInput(message);
  }
  return Object.fromEntries(
    Object.entries(args).filter(([, value]) => isMutation || value !== null),
  );
}

const callsOf = (extensions: unknown): number => {
  const upstream = isDictionary(extensions) ? extensions['upstream'] : undefined;
  return isDictionary(upstream) ? Number(upstream['calls'] ?? 0) : 0;
};

/** Executes tools as operations of their client, with the checks, limits and caches of `/graphql`. */
export class ToolRunner {
  readonly #options: ToolRunnerOptions;

  constructor(options: ToolRunnerOptions) {
    this.#options = options;
  }

  /** Never fails: errors are results, which tell the agent what to do next. */
  async call(call: ToolCall): Promise<ToolResult> {
    const { tool, client } = call;
    const { outcome, calls } = await this.#execute(call);
    const [first] = outcome.errors ?? [];
    const code = first === undefined ? 'OK' : publicCodeOf(first);
    this.#options.audit({ tool: tool.name, client, code, calls });
    try {
      return toToolResult(tool, outcome);
    } catch (error) {
      return toToolResult(tool, this.#internalError(error, client));
    }
  }

  /** Messages of unexpected errors are logged, not sent. */
  #internalError(error: unknown, { caller }: McpClient): ToolOutcome {
    this.#options.onError(error, caller);
    return { errors: [publicError.internal(internalErrorMessage).format(caller.requestId)] };
  }

  async #execute(
    call: ToolCall,
  ): Promise<{ readonly outcome: ToolOutcome; readonly calls: number }> {
    const { caller } = call.client;
    try {
      return await this.#run(call);
    } catch (error) {
      const outcome =
        error instanceof PublicError
          ? { errors: [error.format(caller.requestId)] }
          : this.#internalError(error, call.client);
      return { outcome, calls: 0 };
    }
  }

  async #run({ tool, args, client, signal }: ToolCall) {
    const { caller } = client;
    await client.limit();
    if (caller.viewer.role === 'CUSTOMER' && !tool.isForCustomers) {
      throw publicError.forbidden('This tool is for agents only.');
    }
    const variables = variablesOf(tool, args);
    const { isMutation, query } = tool;
    const outcome = await this.#options.run(
      { query, variables },
      // A mutation, with the reads that it needs, is not background work.
      { ...callerFields(caller), isBackground: !isMutation },
      { signal, isReadOnly: !isMutation },
    );
    if (outcome.kind === 'stream') throw new Error('Tools have one result.');
    const { data, errors, extensions } = outcome.result;
    return {
      outcome: { data: isDictionary(data) ? data : null, errors },
      calls: callsOf(extensions),
    };
  }
}

/** Not a spread, which would read the name of the client once: HelpCrunch may accept its key later. */
const callerFields = (caller: McpClient['caller']): McpClient['caller'] => ({
  ...caller,
  get quotaKey() {
    return caller.quotaKey;
  },
});
