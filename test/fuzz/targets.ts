import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { secret as jwtSecret } from '../support/issuer.ts';

/** What the probe in the gateway measures. */
export interface Reading {
  /** The longest callback since the last reading, in work: time in which the machine did something else is not counted. */
  readonly longestBlockMs: number;
  /** After garbage collection if requested. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Whether all objects have inherited something that a client sent. */
  readonly isPolluted: boolean;
}

const readingPrefix = '@fuzz-reading ';

export const targetNames = ['production', 'demo', 'forward'] as const;
export type TargetName = (typeof targetNames)[number];

export const secrets = {
  apiKey: 'fuzz-api-key-3b1f0c77d2',
  jwt: jwtSecret,
  webhook: 'fuzz-webhook-secret-9a41e6',
};

export const operationTimeoutMs = 2_000;

/** Small caches, so that they are full when memory is measured, and no rate limits. */
const common = {
  PORT: '0',
  LOG_FORMAT: 'json',
  HELPCRUNCH_RATE_LIMIT: '100000',
  OPERATION_TIMEOUT_MS: String(operationTimeoutMs),
  UPSTREAM_TIMEOUT_MS: '800',
  UPSTREAM_RETRIES: '1',
  REQUEST_TIMEOUT_MS: '2000',
  SHUTDOWN_GRACE_MS: '2000',
  REQUEST_RATE_LIMIT: '1000000',
  AUTH_FAILURE_LIMIT: '1000000',
  CACHE_MAX_BYTES: '4194304',
  RESPONSE_CACHE_MAX_BYTES: '1048576',
};

export interface Surroundings {
  readonly upstreamUrl: string;
  readonly callbackOrigin: string;
  readonly redisUrl: string | undefined;
}

/** The environment of each configuration. */
const environments: Readonly<
  Record<TargetName, (around: Surroundings) => Readonly<Record<string, string>>>
> = {
  production: ({ upstreamUrl, callbackOrigin, redisUrl }) => ({
    ...common,
    NODE_ENV: 'production',
    AUTH: 'jwt',
    JWT_SECRET: secrets.jwt,
    HELPCRUNCH_API_KEY: secrets.apiKey,
    HELPCRUNCH_API_URL: upstreamUrl,
    HELPCRUNCH_WEBHOOK_SECRET: secrets.webhook,
    SUBSCRIPTION_CALLBACK_HOSTS: callbackOrigin,
    SUBGRAPH: 'true',
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl, REDIS_TIMEOUT_MS: '1000' }),
  }),
  demo: () => common,
  forward: ({ upstreamUrl }) => ({ ...common, AUTH: 'forward', HELPCRUNCH_API_URL: upstreamUrl }),
};

const root = fileURLToPath(new URL('../../', import.meta.url));
const probe = fileURLToPath(new URL('probe.mjs', import.meta.url));

export type Target = Awaited<ReturnType<typeof startTarget>>;

/** The real process of one configuration, with the probe in it. */
export async function startTarget(name: TargetName, around: Surroundings) {
  const child = spawn(process.execPath, ['--expose-gc', '--import', probe, 'dist/main.js'], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...environments[name](around) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let logged: string[] = [];
  let onReading: ((reading: Reading) => void) | undefined;
  const ended = once(child, 'close').then(() => undefined);
  createInterface(child.stderr!).on('line', (line) => {
    if (line.startsWith(readingPrefix)) onReading?.(JSON.parse(line.slice(readingPrefix.length)));
    else if (!/ExperimentalWarning|--trace-warnings/.test(line)) logged.push(line);
  });
  child.on('error', () => undefined);
  let url: string | undefined;
  for await (const line of createInterface(child.stdout!)) {
    url = /(http:\/\/\S+)\/graphql/.exec(line)?.[1];
    if (url !== undefined) break;
  }
  child.stdout!.resume();
  if (url === undefined) {
    await ended;
    throw new Error(`The ${name} gateway did not start:\n${logged.join('\n')}`);
  }
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  let isDraining = false;

  async function ask(what: 'read' | 'collect', patienceMs: number): Promise<Reading | undefined> {
    if (!isAlive() || !child.connected) return undefined;
    const reading = new Promise<Reading>((resolve) => {
      onReading = resolve;
    });
    child.send(what, () => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patienceMs);
    });
    const result = await Promise.race([reading, ended, late]);
    clearTimeout(timer);
    return result;
  }

  return {
    name,
    url,
    port: Number(new URL(url).port),
    isAlive,
    ended,
    /** Measures, after everything that was logged before; undefined where the process is gone or does not answer in time. */
    read: (patienceMs = 5_000) => ask('read', patienceMs),
    /** As `read`, after a collection of garbage. */
    collect: () => ask('collect', 20_000),
    /** What was logged since the last time. */
    takeLog(): readonly string[] {
      const lines = logged;
      logged = [];
      return lines;
    },
    /** Whether its shutdown was requested, so that it is not a fault. */
    isDraining: () => isDraining,
    /** Stops it gracefully; returns its exit code, or null if it had to be killed. */
    async drain(): Promise<number | null> {
      isDraining = true;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(timer);
      return child.exitCode;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
