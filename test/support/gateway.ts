import { Writable } from 'node:stream';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import type { UpstreamEndpoint } from '../../src/app/foundation.ts';
import { startGateway } from '../../src/app/createApp.ts';
import type { SimulatorOptions } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLog } from '../../src/observability/log.ts';
import type { RedisScripts } from '../../src/redis/scripts.ts';
import type { Tracing } from '../../src/observability/tracing.ts';

export interface GraphQLResponse<Data = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Data;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: Readonly<Record<string, any>>;
  }[];
  readonly extensions: { readonly upstream: { readonly calls: number } & Record<string, any> };
}

const noQuotas = {
  writeReservePercent: 0,
  customersSharePercent: 100,
  customerCallsPerMinute: 1_000_000,
  customerWritesPerMinute: 1_000_000,
};

const noCaching = { chats: 0, customers: 0, account: 0, absent: 0 };

interface TestGatewayOptions {
  readonly upstream: UpstreamEndpoint;
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
  readonly tracing?: Tracing;
  readonly redisScripts?: RedisScripts | undefined;
}

/** Starts the real gateway on a free port, in front of the given upstream. */
export async function startTestGateway({
  upstream,
  config = {},
  clock = systemClock,
  tracing,
  redisScripts,
}: TestGatewayOptions) {
  const logged: string[] = [];
  const log = createLog(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        logged.push(chunk.toString());
        done();
      },
    }),
    config.logLevel ?? 'warn',
  );
  const gateway = await startGateway(
    // The defaults of tests: no caching, no refreshes, no limits, no retries and no stale
    // data. The long Redis
    // timeout keeps a busy machine from looking like an outage.
    {
      ...readConfig({ PORT: '0' }),
      cacheTtlsMs: noCaching,
      quotas: noQuotas,
      upstreamRetries: 0,
      staleIfErrorMs: 0,
      maxUpstreamCalls: 1_000_000,
      maxReferenceCalls: 1_000_000,
      maxResponseNodes: Number.MAX_SAFE_INTEGER,
      requestRateLimit: 0,
      subgraph: true,
      authFailureLimit: 0,
      redisTimeoutMs: 20_000,
      refreshAhead: false,
      maxEventLoopDelayMs: 0,
      ...config,
    },
    { upstream, clock, log, tracing, redisScripts },
  );

  const metricsUrl = gateway.metricsUrl();

  async function query<Data = any, Variables = Record<string, unknown>>(
    document: string | TypedDocumentNode<Data, Variables>,
    variables?: Variables,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GraphQLResponse<Data>> {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        query: typeof document === 'string' ? document : print(document),
        variables,
      }),
    });
    const answer: any = await response.json();
    return { errors: [], ...answer, status: response.status, headers: response.headers };
  }

  return {
    url: gateway.url,
    metricsUrl,
    /** The log lines so far. */
    logged,
    query,
    /** Resolves when this many subscriptions are active. */
    async waitForSubscriptions(count: number) {
      for (;;) {
        const metrics = await (await fetch(`${metricsUrl ?? gateway.url}/metrics`)).text();
        if (metrics.includes(`\nhelpcrunch_subscriptions ${count}\n`)) return;
      }
    },
    /** Resolves when this many calls wait in the rate limiter. */
    async waitForQueuedCalls(count: number) {
      for (;;) {
        const metrics = await (await fetch(`${metricsUrl ?? gateway.url}/metrics`)).text();
        const lengths = [...metrics.matchAll(/^helpcrunch_upstream_calls_queued\{.*\} (\d+)$/gm)];
        if (lengths.reduce((sum, [, length]) => sum + Number(length), 0) === count) return;
      }
    },
    stop: () => gateway.stop(),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
    },
  };
}

/** Starts the real gateway in front of the simulator with its default seed. */
export async function startDemo({
  config,
  clock = systemClock,
  ...options
}: SimulatorOptions & { readonly config?: Partial<Config> } = {}) {
  const simulator = await startSimulator({ rateLimit: 0, clock, ...options });
  const gateway = await startTestGateway({
    upstream: simulator,
    clock,
    ...(config === undefined ? {} : { config }),
  });
  return {
    ...gateway,
    simulator,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await simulator.close();
    },
  };
}
