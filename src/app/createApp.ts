import type { Server } from 'node:http';
import type { Config } from '../config/settings.ts';
import { isDemo } from '../config/settings.ts';
import { LocalEventBus } from '../events/localBus.ts';
import { ChangeDeduplicator } from '../events/changeDeduplicator.ts';
import { createAuthentication } from '../http/auth/authenticate.ts';
import { AuthFailureLimiter } from '../http/auth/authFailures.ts';
import type { Jwks } from '../http/auth/jwks.ts';
import { addressesOf, listen } from '../http/listen.ts';
import { createRequestRateLimiter } from '../http/requestRate.ts';
import type { McpOptions } from '../http/options.ts';
import type { ScrapeSources } from '../http/routes/metrics.ts';
import { createHttpServer } from '../http/server.ts';
import { DisposerStack } from '../lib/disposerStack.ts';
import { version } from '../lib/version.ts';
import { createDeliveryDeduplicator } from '../webhooks/dedupe.ts';
import { WebhookHandler } from '../webhooks/handler.ts';
import type { WebhookHandlerOptions } from '../webhooks/handler.ts';
import type { GraphQLExecution } from './createGraphQL.ts';
import { createGraphQLExecution } from './createGraphQL.ts';
import type { UpstreamParts } from './createUpstream.ts';
import { createUpstream } from './createUpstream.ts';
import type { AppOptions, Foundation } from './foundation.ts';
import { accountsOf, createFoundation, secretValuesOf } from './foundation.ts';
import { protectedResourceOf } from './protectedResource.ts';

/** A gateway. It accepts connections after `listen`. */
export interface App {
  /** Handles requests that are emitted on it, whether it listens or not. */
  readonly server: Server;
  /** Listens on `HOST` and `PORT` and returns the URL, with `BASE_PATH`. */
  listen(): Promise<string>;
  /** The URL of the separate server for metrics, when it listens. */
  metricsUrl(): string | undefined;
  /** Uses the secrets, accounts and persisted operations of a configuration from now on; other settings apply from the next start. */
  reload(config: Config): void;
  /** Stops accepting requests, finishes those in progress and releases everything. Repeated calls share one result. */
  stop(): Promise<void>;
}

/** An MCP server over standard input and output. */
export interface StdioApp extends Pick<App, 'stop'> {
  /** Resolves when the input has ended and every request is answered. */
  readonly ended: Promise<void>;
}

interface RunningGateway extends Pick<App, 'stop' | 'metricsUrl'> {
  /** Where the gateway listens, such as `http://127.0.0.1:4000`. */
  readonly url: string;
}

/** Creates the webhook handlers of accounts when they are needed, and keeps them, because they count deliveries. */
function createWebhookHandlers(
  { config, accounts, account: own }: Foundation,
  parts: Omit<WebhookHandlerOptions, 'account' | 'secrets'>,
) {
  const handlers = new Map<string, WebhookHandler>();
  const create = (name: string): WebhookHandler =>
    new WebhookHandler({
      ...parts,
      account: name,
      secrets: () => accounts.get(name)?.webhookSecrets ?? [],
    });
  return (named: string | undefined): WebhookHandler | undefined => {
    const name = named ?? (config.accounts === undefined ? own.account : undefined);
    const account = name === undefined ? undefined : accounts.get(name);
    if (account === undefined || account.webhookSecrets.length === 0) return undefined;
    const handler = handlers.get(account.name) ?? create(account.name);
    handlers.set(account.name, handler);
    return handler;
  };
}

/** The event bus and the webhook handlers, which publish to it. */
function createEvents(foundation: Foundation, { cache }: UpstreamParts) {
  const { redis, clock, log, disposers } = foundation;
  const local = new LocalEventBus(clock);
  const changeDeduplicator = new ChangeDeduplicator(clock, redis?.connection);
  const eventBus = redis === undefined ? local : new redis.RedisEventBus(local, redis.connection);
  cache.onErasure(({ account: erased, id }) => eventBus.erase(erased, id));
  disposers.defer(() => eventBus.close());
  const deduplicator = createDeliveryDeduplicator(clock, redis?.connection);
  const parts = { cache, eventBus, changeDeduplicator, deduplicator, clock, log };
  return {
    eventBus,
    changeDeduplicator,
    webhookHandlerOf: createWebhookHandlers(foundation, parts),
  };
}

