import { z } from 'zod';
import {
  accountName,
  apiKey,
  apiUrl,
  boolean,
  callbackHosts,
  hostNames,
  httpUrl,
  integer,
  jwksUrl,
  manifestFile,
  milliseconds,
  mutationNames,
  oneOf,
  origins,
  redisUrl,
  rootFields,
  text,
  trustedProxies,
} from './parsers.ts';
import type { SettingNamesOf, SettingDeclaration } from './setting.ts';
import { setting, settingsIn } from './setting.ts';

const atLeastOne = integer(1, 1_000_000);
const upToAMillion = integer(0, 1_000_000);
const timeout = integer(1, 600_000);
const memory = integer(0, 17_179_869_184);
const traceProtocol = oneOf('http/json', 'http/protobuf');

const server = {
  host: setting('HOST', text, {
    default: '127.0.0.1',
    description: 'Host name or address to listen on.',
  }),
  port: setting('PORT', integer(0, 65_535), {
    default: 4_000,
    description: 'Port to listen on. `0` picks a free port and prints it.',
  }),
  environment: {
    name: setting('NODE_ENV', oneOf('production', 'development', 'test'), {
      defaultText: '`development`',
      description:
        '`production` disables introspection, the explorers, suggestions in error messages and the default CORS origins.',
    }),
    isDemoAllowed: setting('DEMO', boolean, {
      default: false,
      description:
        'Allows simulated data with `NODE_ENV=production` or on a `HOST` that other machines reach.',
    }),
  },
  shutdown: {
    delayMs: setting('SHUTDOWN_DELAY_MS', integer(0, 600_000), {
      default: 0,
      description:
        'Time in milliseconds after SIGTERM in which requests are still accepted while `/readyz` returns 503, so that load balancers notice.',
    }),
    graceMs: setting('SHUTDOWN_GRACE_MS', integer(0, 600_000), {
      default: 10_000,
      description:
        'Time in milliseconds after that in which requests in progress may finish. `0` ends them at once.',
    }),
  },
  logLevel: setting('LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error', 'silent'), {
    default: 'info',
    description: 'Lowest level that is logged. `info` includes one line per operation.',
  }),
  logFormat: setting('LOG_FORMAT', oneOf('json', 'pretty'), {
    defaultText: '`pretty` on a terminal outside production, otherwise `json`',
    description: 'Format of log lines on standard error.',
  }),
};

