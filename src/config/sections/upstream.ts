import { accountsFile } from '../accountsFile.ts';
import {
  accountName,
  apiKey,
  apiUrl,
  integer,
  oneOf,
  atLeastOne,
  upToAMillion,
  mutationNames,
  httpUrl,
  proxyExceptions,
  webhookKey,
} from '../parsers.ts';
import { setting } from '../setting.ts';

const timeout = integer(1, 600_000);

export const upstream = {
  apiKey: setting('HELPCRUNCH_API_KEY', apiKey, {
    isSecret: true,
    description:
      'API key of the HelpCrunch account. Unset: the gateway serves simulated data (`AUTH=forward` excepted).',
  }),
  apiUrl: setting('HELPCRUNCH_API_URL', apiUrl, {
    default: 'https://api.helpcrunch.com/v1',
    description: 'Base URL of the HelpCrunch REST API.',
  }),
  httpsProxy: setting('HTTPS_PROXY', httpUrl, {
    description:
      'HTTP proxy for calls to a `HELPCRUNCH_API_URL` with `https`; a user and password are allowed. Unset: none.',
  }),
  noProxy: setting('NO_PROXY', proxyExceptions, {
    default: [],
    description:
      'Hosts that are called without `HTTPS_PROXY`, with their subdomains; each may have a port. `*`: all.',
  }),
  account: setting('ACCOUNT', accountName, {
    default: 'default',
    description:
      'Name of the HelpCrunch account. Instances with the same name share cache, rate limit and events through `REDIS_URL`, whatever their API keys ([auth.md](auth.md#accounts)).',
  }),
  accounts: setting('ACCOUNTS_FILE', accountsFile, {
    description:
      'JSON file of several HelpCrunch accounts, instead of `HELPCRUNCH_API_KEY` and `ACCOUNT` ([auth.md](auth.md#several-accounts)). It contains secrets, and is read again on SIGHUP.',
  }),
  onHoldSpelling: setting('HELPCRUNCH_ON_HOLD_SPELLING', oneOf('on hold', 'onhold', 'on-hold'), {
    default: 'on hold',
    description:
      'Spelling of the status `ON_HOLD` in filters with further conditions. HelpCrunch documents three spellings; it is unknown which one its search accepts.',
  }),
  rateLimit: setting('HELPCRUNCH_RATE_LIMIT', upToAMillion, {
    default: 120,
    description: 'Upstream calls per sliding 60 seconds and account. `0`: unlimited.',
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
      description:
        'Upstream calls per sliding 60 seconds for mutations of one customer. `0`: none.',
    }),
  },
  webhookSecret: setting('HELPCRUNCH_WEBHOOK_SECRET', webhookKey, {
    isSecret: true,
    description:
      'Signing key of the webhooks of the account ([live.md](live.md)). Unset: `/webhooks/helpcrunch` returns 404.',
  }),
  previousWebhookSecret: setting('HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS', webhookKey, {
    isSecret: true,
    description:
      'Another key that webhooks may be signed with, during a rotation ([operations.md](operations.md#rotation)).',
  }),
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
  // Most servers keep idle connections longer: they would otherwise close one as it is reused.
  upstreamKeepAliveMs: setting('UPSTREAM_KEEP_ALIVE_MS', integer(0, 600_000), {
    default: 4_000,
    description:
      'Idle connections to HelpCrunch are closed after this time in milliseconds. `0`: connections are not reused.',
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