/** The rate limiters of requests and of rejected credentials. Instances that share Redis share the counters. */
function createClientLimiters(foundation: Foundation) {
  const { config, redis, clock, log, metrics, disposers } = foundation;
  const limiterOf = (kind: 'requests' | 'failures', limit: number) =>
    createRequestRateLimiter({ limit, kind, redis: redis?.connection });
  const authFailureLimiter = new AuthFailureLimiter({
    rate: limiterOf('failures', config.authFailureLimit),
    clock,
    log,
    observe: metrics.rejected,
  });
  disposers.defer(() => authFailureLimiter.close());
  return {
    requestRateLimiter: limiterOf('requests', config.requestRateLimit),
    authFailureLimiter,
  };
}

/** The MCP server. It is created with the first request, because the SDK takes time and memory. */
function createMcpOptions(
  foundation: Foundation,
  graphql: GraphQLExecution,
): McpOptions | undefined {
  const { config, disposers } = foundation;
  if (!config.mcp.isEnabled) return undefined;
  const load = async () => {
    const { createMcpEndpoint } = await import('./createMcp.ts');
    return createMcpEndpoint(foundation, graphql);
  };
  let loaded: ReturnType<typeof load> | undefined;
  disposers.defer(async () => (await loaded)?.close());
  return {
    handle: async (request) => (await (loaded ??= load())).handle(request),
    metadata: protectedResourceOf(config),
  };
}

interface AppParts {
  readonly upstream: UpstreamParts;
  readonly events: ReturnType<typeof createEvents>;
  readonly graphql: GraphQLExecution;
  /** By account. */
  readonly jwks: () => ReadonlyMap<string, Jwks>;
}

/**
 * Whether tokens can be verified; null if that needs no key set. One account whose keys cannot be loaded does not keep the others from
 * being served.
 */
function areKeysLoaded(
  jwks: ReadonlyMap<string, Jwks>,
  accounts: Config['accounts'],
): boolean | null {
  const shared = jwks.get('');
  if (shared !== undefined) return shared.isLoaded();
  const needsKeySet = jwks.size > 0 && jwks.size === accounts?.length;
  return needsKeySet ? [...jwks.values()].some((each) => each.isLoaded()) : null;
}

function gaugesOf(
  foundation: Foundation,
  { upstream, events, graphql, jwks }: AppParts,
): ScrapeSources {
  const {
    config,
    lostLogLines = () => 0,
    forwardsClientKeys,
    redis,
    account,
    accounts,
  } = foundation;
  const { cache, rateLimiter, client } = upstream;
  const { responseCache } = graphql;
  return {
    isDemo: isDemo(config),
    lostLogLines,
    lostSpans: () => foundation.tracing.lostSpans(),
    buildInfo: { version, node_version: process.versions.node, auth: config.auth.mode },
    accounts: () => config.accounts && accounts.all().map(({ name }) => name),
    isJwksLoaded: () => areKeysLoaded(jwks(), config.accounts && accounts.all()),
    reachableJwks: () => new Map(Array.from(jwks(), ([name, each]) => [name, each.isReachable()])),
    isRedisAvailable: () => redis?.connection.isAvailable() ?? null,
    mayRedisEvict: () => redis?.connection.mayEvict() ?? null,
    isRateLimitShared: () => rateLimiter.isShared(),
    cacheBytes: () => cache.bytes(),
    responseCache: () => ({
      bytes: responseCache?.bytes() ?? 0,
      hits: responseCache?.hits() ?? 0,
    }),
    rateLimit: (name = account.account) => (forwardsClientKeys ? null : rateLimiter.status(name)),
    queueDepths: (name) => rateLimiter.queueDepths(name),
    distinctSubscriptions: () => events.eventBus.subscriberCount(),
    openCircuitBreakers: (name) =>
      name === undefined ? client.openCircuitBreakers() : Number(client.isCircuitOpen(name)),
    webhooks: (name) => events.webhookHandlerOf(name)?.outcomes(),
    refreshes: () => upstream.refreshAhead?.outcomes(),
    redisAnomalies: () => redis?.connection.anomalies.counts() ?? {},
  };
}

