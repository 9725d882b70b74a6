import type { Config } from '../config/settings.ts';
import { isDemo } from '../config/settings.ts';
import type { ServedAccount } from '../lib/accounts.ts';
import { systemClock } from '../lib/clock.ts';
import { DisposerStack } from '../lib/disposerStack.ts';
import { version } from '../lib/version.ts';
import { redisPassword } from '../lib/redisUrl.ts';
import type { Log } from '../observability/log.ts';
import { createLog } from '../observability/log.ts';
import { createLogDestination } from '../observability/logDestination.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { App, StdioApp } from './createApp.ts';
import { createApp, createMcpStdioApp } from './createApp.ts';
import type { UpstreamEndpoint } from './foundation.ts';
import { accountsOf, secretValuesOf } from './foundation.ts';

interface ProvidedUpstream extends UpstreamEndpoint {
  /** Starts simulated activity and sends its webhooks to the gateway. */
  readonly startActivity?: (gatewayUrl: string) => void;
  readonly close?: () => Promise<void>;
}

/** HelpCrunch, or the simulator in demo mode. */
async function provideUpstream(config: Config): Promise<ProvidedUpstream> {
  const { apiKey = '', apiUrl, rateLimit, webhookSecret } = config;
  if (!isDemo(config)) return { url: apiUrl, key: apiKey };
  const { startSimulator } = await import('../simulator/simulator.ts');
  const simulator = await startSimulator({ rateLimit });
  return {
    url: simulator.url,
    key: simulator.key,
    startActivity(gatewayUrl) {
      if (webhookSecret !== undefined) {
        const url = `${gatewayUrl}/webhooks/helpcrunch`;
        simulator.sendWebhooks({ url, secret: webhookSecret });
      }
      simulator.live();
    },
    close: simulator.close,
  };
}

/** OpenTelemetry is loaded only if traces are exported. */
async function provideTracing(
  { traceExportProtocol: protocol }: Config,
  log: Log,
): Promise<Tracing | undefined> {
  if (protocol === undefined) return undefined;
  const { createOpenTelemetry } = await import('../observability/openTelemetry.ts');
  return createOpenTelemetry({ protocol, version, clock: systemClock, log });
}

const secretsOfAccount = ({ apiKey, webhookSecrets, tokens }: ServedAccount): readonly string[] => [
  apiKey,
  ...webhookSecrets,
  ...(tokens?.signedBy && 'secrets' in tokens.signedBy ? tokens.signedBy.secrets : []),
];

/** What must never be logged. */
function secretsOf(config: Config): readonly string[] {
  const { jwtSecrets, routerSecret } = secretValuesOf(config);
  const { redisUrl = '', httpsProxy } = config;
  const passwords = [
    redisPassword(redisUrl),
    config.redis.sentinelPassword,
    httpsProxy && new URL(httpsProxy).password,
  ];
  const secrets = [routerSecret, ...jwtSecrets, ...passwords];
  return [...accountsOf(config).flatMap(secretsOfAccount), ...secrets].flatMap(
    (secret) => secret ?? [],
  );
}

interface GatewayLog {
  readonly log: Log;
  /** Hides the secrets of another configuration as well. */
  hideSecretsOf(config: Config): void;
  /** Lines that could not be written so far. */
  lostLines(): number;
}

/** Logs to standard error, without the secrets of the configuration. */
export function createGatewayLog(config: Config, format?: (line: string) => string): GatewayLog {
  const destination = createLogDestination(process.stderr, {
    ...(format && { format }),
    onResume: (lines) => log.warn('log lines lost', { lines }),
  });
  const secrets = secretsOf(config);
  const log = createLog(destination, config.logLevel, secrets);
  return {
    log,
    lostLines: destination.lostLines,
    hideSecretsOf: (next) => log.hide(secretsOf(next)),
  };
}

export interface ConfiguredApp extends App {
  readonly upstreamUrl: string;
}

type ProvidedLog = Pick<GatewayLog, 'log' | 'lostLines'>;

/** What a gateway and a server over standard input and output need alike. */
async function provide(config: Config, { log, lostLines }: ProvidedLog, disposers: DisposerStack) {
  const upstream = await provideUpstream(config);
  disposers.defer(() => upstream.close?.());
  const tracing = await provideTracing(config, log);
  disposers.defer(() => tracing?.close());
  const options = { upstream, clock: systemClock, log, tracing, lostLogLines: lostLines };
  return { upstream, options };
}

/** Creates a gateway with the upstream and the tracing that the configuration names. If it fails, nothing stays open. */
export const createConfiguredApp = (
  config: Config,
  gatewayLog: ProvidedLog,
): Promise<ConfiguredApp> =>
  DisposerStack.use(async (disposers) => {
    const { upstream, options } = await provide(config, gatewayLog, disposers);
    const app = await createApp(config, options);
    disposers.defer(() => app.stop());
    return {
      server: app.server,
      upstreamUrl: upstream.url,
      async listen() {
        const url = await app.listen();
        upstream.startActivity?.(url);
        return url;
      },
      metricsUrl: () => app.metricsUrl(),
      reload: (next) => app.reload(next),
      stop: () => disposers.dispose(),
    };
  });

/** Creates a server of MCP for one client over standard input and output. If it fails, nothing stays open. */
export const createConfiguredMcpStdioApp = (
  config: Config,
  gatewayLog: ProvidedLog,
): Promise<StdioApp> =>
  DisposerStack.use(async (disposers) => {
    const { options } = await provide(config, gatewayLog, disposers);
    const app = await createMcpStdioApp(config, options);
    disposers.defer(() => app.stop());
    return { ended: app.ended, stop: () => disposers.dispose() };
  });
