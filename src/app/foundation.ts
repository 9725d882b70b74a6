import type { Config } from '../config/settings.ts';
import { ConfigError } from '../config/settings.ts';
import type { AccountCredentials } from '../http/auth/credentials.ts';
import type { ServedAccount } from '../lib/accounts.ts';
import { Accounts } from '../lib/accounts.ts';
import type { Clock } from '../lib/clock.ts';
import type { DisposerStack } from '../lib/disposerStack.ts';
import { LiveSecrets } from '../lib/liveSecrets.ts';
import type { SecretValues } from '../lib/liveSecrets.ts';
import { withGuardedTimers } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { createMetrics } from '../observability/metrics.ts';
import type { RedisScripts } from '../redis/scripts.ts';
import { createTracePropagation } from '../observability/tracePropagation.ts';
import type { Tracing } from '../observability/tracing.ts';

/** The base URL of HelpCrunch, and the API key of the gateway. */
export interface UpstreamEndpoint {
  readonly url: string;
  readonly key: string;
}

export interface AppOptions {
  readonly upstream: UpstreamEndpoint;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** Scripts with another time source than that of the Redis server. */
  readonly redisScripts?: RedisScripts | undefined;
  /** Log lines that could not be written so far. */
  readonly lostLogLines?: () => number;
}

interface RedisParts {
  /** The gateway's own account. */
  readonly account: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly scripts: RedisScripts | undefined;
  readonly disposers: DisposerStack;
}

/** The connection to Redis and the modules that use it; undefined without `REDIS_URL`. */
async function connectRedis(
  { redisUrl: url, redisTimeoutMs: timeoutMs, redis: settings }: Config,
  { disposers, ...parts }: RedisParts,
) {
  if (url === undefined) return undefined;
  const { RedisConnections, ...components } = await import('./redisComponents.ts');
  const connection = new RedisConnections({ url, timeoutMs, ...settings, ...parts });
  disposers.defer(() => connection.close());
  if (await connection.isRedisCluster()) {
    const message =
      'REDIS_URL: the server is a Redis Cluster, which is not supported. Set a single server, or an address that follows the primary.';
    throw new ConfigError([message]);
  }
  return { ...components, connection };
}

/** What all parts of an app use. */
export interface Foundation extends AppOptions {
  readonly config: Config;
  readonly forwardsClientKeys: boolean;
  readonly metrics: Metrics;
  /** The gateway's own account. With `AUTH=forward` each client has its own, and with several accounts this one has no key. */
  readonly account: AccountCredentials;
  readonly accounts: Accounts;
  /** The account in metrics and log lines; undefined unless there are several. */
  readonly accountLabel: (account: string) => string | undefined;
  readonly secrets: LiveSecrets;
  readonly redis: Awaited<ReturnType<typeof connectRedis>>;
  readonly tracing: Tracing;
  readonly disposers: DisposerStack;
}

const given = (...secrets: readonly (string | undefined)[]): readonly string[] =>
  secrets.flatMap((secret) => secret ?? []);

/** The accounts that the gateway has keys of. `apiKey` is that of the simulator in demo mode. */
export function accountsOf(config: Config, apiKey = config.apiKey): readonly ServedAccount[] {
  const { accounts, account: name, rateLimit, webhookSecret, previousWebhookSecret } = config;
  const webhookSecrets = given(webhookSecret, previousWebhookSecret);
  return accounts ?? [{ name, apiKey: apiKey ?? '', webhookSecrets, rateLimit }];
}

export function secretValuesOf({ auth, routerSecret }: Config): SecretValues {
  const signedBy =
    auth.mode === 'jwt' && auth.signedBy && 'secret' in auth.signedBy ? auth.signedBy : undefined;
  return { jwtSecrets: given(signedBy?.secret, signedBy?.previousSecret), routerSecret };
}

export async function createFoundation(
  config: Config,
  options: AppOptions,
  disposers: DisposerStack,
): Promise<Foundation> {
  const { log, upstream } = options;
  const clock = withGuardedTimers(options.clock, log);
  const account = { apiKey: upstream.key, account: config.account };
  return {
    ...options,
    config,
    clock,
    forwardsClientKeys: config.auth.mode === 'forward',
    metrics: createMetrics({ hasSeveralAccounts: config.accounts !== undefined }),
    tracing: options.tracing ?? createTracePropagation(),
    account,
    accounts: new Accounts(accountsOf(config, upstream.key)),
    accountLabel: (name) => (config.accounts === undefined ? undefined : name),
    secrets: new LiveSecrets(secretValuesOf(config)),
    redis: await connectRedis(config, {
      account: account.account,
      clock,
      log,
      scripts: options.redisScripts,
      disposers,
    }),
    disposers,
  };
}
