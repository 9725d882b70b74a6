import type { Config } from '../config/settings.ts';
import { isDemo } from '../config/settings.ts';
import type { UpstreamEndpoint } from './createApp.ts';
import { systemClock } from '../lib/clock.ts';
import type { Tracing } from '../observability/tracing.ts';

interface ProvidedUpstream extends UpstreamEndpoint {
  /** Lets things happen, and tells the gateway of them. */
  readonly startActivity?: (gatewayUrl: string) => void;
  readonly close?: () => Promise<void>;
}

/** The helpdesk that the settings name; without a key, a simulated one that lives as long as this process. */
export async function provideUpstream(config: Config): Promise<ProvidedUpstream> {
  const { apiKey = '', apiUrl, rateLimit, webhookSecret } = config;
  if (!isDemo(config)) return { url: apiUrl, key: apiKey };
  const { startSimulator } = await import('../simulator/simulator.ts');
  const simulator = await startSimulator({ rateLimit });
  return {
    url: simulator.url,
    key: simulator.key,
    startActivity(gatewayUrl) {
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
export async function provideTracing({
  traceExportProtocol,
}: Config): Promise<Tracing | undefined> {
  if (traceExportProtocol === undefined) return undefined;
  const { createOpenTelemetry } = await import('../observability/openTelemetry.ts');
  return createOpenTelemetry(traceExportProtocol, systemClock);
}