const upstream = {
  apiKey: setting('HELPCRUNCH_API_KEY', apiKey, {
    isSecret: true,
    description:
      'API key of the HelpCrunch account. Unset: the gateway serves simulated data (`AUTH=forward` excepted).',
  }),
  apiUrl: setting('HELPCRUNCH_API_URL', apiUrl, {
    default: 'https://api.helpcrunch.com/v1',
    description: 'Base URL of the HelpCrunch REST API.',
  }),
  account: setting('ACCOUNT', accountName, {
    default: 'default',
    description:
      'Name of the HelpCrunch account. Instances with the same name share cache, rate limit and events through `REDIS_URL`, whatever their API keys ([auth.md](auth.md#accounts)).',
  }),
  onHoldSpelling: setting('HELPCRUNCH_ON_HOLD_SPELLING', oneOf('on hold', 'onhold', 'on-hold'), {
    default: 'on hold',
    description:
      "How filters on `ON_HOLD` that are combined with other conditions spell the status. HelpCrunch's documentation has three spellings; the default is a guess.",
  }),
  rateLimit: setting('HELPCRUNCH_RATE_LIMIT', upToAMillion, {
    default: 120,
    description: 'Upstream calls per sliding 60 seconds. `0`: unlimited.',
  }),
  quotas: {
    writeReservePercent: setting('WRITE_RESERVE_PERCENT', integer(0, 50), {
      default: 10,
      description:
        'Share of the rate limit in percent that only mutations of agents can use. It grows with recent mutations up to half of the limit ([rate-limiting.md](rate-limiting.md)).',
    }),
    customersSharePercent: setting('CUSTOMERS_SHARE_PERCENT', integer(1, 100), {
      default: 50,
      description: 'Share of the rate limit in percent that all customers together can use.',
    }),
    customerCallsPerMinute: setting('CUSTOMER_CALLS_PER_MINUTE', atLeastOne, {
      default: 12,
      description: 'Upstream calls per sliding 60 seconds of one customer.',
    }),
    customerWritesPerMinute: setting('CUSTOMER_WRITES_PER_MINUTE', upToAMillion, {
      default: 6,
      description: 'The same for its mutations. `0`: none.',
    }),
  },
  webhookSecret: setting(
    'HELPCRUNCH_WEBHOOK_SECRET',
    z
      .string()
      .min(8, 'must have at least 8 characters')
      .describe('at least 8 characters; 16 or more recommended'),
    {
      isSecret: true,
      description:
        'Signing key of the webhooks of the account ([live.md](live.md)). Unset: `/webhooks/helpcrunch` returns 404.',
    },
  ),
  mutations: setting('MUTATIONS', mutationNames, {
    defaultText: 'all except `deleteCustomer` and `unsubscribeAgent`',
    description:
      'Mutations that clients may use ([mutations.md](mutations.md)). Others fail with `FORBIDDEN`.',
  }),
  operationTimeoutMs: setting('OPERATION_TIMEOUT_MS', timeout, {
    default: 10_000,
    description: 'Deadline of one operation in milliseconds.',
  }),
  upstreamTimeoutMs: setting('UPSTREAM_TIMEOUT_MS', timeout, {
    default: 5_000,
    description: 'Limit of one attempt of an upstream call in milliseconds.',
  }),
  upstreamMaxBytes: setting('UPSTREAM_MAX_BYTES', integer(1_024, 1_073_741_824), {
    default: 2_097_152,
    description: 'Maximum size of an upstream response in bytes.',
  }),
  upstreamRetries: setting('UPSTREAM_RETRIES', integer(0, 5), {
    default: 2,
    description:
      'Retries of an upstream call after a connection failure, a timeout, 502, 503 or 504. Applies to reads and idempotent writes. `0`: no retries.',
  }),
};

const authentication = {
  auth: {
    mode: setting('AUTH', oneOf('none', 'jwt', 'forward'), {
      default: 'none',
      description:
        'How clients are authenticated ([auth.md](auth.md)). `none`: every client may use the whole account. `jwt`: by a signed token. `forward`: by their own HelpCrunch keys, which are forwarded.',
    }),
    isUnauthenticatedAllowed: setting('ALLOW_UNAUTHENTICATED', boolean, {
      default: false,
      description:
        'Allows `AUTH=none` with an API key on a `HOST` that other machines reach, or behind a proxy (`TRUST_PROXY`).',
    }),
    jwtSecret: setting(
      'JWT_SECRET',
      z
        .string()
        .refine((secret) => Buffer.byteLength(secret) >= 32, 'must have at least 32 bytes')
        .describe('at least 32 bytes'),
      {
        isSecret: true,
        description:
          'Secret that tokens are signed with (HMAC). `AUTH=jwt` needs it or `JWKS_URL`.',
      },
    ),
    jwksUrl: setting('JWKS_URL', jwksUrl, {
      description: 'URL of the public keys that verify tokens.',
    }),
    issuer: setting('JWT_ISSUER', text, { description: 'Required `iss` claim of tokens.' }),
    audience: setting('JWT_AUDIENCE', text, {
      description: 'Required `aud` claim of tokens, or one of its items.',
    }),
    claimNames: {
      role: setting('JWT_ROLE_CLAIM', text, {
        default: 'role',
        description:
          'Claim that contains the role, `agent` or `customer`. A dotted path such as `app.role` reads nested claims.',
      }),
      agentId: setting('JWT_AGENT_ID_CLAIM', text, {
        default: 'agentId',
        description: 'Claim that contains the id of an agent.',
      }),
      customerId: setting('JWT_CUSTOMER_ID_CLAIM', text, {
        default: 'customerId',
        description: 'Claim that contains the HelpCrunch id of a customer.',
      }),
      userId: setting('JWT_USER_ID_CLAIM', text, {
        default: 'userId',
        description: 'Claim that contains the `userId` of a customer.',
      }),
    },
  },
  corsOrigins: setting('CORS_ORIGINS', origins, {
    default: [],
    description:
      'Origins of web pages that may read responses. Outside production, Apollo Studio, Apollo Sandbox and localhost are added.',
  }),
  allowedHosts: setting('ALLOWED_HOSTS', hostNames, {
    defaultText: 'the names of this machine on a loopback `HOST`, otherwise any',
    description:
      'Host names by which clients may address the gateway; others receive 421 ([limits.md](limits.md#hosts)).',
  }),
  trustProxy: setting('TRUST_PROXY', trustedProxies, {
    default: 0,
    description:
      'Number of proxies, or their addresses and networks, whose `X-Forwarded-*` headers are trusted. `0`: none.',
  }),
};

