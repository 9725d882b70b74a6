import { z } from 'zod';
import { isLoopback } from '../lib/hosts.ts';
import { findingsOf } from './crossChecks.ts';
import { clientLimitsFrom, clientLimitVariables } from './protection.ts';
import type { ClientLimits } from './protection.ts';
import {
  apiUrlVariable,
  callbackOrigin,
  booleanVariable,
  millisecondsVariable,
  integerVariable,
} from './parsers.ts';

const origin = z
  .url({
    protocol: /^https?$/,
    abort: true,
    error: 'must be an address that begins with http:// or https://',
  })
  .refine(
    (url) => new URL(url).origin === url,
    'must be an origin such as https://app.example.com',
  );

const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'must be an address that begins with http:// or https://',
});

const traceProtocol = z.enum(['http/json', 'http/protobuf'], 'must be http/json or http/protobuf');

const nodeEnvironments = ['production', 'development', 'test'] as const;

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integerVariable(0, 65_535).default(4000),
  HELPCRUNCH_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be one word of printable ASCII')
    .optional(),
  HELPCRUNCH_API_URL: apiUrlVariable.default('https://api.helpcrunch.com/v1'),
  HELPCRUNCH_RATE_LIMIT: integerVariable(0, 1_000_000).default(120),
  HELPCRUNCH_WEBHOOK_SECRET: z.string().min(8, 'must have at least 8 characters').optional(),
  OPERATION_TIMEOUT_MS: integerVariable(1, 600_000).default(10_000),
  UPSTREAM_TIMEOUT_MS: integerVariable(1, 600_000).default(5_000),
  UPSTREAM_MAX_BYTES: integerVariable(1_024, 1_073_741_824).default(2_097_152),
  CACHE_MAX_BYTES: integerVariable(0, 17_179_869_184).default(67_108_864),
  READY_ANSWERS_MAX_BYTES: integerVariable(0, 17_179_869_184).default(16_777_216),
  CACHE_CHATS_MS: millisecondsVariable.optional(),
  CACHE_CUSTOMERS_MS: millisecondsVariable.default(60_000),
  CACHE_ACCOUNT_MS: millisecondsVariable.default(300_000),
  CACHE_ABSENT_MS: millisecondsVariable.default(5_000),
  UPSTREAM_RETRIES: integerVariable(0, 5).default(2),
  STALE_IF_ERROR_MS: millisecondsVariable.default(600_000),
  MAX_UPSTREAM_CALLS: integerVariable(1, 1_000_000).default(30),
  MAX_REFERENCE_CALLS: integerVariable(1, 1_000_000).default(200),
  MAX_LIVE_CONNECTIONS: integerVariable(0, 1_000_000).default(10_000),
  MAX_LIVE_CONNECTIONS_PER_VIEWER: integerVariable(1, 1_000_000).default(100),
  MAX_SUBSCRIPTIONS_PER_CONNECTION: integerVariable(1, 1_000_000).default(100),
  MAX_SUBSCRIPTIONS_PER_VIEWER: integerVariable(1, 1_000_000).default(1_000),
  SUBSCRIPTION_CALLBACK_HOSTS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(callbackOrigin))
    .default([]),
  ...clientLimitVariables,
  REDIS_URL: z
    .url({
      protocol: /^rediss?$/,
      error: 'must be an address that begins with redis:// or rediss://',
    })
    .optional(),
  // Longer than the pauses of a busy machine: an instance that goes alone by mistake lets all together pass the limit.
  REDIS_TIMEOUT_MS: integerVariable(1, 60_000).default(500),
  AUTH: z.enum(['none', 'jwt', 'forward'], 'must be none, jwt or forward').default('none'),
  JWT_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= 32, 'must have at least 32 bytes')
    .optional(),
  JWKS_URL: z
    .url({
      protocol: /^https?$/,
      abort: true,
      error: 'must be an address that begins with https://',
    })
    .refine((url) => {
      const { protocol, hostname } = new URL(url);
      return protocol === 'https:' || isLoopback(hostname);
    }, 'must begin with https://, because whoever can change the keys on their way can be anybody')
    .optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ROLE_CLAIM: z.string().default('role'),
  JWT_AGENT_ID_CLAIM: z.string().default('agentId'),
  JWT_CUSTOMER_ID_CLAIM: z.string().default('customerId'),
  JWT_USER_ID_CLAIM: z.string().default('userId'),
  ALLOW_UNAUTHENTICATED: booleanVariable.default(false),
  SUBGRAPH: booleanVariable.default(false),
  SUBGRAPH_LEAVE_OUT: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .default([]),
  ROUTER_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{32,}$/, 'must be one word of at least 32 printable ASCII characters')
    .optional(),
  CORS_ORIGINS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(origin))
    .default([]),
  SHUTDOWN_DELAY_MS: integerVariable(0, 600_000).default(0),
  SHUTDOWN_GRACE_MS: integerVariable(0, 600_000).default(10_000),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  LOG_FORMAT: z.enum(['json', 'pretty'], 'must be json or pretty').optional(),
  OTEL_SDK_DISABLED: booleanVariable.default(false),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none'], 'must be otlp or none').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: traceProtocol.optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: traceProtocol.optional(),
  EXECUTION: z.enum(['direct', 'apollo'], 'must be direct or apollo').default('direct'),
  DEMO: booleanVariable.default(false),
  NODE_ENV: z.enum(nodeEnvironments, 'must be production, development or test').optional(),
});

