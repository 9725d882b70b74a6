import { randomUUID } from 'node:crypto';
import { ConfigError, readConfig } from './config.ts';
import type { Config } from './config.ts';
import { startGateway } from './gateway.ts';
import type { Helpdesk } from './gateway.ts';
import { systemClock } from './support/clock.ts';
import { createLog } from './support/log.ts';

const isDemo = ({ apiKey, auth }: Config): boolean =>
  apiKey === undefined && auth.mode !== 'forward';

interface Found extends Helpdesk {
  /** Lets things happen, and tells the gateway of them. */
  readonly live?: (gatewayUrl: string) => void;
}

/** The helpdesk that the settings name; without a key, a simulated one that lives as long as this process. */
async function findHelpdesk(config: Config): Promise<Found> {
  const { apiKey = '', apiUrl, rateLimit, webhookSecret } = config;
  if (!isDemo(config)) return { url: apiUrl, key: apiKey };
  const { startSimulator } = await import('./simulator/simulator.ts');
  const simulator = await startSimulator({ rateLimit });
  return {
    url: simulator.url,
    key: simulator.key,
    live(gatewayUrl) {
      if (webhookSecret !== undefined) {
        simulator.sendWebhooks({
          url: `${gatewayUrl}/webhooks/helpcrunch`,
          secret: webhookSecret,
        });
      }
      simulator.live();
    },
  };
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

async function main(): Promise<void> {
  const log = createLog(process.stderr);
  const config = readConfig(undefined, randomUUID());
  const helpdesk = await findHelpdesk(config);
  const gateway = await startGateway(config, { helpdesk, clock: systemClock, log });
  process.stdout.write(greeting(config, helpdesk, gateway.url));
  helpdesk.live?.(gateway.url);

  const stop = () => {
    process.removeListener('SIGTERM', stop).removeListener('SIGINT', stop);
    void gateway.stop().then(() => process.exit(0));
  };
  // The second signal finds no listener, and so ends the process at once.
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

try {
  await main();
} catch (error) {
  const isExpected = error instanceof ConfigError || (error instanceof Error && 'code' in error);
  process.stderr.write(
    `${isExpected ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
}