const caching = {
  cacheMaxBytes: setting('CACHE_MAX_BYTES', memory, {
    default: 67_108_864,
    description:
      'Maximum size of the entity cache in bytes ([caching.md](caching.md)). `0` disables it.',
  }),
  responseCacheMaxBytes: setting('RESPONSE_CACHE_MAX_BYTES', memory, {
    default: 16_777_216,
    formerName: 'READY_ANSWERS_MAX_BYTES',
    description: 'Maximum size of the response cache in bytes. `0` disables it.',
  }),
  cacheTtlsMs: {
    chats: setting('CACHE_CHATS_TTL_MS', milliseconds, {
      defaultText: '`5000`; `60000` with webhooks',
      formerName: 'CACHE_CHATS_MS',
      description: 'TTL of chats, messages and lists in milliseconds. `0`: not cached.',
    }),
    customers: setting('CACHE_CUSTOMERS_TTL_MS', milliseconds, {
      default: 60_000,
      formerName: 'CACHE_CUSTOMERS_MS',
      description: 'TTL of customers in milliseconds. `0`: not cached.',
    }),
    account: setting('CACHE_ACCOUNT_TTL_MS', milliseconds, {
      default: 300_000,
      formerName: 'CACHE_ACCOUNT_MS',
      description:
        'TTL of agents, departments, applications and the organization in milliseconds. `0`: not cached.',
    }),
    absent: setting('CACHE_NEGATIVE_TTL_MS', milliseconds, {
      default: 5_000,
      formerName: 'CACHE_ABSENT_MS',
      description: 'TTL of unknown ids (negative caching) in milliseconds. `0`: not cached.',
    }),
  },
  staleIfErrorMs: setting('STALE_IF_ERROR_MS', milliseconds, {
    default: 600_000,
    description:
      'Age in milliseconds up to which expired cache entries are served while HelpCrunch is unavailable (stale-if-error). `0`: never.',
  }),
  operationCache: setting('OPERATION_CACHE', oneOf('on', 'off'), {
    default: 'on',
    formerName: 'EXECUTION',
    formerValues: '`direct` is now `on`, `apollo` is now `off`',
    description:
      'Whether repeated operations skip parsing, validation and planning ([decision](decisions/0070-operation-cache.md)). `off` executes everything with Apollo Server and disables the response cache.',
  }),
  redisUrl: setting('REDIS_URL', redisUrl, {
    isSecret: true,
    description:
      'Redis that all instances use for the cache, the rate limit and events. Unset: each instance works alone.',
  }),
  // Longer than the pauses of a busy machine: an instance that stops using Redis by mistake exceeds the rate limit.
  redisTimeoutMs: setting('REDIS_TIMEOUT_MS', integer(1, 60_000), {
    default: 500,
    description:
      'Limit of a Redis command in milliseconds. An instance whose commands take longer continues alone.',
  }),
};

