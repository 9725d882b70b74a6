import { randomUUID } from 'node:crypto';
import { lineFormat } from '../app/logFormat.ts';
import { createGatewayLog, createConfiguredMcpStdioApp } from '../app/providers.ts';
import { configWarnings, loadConfig, logWarnings } from '../config/loadConfig.ts';
import type { Environment } from '../config/setting.ts';
import type { Config } from '../config/settings.ts';
import { ConfigError, environmentVariables, isDemo } from '../config/settings.ts';
import { UsageError } from '../lib/usageError.ts';

function readSettings(environment: Environment): Config {
  try {
    return loadConfig(environment, randomUUID());
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.problems.join('; ')) : error;
  }
}

/** The user who starts the process has the API key, so `AUTH` does not apply. */
function configFor(environment: Environment): Config {
  const config = readSettings(environment);
  if (config.accounts !== undefined) {
    throw new UsageError(
      'ACCOUNTS_FILE: this command serves one account. Set HELPCRUNCH_API_KEY instead.',
    );
  }
  if (config.apiKey === undefined && !isDemo(config)) {
    throw new UsageError('HELPCRUNCH_API_KEY: is needed, because no client sends a key.');
  }
  return { ...config, auth: { mode: 'none' } };
}

/** Serves MCP over standard input and output until the input ends or a signal arrives. Only messages are written to the output. */
export async function runMcp(environment = environmentVariables()): Promise<number> {
  const config = configFor(environment);
  const gatewayLog = createGatewayLog(config, await lineFormat(config));
  logWarnings(gatewayLog.log, configWarnings(environment));
  const app = await createConfiguredMcpStdioApp(config, gatewayLog);
  gatewayLog.log.info('mcp server started', { mode: isDemo(config) ? 'demo' : 'live' });
  const signalled = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve()).once('SIGINT', () => resolve());
  });
  await Promise.race([app.ended, signalled]);
  await app.stop();
  // Standard input may keep the process alive.
  process.exit(0);
}