/** How spans leave; undefined where none do. */
function traceProtocolFrom(data: z.infer<typeof variables>): Config['traceExportProtocol'] {
  const endpoint = data.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? data.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter = data.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp');
  if (data.OTEL_SDK_DISABLED || exporter === 'none') return undefined;
  return data.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? data.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/json';
}

/** How it is known who asks. */
export type Auth =
  | { readonly mode: 'none' }
  | { readonly mode: 'forward' }
  | {
      readonly mode: 'jwt';
      /** A secret shared with the issuer of tokens, or the address of its public keys. */
      readonly signedBy: { readonly secret: string } | { readonly jwksUrl: string };
      readonly issuer: string | undefined;
      readonly audience: string | undefined;
      readonly claimNames: Readonly<Record<'role' | 'agentId' | 'customerId' | 'userId', string>>;
    };

/** What may be set, by the names of the environment variables. */
export type Settings = {
  readonly [Name in keyof z.input<typeof variables>]?: string | number | boolean | undefined;
};

export interface Config extends ClientLimits {
  readonly host: string;
  readonly port: number;
  /** Without a key the gateway runs on the simulator. */
  readonly apiKey: string | undefined;
  readonly apiUrl: string;
  /** Calls in 60 seconds; 0 for no limit. */
  readonly rateLimit: number;
  /** What the helpdesk's webhooks are signed with; without it none are taken in. */
  readonly webhookSecret: string | undefined;
  readonly operationTimeoutMs: number;
  readonly upstreamTimeoutMs: number;
  readonly upstreamMaxBytes: number;
  /** What is known of the helpdesk is kept up to this size; 0 keeps nothing. */
  readonly cacheMaxBytes: number;
  /** Whole answers are kept up to this size; 0 keeps none. */
  readonly responseCacheMaxBytes: number;
  /** How long it stays good, by what it is about. */
  readonly cacheTtlsMs: {
    /** Chats, messages and all lists that move. */
    readonly chats: number;
    readonly customers: number;
    /** Agents, departments, applications, the organization. */
    readonly account: number;
    /** Ids that stand for nothing. */
    readonly absent: number;
  };
  /** How often a call that may go better is tried again. */
  readonly upstreamRetries: number;
  /** How old something may be that is shown because the helpdesk cannot be asked; 0 for never. */
  readonly staleIfErrorMs: number;
  /** Calls that one operation may cost at worst; the second for a router's references. */
  readonly maxUpstreamCalls: number;
  readonly maxReferenceCalls: number;
  /** WebSockets and streams, and what is subscribed to on them. */
  readonly subscriptions: {
    readonly maxConnections: number;
    readonly maxConnectionsPerViewer: number;
    readonly maxPerConnection: number;
    readonly maxPerViewer: number;
    /** A subscriber that is further behind loses what waits for it. */
    readonly maxBuffered: number;
    /** Where a router may be called back: origins such as `https://router.example.com`. */
    readonly callbackHosts: readonly string[];
  };
  /** Without Redis this instance shares nothing with others. */
  readonly redisUrl: string | undefined;
  /** A Redis that takes longer for an answer is taken to be away. */
  readonly redisTimeoutMs: number;
  readonly auth: Auth;
  /** Whether a router asks on behalf of the clients of a supergraph. */
  readonly subgraph: boolean;
  /** Fields of `Query` that the supergraph has from elsewhere. */
  readonly excludedQueryFields: readonly string[];
  /** Without it the gateway answers whoever asks. */
  readonly routerSecret: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly shutdown: { readonly delayMs: number; readonly graceMs: number };
  readonly logLevel: (typeof logLevels)[number];
  /** Undefined: pretty on a terminal outside production, otherwise JSON. */
  readonly logFormat: 'json' | 'pretty' | undefined;
  readonly traceExportProtocol: 'http/json' | 'http/protobuf' | undefined;
  /** Whether operations that come again are answered without asking Apollo Server again. */
  readonly execution: 'direct' | 'apollo';
  readonly isProduction: boolean;
}

/** Names every variable that is wrong, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['The gateway cannot start with these settings:', ...problems].join('\n  '));
    this.problems = problems;
  }
}

function authFrom(data: z.infer<typeof variables>): Auth {
  const { AUTH: mode, JWT_SECRET: secret, JWKS_URL: jwksUrl } = data;
  if (mode === 'none' || mode === 'forward') return { mode };
  return {
    mode,
    signedBy: jwksUrl === undefined ? { secret: secret ?? '' } : { jwksUrl },
    issuer: data.JWT_ISSUER,
    audience: data.JWT_AUDIENCE,
    claimNames: {
      role: data.JWT_ROLE_CLAIM,
      agentId: data.JWT_AGENT_ID_CLAIM,
      customerId: data.JWT_CUSTOMER_ID_CLAIM,
      userId: data.JWT_USER_ID_CLAIM,
    },
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that count as set. */
export const givenIn = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));

