import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { ConfigError, isDemo, surroundings } from './config.ts';
import type { Config } from './config.ts';
import { startGateway } from './gateway.ts';
import type { Helpdesk } from './gateway.ts';
import { loadConfig, warningsOf } from './loadConfig.ts';
import { findHelpdesk, findTracing, secretsOf } from './parts.ts';
import { systemClock } from './support/clock.ts';
import { createLog } from './support/log.ts';
import { createLogDestination, ignoreFailures } from './support/logDestination.ts';
import { showProgress } from './terminal.ts';

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

function greeting(config: Config, helpdesk: Helpdesk, url: string): string {
  const mode = isDemo(config)
    ? 'demo: no HELPCRUNCH_API_KEY is set, so a simulated helpdesk with a made-up account answers'
    : 'live';
  return [
    'HelpCrunch GraphQL',
    `  mode      ${mode}`,
    `  helpdesk  ${helpdesk.url}`,
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
  const config = loadConfig(surroundings(), randomUUID());
  const destination = createLogDestination(process.stderr, {
    format: await lineFormat(config),
    onResume: (lines) => log.warn('log lines lost', { lines }),
  });
  const log = createLog(destination, config.logLevel, secretsOf(config));
  // The greeting is lost where nobody reads it.
  ignoreFailures(process.stdout);
  // What nobody foresaw leaves the process in a state that nobody knows.
  const fail = (error: unknown) => {
    log.error('the process fails', { error });
    process.exit(1);
  };
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
  for (const { variable, message } of warningsOf(surroundings())) {
    log.warn('questionable setting', { variable, reason: message });
  }
  const helpdesk = await findHelpdesk(config);
  const tracing = await findTracing(config);
  const gateway = await showProgress(
    'Starting',
    startGateway(config, {
      helpdesk,
      clock: systemClock,
      log,
      tracing,
      lostLogLines: destination.lostLines,
    }),
  );
  process.stdout.write(greeting(config, helpdesk, gateway.url));
  helpdesk.live?.(gateway.url);

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

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `Port ${String(error.port)} is in use. Set PORT to another one, or to 0 for any that is free.`;
  }
  return (error instanceof ConfigError || 'code' in error ? error.message : error.stack) ?? '';
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  if (error instanceof ConfigError) {
    // A misspelt variable is often why another one is missing.
    for (const { variable, message } of warningsOf(surroundings())) {
      process.stderr.write(`Warning: ${variable}: ${message}\n`);
    }
  }
  process.exit(1);
}