/** What executes operations, for any transport. */
async function composeExecution(foundation: Foundation) {
  const upstream = createUpstream(foundation);
  const events = createEvents(foundation, upstream);
  const clientLimiters = createClientLimiters(foundation);
  const graphql = await createGraphQLExecution(foundation, {
    upstream,
    ...events,
    authFailureLimiter: clientLimiters.authFailureLimiter,
  });
  return { upstream, events, clientLimiters, graphql };
}

/** It stops before anything that it uses. */
function startRefreshAhead({ disposers }: Foundation, { refreshAhead }: UpstreamParts): void {
  refreshAhead?.start();
  disposers.defer(() => refreshAhead?.stop());
}

/** Composes the layers. Each step registers with `disposers` what it acquires. */
async function compose(foundation: Foundation): Promise<App> {
  const { config, account, accounts, secrets, clock, log, metrics, tracing } = foundation;
  const { upstream, events, clientLimiters, graphql } = await composeExecution(foundation);
  const { isKeyVerified, onKeyVerified } = upstream.client;
  const { authenticate, jwks } = await createAuthentication({
    account,
    accounts: config.accounts && accounts,
    auth: config.auth,
    secrets: () => secrets.jwtSecrets,
    isKeyVerified,
    onKeyVerified,
    clock,
    log,
  });
  const { server, connections, metricsServer } = await createHttpServer({
    ...config,
    ...graphql,
    ...clientLimiters,
    mcp: createMcpOptions(foundation, graphql),
    authenticate,
    routerSecret: () => secrets.routerSecret,
    subscriptions: { ...config.subscriptions, run: graphql.run },
    arrivalTimeoutMs: config.requestTimeoutMs,
    clock,
    log,
    metrics,
    tracing,
    gauges: gaugesOf(foundation, { upstream, events, graphql, jwks }),
    webhookHandlerOf: events.webhookHandlerOf,
  });
  foundation.disposers.defer(() => server.close());
  await server.ready();
  startRefreshAhead(foundation, upstream);
  let metricsUrl: string | undefined;
  return {
    server: server.server,
    async listen() {
      const addresses = await addressesOf(config.host);
      const url = await listen(server, { connections, addresses, port: config.port, log });
      // Afterwards, so that it does not report readiness before.
      metricsUrl = await metricsServer?.listen();
      return url + config.basePath;
    },
    metricsUrl: () => metricsUrl,
    reload(next) {
      graphql.persistedDocuments.replace(next.persistedOperations);
      secrets.replace(secretValuesOf(next));
      accounts.replace(accountsOf(next, next.apiKey ?? account.apiKey));
    },
    stop: () => foundation.disposers.dispose(),
  };
}

/** Creates a gateway. If it fails, nothing stays open. */
export const createApp = (config: Config, options: AppOptions): Promise<App> =>
  DisposerStack.use(async (disposers) =>
    compose(await createFoundation(config, options, disposers)),
  );

/** Serves MCP over standard input and output, without an HTTP server. If it fails, nothing stays open. */
export const createMcpStdioApp = (config: Config, options: AppOptions): Promise<StdioApp> =>
  DisposerStack.use(async (disposers) => {
    const foundation = await createFoundation(config, options, disposers);
    const { graphql, upstream } = await composeExecution(foundation);
    disposers.defer(() => graphql.mutations.idle());
    startRefreshAhead(foundation, upstream);
    const { serveGatewayStdio } = await import('./createMcp.ts');
    const server = serveGatewayStdio(foundation, graphql);
    disposers.defer(() => server.close());
    return { ended: server.ended, stop: () => disposers.dispose() };
  });

/** Creates a gateway and listens. If it fails, nothing stays open. */
export async function startGateway(config: Config, options: AppOptions): Promise<RunningGateway> {
  const { listen: open, metricsUrl, stop } = await createApp(config, options);
  try {
    return { url: await open(), metricsUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
