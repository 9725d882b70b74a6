import {
  boolean,
  certificateFile,
  integer,
  keyPrefix,
  milliseconds,
  oneOf,
  privateKeyFile,
  redisUrl,
  text,
} from '../parsers.ts';
import { setting } from '../setting.ts';

const memory = integer(0, 17_179_869_184);

export const caching = {
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
  refreshAhead: setting('REFRESH_AHEAD', boolean, {
    default: true,
    description:
      'Whether entries that agents request repeatedly are refreshed before they expire, with idle calls only ([caching.md](caching.md#refresh-ahead)). No effect with `AUTH=forward`.',
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
      'Redis with which instances share the cache, the rate limit and events: `redis://`, `rediss://` (TLS), or Sentinel, `redis-sentinel://user:password@host:26379,host:26379/name/database` ([operations.md](operations.md#several-instances)). Unset: instances share nothing.',
  }),
  isRedisRequired: setting('REDIS_REQUIRED', boolean, {
    default: false,
    description:
      'Whether `/readyz` returns 503 while Redis is unavailable ([operations.md](operations.md#health)).',
  }),
  redis: {
    sentinelUsername: setting('REDIS_SENTINEL_USERNAME', text, {
      description: 'User of the sentinels, if they have an access control list.',
    }),
    sentinelPassword: setting('REDIS_SENTINEL_PASSWORD', text, {
      isSecret: true,
      description: 'Password of the sentinels. Those of Redis itself are part of `REDIS_URL`.',
    }),
    tls: {
      ca: setting('REDIS_TLS_CA_FILE', certificateFile, {
        description:
          'Certificates of the authorities that sign the certificate of Redis, in PEM format. Unset: those that Node trusts.',
      }),
      cert: setting('REDIS_TLS_CERT_FILE', certificateFile, {
        description: 'Certificate of the gateway for Redis, in PEM format.',
      }),
      key: setting('REDIS_TLS_KEY_FILE', privateKeyFile, {
        description: 'Private key of `REDIS_TLS_CERT_FILE`, in PEM format.',
      }),
    },
    keyPrefix: setting('REDIS_KEY_PREFIX', keyPrefix, {
      description:
        'Text before all keys and channels in Redis, such as `staging:`. Only instances with the same prefix share anything.',
    }),
  },
  // Longer than the pauses of a busy machine: an instance that stops using Redis by mistake exceeds the rate limit.
  redisTimeoutMs: setting('REDIS_TIMEOUT_MS', integer(1, 60_000), {
    default: 500,
    description:
      'Timeout of a Redis command in milliseconds. After a timeout the instance continues without Redis until Redis responds again.',
  }),
};
