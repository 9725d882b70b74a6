import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Settings } from './config/settings.ts';
import { createApp } from './app/createApp.ts';
import type { App } from './app/createApp.ts';
import { loadConfig, warningsOf } from './config/loadConfig.ts';
import { provideUpstream, provideTracing, secretsOf } from './app/providers.ts';
import { systemClock } from './lib/clock.ts';
import type { Log } from './observability/log.ts';
import { createLog } from './observability/log.ts';
import { markEmbedded } from './http/requestHead.ts';
import { createLogDestination } from './observability/logDestination.ts';

export { ConfigError } from './config/settings.ts';
export type { Settings } from './config/settings.ts';
export type { Log } from './observability/log.ts';

export interface GatewayOptions {
  /** Where the gateway writes what an operator should know; by default JSON lines on standard error. */
  readonly log?: Log;
}

/** A gateway inside a program of yours. */
export interface Gateway {
  /** Listens where `HOST` and `PORT` say, and gives the address. */
  start(): Promise<{ readonly url: string }>;
  /** Answers a request to a server of yours; the gateway need not listen itself. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Answers a WebSocket's beginning on a server of yours: its `upgrade` event. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Takes no more requests and finishes those it has. A gateway that has stopped stays stopped. */
  stop(): Promise<void>;
}

/**
 * A gateway with the given settings, which have the names and meanings of the environment variables; the environment itself is
 * not looked at. Fails with a `ConfigError` that names every wrong setting. Without `HELPCRUNCH_API_KEY` it serves a simulated
 * helpdesk.
 */
export function createGateway(settings: Settings = {}, options: GatewayOptions = {}): Gateway {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const environment = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
  const config = loadConfig(environment, randomUUID());
  const destination = createLogDestination(process.stderr, {
    onResume: (lines) => ownLog.warn('log lines lost', { lines }),
  });
  const ownLog = createLog(destination, config.logLevel, secretsOf(config));
  const { log = ownLog } = options;
  for (const { variable, message } of warningsOf(environment)) {
    log.warn('questionable setting', { variable, reason: message });
  }

  async function open(): Promise<App> {
    const upstream = await provideUpstream(config);
    const tracing = await provideTracing(config);
    const gateway = await createApp(config, {
      upstream,
      clock: systemClock,
      log,
      tracing,
      lostLogLines: destination.lostLines,
    });
    return {
      ...gateway,
      async listen() {
        const url = await gateway.listen();
        upstream.startActivity?.(url);
        return url;
      },
      async stop() {
        await gateway.stop();
        await tracing?.close();
        await upstream.close?.();
      },
    };
  }
  let opened: Promise<App> | undefined;
  const gateway = () => (opened ??= open());

  return {
    async start() {
      return { url: await (await gateway()).listen() };
    },
    handler(request, response) {
      markEmbedded(request);
      gateway().then(
        ({ server }) => server.emit('request', request, response),
        (error: unknown) => {
          log.error('the gateway did not start', { error });
          response.writeHead(503).end();
        },
      );
    },
    upgrade(request, socket, head) {
      markEmbedded(request);
      gateway().then(
        ({ server }) => server.emit('upgrade', request, socket, head),
        (error: unknown) => {
          log.error('the gateway did not start', { error });
          socket.destroy();
        },
      );
    },
    async stop() {
      await (await opened)?.stop();
    },
  };
}
