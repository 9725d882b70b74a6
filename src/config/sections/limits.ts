import {
  atLeastOne,
  callbackHosts,
  integer,
  manifestFile,
  oneOf,
  upToAMillion,
} from '../parsers.ts';
import { setting } from '../setting.ts';

export const operationLimits = {
  maxUpstreamCalls: setting('MAX_UPSTREAM_CALLS', atLeastOne, {
    default: 30,
    description: 'Maximum worst-case cost of an operation in upstream calls.',
  }),
  maxReferenceCalls: setting('MAX_REFERENCE_CALLS', atLeastOne, {
    default: 60,
    description:
      'Maximum worst-case cost of `_entities` in upstream calls for a router that sends `ROUTER_SECRET`, but at most half of the rate limit. For other clients `MAX_UPSTREAM_CALLS` applies.',
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
  persistedOnly: setting('PERSISTED_ONLY', oneOf('false', 'true', 'customers'), {
    default: 'false',
    description:
      '`true` rejects operations that are not in `PERSISTED_OPERATIONS`. `customers` rejects them for customers only.',
  }),
};

export const clientLimits = {
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
  maxEventLoopDelayMs: setting('MAX_EVENT_LOOP_DELAY_MS', integer(0, 60_000), {
    default: 500,
    description:
      'New operations are rejected with 503 while the event loop is late by more than this time in milliseconds, for two seconds or longer ([operations.md](operations.md#health)). `0`: never.',
  }),
  maxBodyBytes: setting('MAX_BODY_BYTES', integer(1_024, 67_108_864), {
    default: 262_144,
    description: 'Maximum size of a request body or a WebSocket message in bytes.',
  }),
  maxPartialBodyBytes: setting('MAX_PARTIAL_BODY_BYTES', integer(8_388_608, 17_179_869_184), {
    default: 67_108_864,
    description:
      'Maximum size in bytes of all request bodies and WebSocket messages that have arrived in part. Above it, the connections on which one has been arriving for the longest time are destroyed.',
  }),
  requestTimeoutMs: setting('REQUEST_TIMEOUT_MS', integer(100, 600_000), {
    default: 30_000,
    description: 'Time limit in milliseconds for receiving a complete request.',
  }),
  sending: {
    sendTimeoutMs: setting('SEND_TIMEOUT_MS', integer(100, 600_000), {
      default: 30_000,
      description:
        'A connection is destroyed if its client reads nothing of a pending response for this time in milliseconds.',
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
      description:
        'Maximum number of authenticated WebSockets, event streams and callback subscriptions of one viewer, or of one address without authentication.',
    }),
    maxConnectionAgeMs: setting('MAX_CONNECTION_AGE_MS', integer(0, 604_800_000), {
      default: 14_400_000,
      description:
        'Maximum age of a WebSocket or event stream. It is closed in the last tenth of this time, at random, and clients reconnect ([live.md](live.md#maximum-age)). `0`: none.',
    }),
    maxPerConnection: setting('MAX_SUBSCRIPTIONS_PER_CONNECTION', atLeastOne, {
      default: 100,
      description:
        'Maximum number of concurrent operations on one WebSocket, unless it belongs to a router that sends `ROUTER_SECRET`.',
    }),
    maxSubscriptionsPerViewer: setting('MAX_SUBSCRIPTIONS_PER_VIEWER', atLeastOne, {
      default: 1_000,
      description: 'Maximum number of subscriptions of one viewer.',
    }),
    callbackHosts: setting('SUBSCRIPTION_CALLBACK_HOSTS', callbackHosts, {
      default: [],
      description:
        'Origins that a router may use in callback URLs of subscriptions ([live.md](live.md)). Unset: callbacks are off.',
    }),
  },
};