const operationLimits = {
  maxUpstreamCalls: setting('MAX_UPSTREAM_CALLS', atLeastOne, {
    default: 30,
    description: 'Maximum worst-case cost of an operation in upstream calls.',
  }),
  maxReferenceCalls: setting('MAX_REFERENCE_CALLS', atLeastOne, {
    default: 60,
    description:
      'The same for `_entities` of a router that sends `ROUTER_SECRET`; at most half of the rate limit applies. Other clients have `MAX_UPSTREAM_CALLS`.',
  }),
  limits: {
    depth: setting('MAX_DEPTH', atLeastOne, {
      default: 12,
      description: 'Maximum depth of an operation ([limits.md](limits.md)).',
    }),
    aliases: setting('MAX_ALIASES', upToAMillion, {
      default: 30,
      description: 'Maximum number of aliases in an operation. `0`: none.',
    }),
    directives: setting('MAX_DIRECTIVES', upToAMillion, {
      default: 20,
      description: 'Maximum number of directives in an operation. `0`: none.',
    }),
    tokens: setting('MAX_TOKENS', atLeastOne, {
      default: 2_000,
      description: 'Maximum number of tokens in a document.',
    }),
  },
  maxResponseNodes: setting('MAX_RESPONSE_NODES', integer(1, 100_000_000), {
    default: 20_000,
    description:
      'Maximum number of objects in a response, estimated before and counted during execution.',
  }),
  maxResponseBytes: setting('MAX_RESPONSE_BYTES', integer(16_384, 268_435_456), {
    default: 8_388_608,
    description: 'Maximum size of a response in bytes.',
  }),
  persistedOperations: setting('PERSISTED_OPERATIONS', manifestFile, {
    description: 'Manifest of persisted operations in the format of Apollo or Relay.',
  }),
  isPersistedOnly: setting('PERSISTED_ONLY', boolean, {
    default: false,
    description: '`true` rejects operations that are not in `PERSISTED_OPERATIONS`.',
  }),
};

const clientLimits = {
  requestRateLimit: setting('REQUEST_RATE_LIMIT', upToAMillion, {
    defaultText: '`600`; `0` with `AUTH=none`',
    description:
      'Requests per minute of one viewer, or of one address where there is no viewer. `0`: unlimited.',
  }),
  authFailureLimit: setting('AUTH_FAILURE_LIMIT', upToAMillion, {
    default: 60,
    description:
      'Rejected credentials and invalid webhook signatures per minute of one address. `0`: unlimited.',
  }),
  maxConnections: setting('MAX_CONNECTIONS', atLeastOne, {
    default: 20_000,
    description: 'Maximum number of client connections.',
  }),
  maxBodyBytes: setting('MAX_BODY_BYTES', integer(1_024, 67_108_864), {
    default: 262_144,
    description: 'Maximum size of a request body in bytes.',
  }),
  requestTimeoutMs: setting('REQUEST_TIMEOUT_MS', integer(100, 600_000), {
    default: 30_000,
    description: 'Time in milliseconds in which a request must have been received.',
  }),
  sending: {
    sendTimeoutMs: setting('SEND_TIMEOUT_MS', integer(100, 600_000), {
      default: 30_000,
      description:
        'Time in milliseconds after which a connection is destroyed whose client reads nothing of a pending response.',
    }),
    maxUnsentBytes: setting('MAX_UNSENT_BYTES', integer(65_536, 17_179_869_184), {
      default: 67_108_864,
      description:
        'Maximum size of pending response data of all connections in bytes. Above it, stalled connections and those with the most pending data are destroyed.',
    }),
  },
  subscriptions: {
    maxConnections: setting('MAX_LIVE_CONNECTIONS', upToAMillion, {
      default: 10_000,
      description:
        'Maximum number of authenticated WebSockets, event streams and callback subscriptions. `0`: none.',
    }),
    maxConnectionsPerViewer: setting('MAX_LIVE_CONNECTIONS_PER_VIEWER', atLeastOne, {
      default: 100,
      description: 'The same for one viewer, or for one address without authentication.',
    }),
    maxPerConnection: setting('MAX_SUBSCRIPTIONS_PER_CONNECTION', atLeastOne, {
      default: 100,
      description: 'Maximum number of concurrent operations on one WebSocket.',
    }),
    maxPerViewer: setting('MAX_SUBSCRIPTIONS_PER_VIEWER', atLeastOne, {
      default: 1_000,
      description: 'Maximum number of subscriptions of one viewer.',
    }),
    callbackHosts: setting('SUBSCRIPTION_CALLBACK_HOSTS', callbackHosts, {
      default: [],
      description:
        'Origins to which a router may have subscription callbacks sent ([live.md](live.md)). Unset: callbacks are off.',
    }),
  },
};