/** The settings that must fit the schema, as far as they are valid by themselves. */
export function readSchemaSettings(
  environment: Environment,
): Pick<Config, 'excludedQueryFields' | 'persistedOperations'> {
  const { SUBGRAPH_LEAVE_OUT: leftOut, PERSISTED_OPERATIONS: manifest } = givenIn(environment);
  return {
    excludedQueryFields: variables.shape.SUBGRAPH_LEAVE_OUT.safeParse(leftOut).data ?? [],
    persistedOperations: variables.shape.PERSISTED_OPERATIONS.safeParse(manifest).data,
  };
}

/** How long chats and lists stay good by default: longer where every change is told. */
const defaultChatsTtlMs = { withoutWebhooks: 5_000, withWebhooks: 60_000 };

/**
 * The settings in `environment`; an empty variable counts as not set. Fails with a `ConfigError`. `demoSecret` signs the webhooks of the
 * simulator, where the gateway runs on that.
 */
export function readConfig(environment: Environment = process.env, demoSecret?: string): Config {
  const given = givenIn(environment);
  const { data, error } = variables.safeParse(given);
  const invalid = error?.issues.map(({ path, message }) => `${String(path[0])}: ${message}`) ?? [];
  const combined = findingsOf(given)
    .filter(({ severity }) => severity === 'error')
    .map(({ variable, message }) => `${variable}: ${message}`);
  const problems = [...invalid, ...combined];
  if (data === undefined || problems.length > 0) throw new ConfigError(problems);
  const isDemo = data.HELPCRUNCH_API_KEY === undefined && data.AUTH !== 'forward';
  const webhookSecret = data.HELPCRUNCH_WEBHOOK_SECRET ?? (isDemo ? demoSecret : undefined);
  return {
    host: data.HOST,
    port: data.PORT,
    apiKey: data.HELPCRUNCH_API_KEY,
    apiUrl: data.HELPCRUNCH_API_URL,
    rateLimit: data.HELPCRUNCH_RATE_LIMIT,
    webhookSecret,
    operationTimeoutMs: data.OPERATION_TIMEOUT_MS,
    upstreamTimeoutMs: data.UPSTREAM_TIMEOUT_MS,
    upstreamMaxBytes: data.UPSTREAM_MAX_BYTES,
    cacheMaxBytes: data.CACHE_MAX_BYTES,
    responseCacheMaxBytes: data.READY_ANSWERS_MAX_BYTES,
    cacheTtlsMs: {
      chats:
        data.CACHE_CHATS_MS ??
        defaultChatsTtlMs[webhookSecret === undefined ? 'withoutWebhooks' : 'withWebhooks'],
      customers: data.CACHE_CUSTOMERS_MS,
      account: data.CACHE_ACCOUNT_MS,
      absent: data.CACHE_ABSENT_MS,
    },
    upstreamRetries: data.UPSTREAM_RETRIES,
    staleIfErrorMs: data.STALE_IF_ERROR_MS,
    maxUpstreamCalls: data.MAX_UPSTREAM_CALLS,
    maxReferenceCalls: data.MAX_REFERENCE_CALLS,
    subscriptions: {
      maxConnections: data.MAX_LIVE_CONNECTIONS,
      maxConnectionsPerViewer: data.MAX_LIVE_CONNECTIONS_PER_VIEWER,
      maxPerConnection: data.MAX_SUBSCRIPTIONS_PER_CONNECTION,
      maxPerViewer: data.MAX_SUBSCRIPTIONS_PER_VIEWER,
      maxBuffered: 100,
      callbackHosts: data.SUBSCRIPTION_CALLBACK_HOSTS,
    },
    ...clientLimitsFrom(data),
    redisUrl: data.REDIS_URL,
    redisTimeoutMs: data.REDIS_TIMEOUT_MS,
    auth: authFrom(data),
    subgraph: data.SUBGRAPH,
    excludedQueryFields: data.SUBGRAPH_LEAVE_OUT,
    routerSecret: data.ROUTER_SECRET,
    corsOrigins: data.CORS_ORIGINS,
    shutdown: { delayMs: data.SHUTDOWN_DELAY_MS, graceMs: data.SHUTDOWN_GRACE_MS },
    logLevel: data.LOG_LEVEL,
    logFormat: data.LOG_FORMAT,
    traceExportProtocol: traceProtocolFrom(data),
    execution: data.EXECUTION,
    isProduction: data.NODE_ENV === 'production',
  };
}

/** Where there is none, the gateway serves a simulated helpdesk. */
export const isDemo = ({ apiKey, auth }: Config): boolean =>
  apiKey === undefined && auth.mode !== 'forward';

/** What surrounds this process. */
export const environmentVariables = (): Readonly<Record<string, string | undefined>> => process.env;

/** Settings that were given on the command line. */
export function setEnvironmentVariables(
  values: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) process.env[name] = value;
  }
}
