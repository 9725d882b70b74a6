import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { lineFormat } from './logFormat.ts';
import type { ConfiguredApp } from './providers.ts';
import { processLimitWarnings } from './processLimitWarnings.ts';
import { createGatewayLog, createConfiguredApp } from './providers.ts';
import { showProgress } from '../lib/terminal.ts';
import { loadConfig, logWarnings, configWarnings } from '../config/loadConfig.ts';
import type { Config } from '../config/settings.ts';
import { ConfigError, environmentVariables, isDemo } from '../config/settings.ts';
import { ListenError, listenErrorMessage } from '../lib/listenError.ts';
import { version } from '../lib/version.ts';
import { ignoreFailures } from '../observability/logDestination.ts';

const authModes: Readonly<Record<Config['auth']['mode'], string>> = {
  none: 'every client may use the whole account',
  jwt: 'clients send a signed token; customers access only their own data',
  forward: 'clients send their own HelpCrunch key, which is forwarded',
};

/** In production only the separate server has metrics. */
function metricsLine({ isProduction }: Config, url: string, metricsUrl: string | undefined) {
  if (metricsUrl !== undefined) return `${metricsUrl}/metrics`;
  return isProduction ? 'off: METRICS_PORT is not set' : `${url}/metrics`;
}

interface Addresses {
  readonly upstream: string;
  readonly url: string;
  readonly metrics: string | undefined;
}

function startupBanner(config: Config, { upstream, url, metrics }: Addresses): string {
  const mode = isDemo(config) ? 'demo: HELPCRUNCH_API_KEY is not set, data is simulated' : 'live';
  const { accounts } = config;
  const webhooks =
    config.webhookSecret === undefined
      ? 'off: HELPCRUNCH_WEBHOOK_SECRET is not set'
      : `${url}/webhooks/helpcrunch`;
  const shared =
    config.redisUrl === undefined
      ? 'nothing: REDIS_URL is not set'
      : 'cache, rate limit and events, through Redis';
  return [
    `HelpCrunch GraphQL ${version}`,
    `  mode      ${mode}`,
    `  upstream  ${upstream}`,
    `  auth      ${config.auth.mode}: ${authModes[config.auth.mode]}`,
    `  GraphQL   ${url}/graphql`,
    ...(config.isProduction ? [] : [`  explorer  ${url}/explorer, or Apollo Sandbox at ${url}/`]),
    `  health    ${url}/healthz, ${url}/readyz`,
    `  metrics   ${metricsLine(config, url, metrics)}`,
    ...(accounts ? [`  accounts  ${accounts.map(({ name }) => name).join(', ')}`] : []),
    `  webhooks  ${accounts ? `${url}/webhooks/helpcrunch/<account>` : webhooks}`,
    `  shared    ${shared}`,
    '',
  ].join('\n');
}

/** V8 would let the heap grow to four times the live data, which saves only some hundredths of CPU time. */
const heapGrowingPercent = 50;

/** The same as the banner, for log shippers. */
const startFields = (config: Config, { upstream, url, metrics }: Addresses) => ({
  version,
  node: process.versions.node,
  mode: isDemo(config) ? 'demo' : 'live',
  auth: config.auth.mode,
  ...(config.accounts
    ? { accounts: config.accounts.map(({ name }) => name) }
    : { account: config.account }),
  upstream,
  url,
  ...(metrics === undefined ? {} : { metricsUrl: metrics }),
});

interface RunningGateway {
  /** Uses the secrets, accounts and persisted operations that files contain now. Invalid ones are logged and change nothing. */
  reload(): void;
  /** Finishes running operations and ends the process. */
  stop(signal: string): void;
}

type ServeLog = ReturnType<typeof createGatewayLog>;

function createReload(gatewayLog: ServeLog, gateway: ConfiguredApp): () => void {
  const { log } = gatewayLog;
  return () => {
    try {
      const config = loadConfig(environmentVariables(), randomUUID());
      gatewayLog.hideSecretsOf(config);
      gateway.reload(config);
      log.info('configuration reloaded');
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems : undefined;
      log.error('reload failed, configuration unchanged', problems ? { problems } : { error });
    }
  };
}

/** Starts a gateway with the settings of the environment. */
export async function serve(): Promise<RunningGateway> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  const environment = environmentVariables();
  const config = loadConfig(environment, randomUUID());
  const gatewayLog = createGatewayLog(config, await lineFormat(config));
  const { log } = gatewayLog;
  // A closed standard output must not end the process.
  ignoreFailures(process.stdout);
  // The state of the process is unknown after an unexpected error.
  const exitOnError = (error: unknown) => {
    log.error('unexpected error', { error });
    process.exit(1);
  };
  process.on('uncaughtException', exitOnError).on('unhandledRejection', exitOnError);
  logWarnings(log, [...configWarnings(environment), ...processLimitWarnings(config)]);
  const gateway = await showProgress('Starting', createConfiguredApp(config, gatewayLog));
  const url = await gateway.listen();
  const addresses = { upstream: gateway.upstreamUrl, url, metrics: gateway.metricsUrl() };
  process.stdout.write(startupBanner(config, addresses));
  log.info('gateway started', startFields(config, addresses));
  return {
    reload: createReload(gatewayLog, gateway),
    stop(signal) {
      log.info('gateway stopping', { signal });
      void gateway.stop().then(() => {
        log.info('gateway stopped');
        process.exit(0);
      });
    },
  };
}

function startErrorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const listenError = listenErrorMessage(error, { host: 'HOST', port: 'PORT' });
  if (listenError !== undefined) return listenError;
  const isKnown = error instanceof ConfigError || error instanceof ListenError || 'code' in error;
  return (isKnown ? error.message : error.stack) ?? '';
}

/** Reports why the gateway cannot start. */
export function reportStartError(error: unknown): void {
  process.stderr.write(`${startErrorMessage(error)}\n`);
  if (!(error instanceof ConfigError)) return;
  // A misspelled variable is often why a required one is missing.
  for (const { variable, message } of configWarnings(environmentVariables())) {
    process.stderr.write(`Warning: ${variable}: ${message}\n`);
  }
}
