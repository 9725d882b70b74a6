import type { Config } from './config.ts';
import { isDemo } from './config.ts';
import type { Helpdesk } from './gateway.ts';
import { systemClock } from './support/clock.ts';
import type { Tracing } from './support/tracing.ts';

interface Found extends Helpdesk {
  /** Lets things happen, and tells the gateway of them. */
  readonly live?: (gatewayUrl: string) => void;
  readonly close?: () => Promise<void>;
}

/** The helpdesk that the settings name; without a key, a simulated one that lives as long as this process. */
export async function findHelpdesk(config: Config): Promise<Found> {
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
    close: simulator.close,
  };
}

/** What no line of the log may hold. */
export function secretsOf({
  apiKey,
  webhookSecret,
  routerSecret,
  auth,
  redisUrl,
}: Config): readonly string[] {
  const secret =
    auth.mode === 'jwt' && 'secret' in auth.signedBy ? auth.signedBy.secret : undefined;
  const password = redisUrl === undefined ? undefined : new URL(redisUrl).password;
  return [apiKey, webhookSecret, routerSecret, secret, password].flatMap((text) => text ?? []);
}

/** Nothing of it is loaded where nobody traces. */
export async function findTracing({ traces }: Config): Promise<Tracing | undefined> {
  if (traces === undefined) return undefined;
  const { createOpenTelemetry } = await import('./tracing/openTelemetry.ts');
  return createOpenTelemetry(traces, systemClock);
}
