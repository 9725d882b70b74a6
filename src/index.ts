import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConfiguredApp } from './app/providers.ts';
import { createGatewayLog, createConfiguredApp } from './app/providers.ts';
import { configWarnings, loadConfig, logWarnings } from './config/loadConfig.ts';
import type { Settings } from './config/settings.ts';
import { trustHostOfEmbeddingServer } from './http/requestHead.ts';
import type { Log } from './observability/log.ts';

export { exportData } from './export/exportData.ts';
export { ExportError, exportExitCodes, exportKinds } from './export/options.ts';
export type {
  ExportErrorCode,
  ExportFilter,
  ExportKind,
  ExportOptions,
  ExportProgress,
  ExportSummary,
} from './export/options.ts';
export type { Clock } from './lib/clock.ts';
export { ConfigError } from './config/settings.ts';
export type { Settings } from './config/settings.ts';
export type { Log } from './observability/log.ts';

export interface GatewayOptions {
  /** Receives log lines. The default writes JSON lines to standard error. */
  readonly log?: Log;
}

/** A gateway embedded in another program. */
export interface Gateway {
  /** Listens on `HOST` and `PORT`. Repeated calls share one result. If it fails, everything is released and it may be called again. */
  start(): Promise<{ readonly url: string }>;
  /** Handles a request of another HTTP server. The gateway itself need not listen. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Handles the `upgrade` event of another HTTP server. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Stops accepting requests and finishes those in progress. It may be called repeatedly, and after a failed start. */
  stop(): Promise<void>;
}

const stoppedError = () => new Error('The gateway was stopped.');

class EmbeddedGateway implements Gateway {
  readonly #open: () => Promise<ConfiguredApp>;
  readonly #log: Log;
  #opened: Promise<ConfiguredApp> | undefined;
  #listening: Promise<{ readonly url: string }> | undefined;
  #isStopped = false;

  constructor(open: () => Promise<ConfiguredApp>, log: Log) {
    this.#open = open;
    this.#log = log;
  }

  start(): Promise<{ readonly url: string }> {
    return (this.#listening ??= this.#listen());
  }

  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    trustHostOfEmbeddingServer(request);
    void this.#withServer(
      (server) => server.emit('request', request, response),
      () => response.writeHead(503).end(),
    );
  };

  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    trustHostOfEmbeddingServer(request);
    void this.#withServer(
      (server) => server.emit('upgrade', request, socket, head),
      () => socket.destroy(),
    );
  };

  async stop(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#isStopped = true;
    await this.#listening?.catch(() => undefined);
    const gateway = await opened.catch(() => undefined);
    await gateway?.stop();
  }

  async #listen(): Promise<{ readonly url: string }> {
    try {
      const gateway = await this.#gateway();
      const url = await gateway.listen();
      if (this.#isStopped) throw stoppedError();
      return { url };
    } catch (error) {
      const opened = this.#opened;
      this.#opened = undefined;
      this.#listening = undefined;
      await opened?.then((gateway) => gateway.stop()).catch(() => undefined);
      throw error;
    }
  }

  #gateway(): Promise<ConfiguredApp> {
    if (this.#isStopped) return Promise.reject(stoppedError());
    return (this.#opened ??= this.#open());
  }

  #withServer(use: (server: Server) => void, onFailedStart: () => void): Promise<void> {
    return this.#gateway().then(
      ({ server }) => use(server),
      (error: unknown) => {
        this.#log.error('start failed', { error });
        onFailedStart();
      },
    );
  }
}

/**
 * Creates a gateway with settings that have the names and meanings of the environment variables; the environment itself is not
 * read. Throws a `ConfigError` that lists every invalid setting. Without `HELPCRUNCH_API_KEY` it serves simulated data.
 */
export function createGateway(settings: Settings = {}, options: GatewayOptions = {}): Gateway {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const environment = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
  const config = loadConfig(environment, randomUUID());
  const ownLog = createGatewayLog(config);
  const { log = ownLog.log } = options;
  logWarnings(log, configWarnings(environment));
  return new EmbeddedGateway(() => createConfiguredApp(config, { ...ownLog, log }), log);
}
