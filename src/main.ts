import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { ConfigError, isDemo, environmentVariables } from './config/settings.ts';
import type { Config } from './config/settings.ts';
import { startGateway } from './app/createApp.ts';
import type { UpstreamEndpoint } from './app/createApp.ts';
import { loadConfig, warningsOf } from './config/loadConfig.ts';
import { provideUpstream, provideTracing, secretsOf } from './app/providers.ts';
import { systemClock } from './lib/clock.ts';
import { createLog } from './observability/log.ts';
import { createLogDestination, ignoreFailures } from './observability/logDestination.ts';
import { showProgress } from './cli/terminal.ts';

/** Lines for people on a terminal, JSON for everything else, unless it is said. */
async function lineFormat({ logFormat, isProduction }: Config): Promise<(line: string) => string> {
  const isForPeople = process.stderr.isTTY && !isProduction;
  if ((logFormat ?? (isForPeople ? 'pretty' : 'json')) === 'json') return (line) => line;
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({ singleLine: true, translateTime: 'HH:MM:ss.l' });
}

const authModes: Readonly<Record<Config['auth']['mode'], string>> = {
  none: 'everybody who reaches this address may use the whole account',
  jwt: 'a signed token says who asks; customers see themselves alone',
  forward: "each client's own HelpCrunch key is sent on",
};

function startupBanner(config: Config, upstream: UpstreamEndpoint, url: string): string {
  const mode = isDemo(config)
    ? 'demo: no HELPCRUNCH_API_KEY is set, so a simulated helpdesk with a made-up account answers'
    : 'live';
  return [
    'HelpCrunch GraphQL',
    `  mode      ${mode}`,
    `  helpdesk  ${upstream.url}`,
    `  auth      ${config.auth.mode}: ${authModes[config.auth.mode]}`,
    `  GraphQL   ${url}/graphql`,
    ...(config.isProduction ? [] : [`  explorer  ${url}/explorer, or Apollo Sandbox at ${url}/`]),
    `  health    ${url}/healthz, ${url}/readyz`,
    `  metrics   ${url}/metrics`,
    `  webhooks  ${config.webhookSecret === undefined ? 'none are taken in: no HELPCRUNCH_WEBHOOK_SECRET is set' : `${url}/webhooks/helpcrunch`}`,
    `  shared    ${config.redisUrl === undefined ? 'nothing: no REDIS_URL is set' : 'cache and calls, through Redis'}`,
    '',
  ].join('\n');
}

/**
 * Garbage is collected when the heap has grown by so many percent. V8 would let it grow to four times what is in use, which is
 * cheaper by some hundredths of the processor's time.
 */
const heapGrowingPercent = 50;

async function main(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  const config = loadConfig(environmentVariables(), randomUUID());
  const destination = createLogDestination(process.stderr, {
    format: await lineFormat(config),
    onResume: (lines) => log.warn('log lines lost', { lines }),
  });
  const log = createLog(destination, config.logLevel, secretsOf(config));
  // The greeting is lost where nobody reads it.
  ignoreFailures(process.stdout);
  // What nobody foresaw leaves the process in a state that nobody knows.
  const exitOnError = (error: unknown) => {
    log.error('the process fails', { error });
    process.exit(1);
  };
  process.on('uncaughtException', exitOnError).on('unhandledRejection', exitOnError);
  for (const { variable, message } of warningsOf(environmentVariables())) {
    log.warn('questionable setting', { variable, reason: message });
  }
  const upstream = await provideUpstream(config);
  const tracing = await provideTracing(config);
  const gateway = await showProgress(
    'Starting',
    startGateway(config, {
      upstream,
      clock: systemClock,
      log,
      tracing,
      lostLogLines: destination.lostLines,
    }),
  );
  process.stdout.write(startupBanner(config, upstream, gateway.url));
  upstream.startActivity?.(gateway.url);

  const stop = () => {
    process.removeListener('SIGTERM', stop).removeListener('SIGINT', stop);
    void gateway
      .stop()
      .then(() => tracing?.close())
      .then(() => process.exit(0));
  };
  // The second signal finds no listener, and so ends the process at once.
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

function startErrorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `Port ${String(error.port)} is in use. Set PORT to another one, or to 0 for any that is free.`;
  }
  return (error instanceof ConfigError || 'code' in error ? error.message : error.stack) ?? '';
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${startErrorMessage(error)}\n`);
  if (error instanceof ConfigError) {
    // A misspelt variable is often why another one is missing.
    for (const { variable, message } of warningsOf(environmentVariables())) {
      process.stderr.write(`Warning: ${variable}: ${message}\n`);
    }
  }
  process.exit(1);
}