const federation = {
  subgraph: setting('SUBGRAPH', boolean, {
    default: false,
    description:
      'Serves the schema as a subgraph of a supergraph ([federation.md](federation.md)).',
  }),
  excludedRootFields: setting('SUBGRAPH_EXCLUDE_FIELDS', rootFields, {
    default: [],
    formerName: 'SUBGRAPH_LEAVE_OUT',
    description:
      'Root fields that the served subgraph schema omits because another subgraph has them, such as `node,Mutation.markChatRead`. The type defaults to `Query`.',
  }),
  routerSecret: setting(
    'ROUTER_SECRET',
    z
      .string()
      .regex(/^[\x21-\x7e]{32,}$/, 'must be at least 32 printable ASCII characters without spaces')
      .describe('at least 32 printable ASCII characters'),
    {
      isSecret: true,
      description:
        'Proves that a client is the router: it sends this as `X-Router-Secret` ([federation.md](federation.md#the-router)).',
    },
  ),
  isRouterOnly: setting('ROUTER_ONLY', boolean, {
    default: false,
    description:
      '`true` rejects clients without `ROUTER_SECRET` at GraphQL endpoints. `false`: they are ordinary clients.',
  }),
  routerMayCache: setting('ROUTER_MAY_CACHE', boolean, {
    default: false,
    description:
      'Sends `Cache-Control: private, max-age` to a router that sends `ROUTER_SECRET` ([federation.md](federation.md#caching-in-the-router)).',
  }),
};

const tracing = {
  tracing: {
    isDisabled: setting('OTEL_SDK_DISABLED', boolean, {
      default: false,
      description: '`true` disables tracing.',
    }),
    exporter: setting('OTEL_TRACES_EXPORTER', oneOf('otlp', 'none'), {
      defaultText: '`otlp` with an endpoint, otherwise `none`',
      description: 'Exporter of traces ([operations.md](operations.md)).',
    }),
    endpoint: setting('OTEL_EXPORTER_OTLP_ENDPOINT', httpUrl, {
      description: 'Base URL of the OTLP collector.',
    }),
    tracesEndpoint: setting('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', httpUrl, {
      description: 'URL to which traces are sent; overrides the base URL.',
    }),
    protocol: setting('OTEL_EXPORTER_OTLP_PROTOCOL', traceProtocol, {
      defaultText: '`http/json`',
      description: 'Protocol of the collector.',
    }),
    tracesProtocol: setting('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', traceProtocol, {
      defaultText: '`OTEL_EXPORTER_OTLP_PROTOCOL`',
      description: 'Protocol of the collector for traces.',
    }),
  },
};

/** The sections of the settings reference. */
export const sections = {
  Server: server,
  HelpCrunch: upstream,
  'Authentication and network': authentication,
  'Caching and Redis': caching,
  'Operation limits': operationLimits,
  'Client limits and subscriptions': clientLimits,
  Federation: federation,
  Tracing: tracing,
};

/** Every setting, in the structure of the configuration. */
export const declarations = {
  ...server,
  ...upstream,
  ...authentication,
  ...caching,
  ...operationLimits,
  ...clientLimits,
  ...federation,
  ...tracing,
};

export type SettingName = SettingNamesOf<typeof declarations>;

export const allSettings: readonly SettingDeclaration[] = settingsIn(declarations);
