import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { OperationCache } from '../graphql/operations/operationCache.ts';
import type {
  PersistedDocuments,
  RequestParams,
} from '../graphql/operations/persistedDocuments.ts';
import type { OpenOperation } from '../graphql/operation.ts';
import type { RunningMutations } from '../graphql/runningMutations.ts';
import type { GraphQLServer } from '../graphql/server.ts';
import type { SubscriptionCaller } from '../graphql/subscriptions/eventExecution.ts';
import type { RunOperation } from '../graphql/subscriptions/run.ts';
import type { Clock } from '../lib/clock.ts';
import type { AllowedHosts } from '../lib/hosts.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { AuthFailureLimiter } from './auth/authFailures.ts';
import type { Authenticate } from './auth/credentials.ts';
import type { RouterAuthentication } from './auth/routerSecret.ts';
import type { ExecuteForClient } from './clientOperations.ts';
import type { ConnectionLimits, ConnectionLimitOptions } from './connectionLimits.ts';
import type { ReceiveLimiter } from './receiveLimiter.ts';
import type { RequestRateLimiter } from './requestRate.ts';
import type { RequestRejections } from './requestRejections.ts';
import type { ScrapeSources } from './routes/metrics.ts';
import type { WebhookHandlerOf } from './routes/webhook.ts';
import type { SendLimits } from './sendLimiter.ts';
import type { ShutdownOptions } from './shutdown.ts';

/** The text of an operation, which its hash or id names if the request has none; undefined if it is unknown. */
export type OperationTextOf = (params: RequestParams) => string | undefined;

interface SubscriptionLimits extends ConnectionLimitOptions {
  readonly maxPerConnection: number;
  /** Of a WebSocket or event stream; 0 is unlimited. */
  readonly maxConnectionAgeMs: number;
  readonly callbackHosts: readonly string[];
}

/** Shared by the transports of subscriptions: WebSockets, event streams and callbacks. */
export interface SubscriptionTransportOptions extends SubscriptionLimits {
  readonly execute: ExecuteForClient;
  readonly authenticate: Authenticate;
  readonly authFailures: AuthFailureLimiter;
  readonly rejections: RequestRejections;
  readonly connectionLimits: ConnectionLimits;
  readonly receiveLimiter: ReceiveLimiter;
  /** Of a WebSocket message; request bodies are limited by the server. */
  readonly maxBodyBytes: number;
  /** The client's address, behind trusted proxies. */
  readonly addressOf: (request: IncomingMessage) => string;
  readonly isAllowedOrigin: (headers: IncomingHttpHeaders) => boolean;
  readonly router: RouterAuthentication;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Log;
}

interface McpRequest {
  /** The parsed JSON. */
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly client: {
    readonly caller: Omit<SubscriptionCaller, 'isBackground'>;
    /** Counts one operation. */
    readonly limit: () => Promise<void>;
  };
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

interface McpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The MCP server behind `/mcp`. */
export interface McpOptions {
  readonly handle: (request: McpRequest) => Promise<McpResponse>;
  /** The metadata of the protected resource (RFC 9728); undefined where clients need no token, or the address is unknown. */
  readonly metadata:
    | {
        /** Where clients find it. */
        readonly url: string;
        /** Where it is served. */
        readonly paths: readonly string[];
        readonly document: Readonly<Record<string, unknown>>;
      }
    | undefined;
}

export interface HttpServerOptions {
  /** Undefined: `/mcp` is 404. */
  readonly mcp: McpOptions | undefined;
  readonly apollo: GraphQLServer;
  /** The server that executes operations with federated tracing. It is started when the first is requested. */
  readonly tracedApollo?: (() => Promise<GraphQLServer>) | undefined;
  readonly operationCache?: OperationCache | undefined;
  readonly textOf: OperationTextOf;
  readonly openOperation: OpenOperation;
  /** Changes with the schema. */
  readonly schemaVersion: () => string;
  readonly mutations: RunningMutations;
  readonly authenticate: Authenticate;
  /** Undefined: no client can prove to be the router. */
  readonly routerSecret: () => string | undefined;
  /** Whether other clients than the router are rejected. */
  readonly isRouterOnly: boolean;
  /** Whether a client that sends the secret may cache responses. */
  readonly routerMayCache: boolean;
  readonly corsOrigins: readonly string[];
  readonly isProduction: boolean;
  readonly subscriptions: SubscriptionLimits & { readonly run: RunOperation };
  readonly clock: Clock;
  readonly log: Log;
  readonly shutdown: ShutdownOptions;
  readonly gauges: ScrapeSources;
  readonly webhookHandlerOf: WebhookHandlerOf;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly persistedDocuments: PersistedDocuments;
  readonly requestRateLimiter: RequestRateLimiter;
  readonly authFailureLimiter: AuthFailureLimiter;
  readonly maxBodyBytes: number;
  /** Of all bodies and messages that have not arrived completely. */
  readonly maxPartialBodyBytes: number;
  /** How long a request may take to arrive. */
  readonly arrivalTimeoutMs: number;
  readonly maxConnections: number;
  /** 0: operations are never rejected because of load. */
  readonly maxEventLoopDelayMs: number;
  /** Whether the gateway is not ready while Redis is unavailable. */
  readonly isRedisRequired: boolean;
  /** The number of trusted proxies in front of the gateway, or their networks. */
  readonly trustProxy: number | readonly string[];
  readonly allowedHosts: AllowedHosts;
  /** The prefix of every path, without a slash at its end. */
  readonly basePath: string;
  /** Without a port there is no separate server for metrics. */
  readonly metricsServer: { readonly host: string; readonly port: number | undefined };
  readonly sending: SendLimits;
}
