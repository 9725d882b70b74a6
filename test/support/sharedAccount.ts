import { Redis } from 'ioredis';
import { readConfig } from '../../src/config/settings.ts';
import { DisposerStack } from '../../src/lib/disposerStack.ts';
import { createRedisScripts } from '../../src/redis/scripts.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { GraphQLResponse } from './gateway.ts';
import { startTestGateway } from './gateway.ts';
import { Idleness } from './idleness.ts';
import { bearer, jwtAuth } from './issuer.ts';
import { createManualClock } from './manualClock.ts';
import { startRedis } from './redis.ts';
import { webhookSecret } from './webhooks.ts';

export const rateLimit = 120;
const stepMs = 250;

export interface Outcome {
  readonly client: string;
  readonly startedMs: number;
  readonly waitMs: number;
  readonly response: GraphQLResponse;
}

/** What happens at a time since the beginning, a multiple of 250 ms. */
export type Activity = (timeMs: number) => void;

type Claims = Parameters<typeof bearer>[0];
export type Send = (document: string, variables?: Record<string, unknown>) => void;

interface ClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends all operations to the first instance, instead of to the instances in turns. */
  readonly isOnOneInstance?: boolean;
}

/** The time of the scripts is in the name of a channel that has a subscriber, because keys can be evicted. The latest one is valid. */
const timeSource = `local now = 0
for _, channel in ipairs(redis.call('PUBSUB', 'CHANNELS', 'now:*')) do
  now = math.max(now, tonumber(string.sub(channel, 5)))
end
`;

const timeChannel = (ms: number): string => `now:${ms}`;

/** One or two gateways in front of the simulator, which has the same rate limit, on one controlled clock. */
export async function startSharedAccount(
  instanceCount: 1 | 2,
  redisSettings: readonly string[] = [],
) {
  const resources = new DisposerStack();
  const clock = createManualClock();
  const beginning = clock.monotonic();
  const now = () => clock.monotonic() - beginning;
  const server = instanceCount === 1 ? undefined : await startRedis(redisSettings);
  resources.defer(() => server?.[Symbol.asyncDispose]());
  const redis = server && new Redis(server.port, '127.0.0.1');
  resources.defer(() => redis?.disconnect());
  const timeKeeper = redis?.duplicate();
  resources.defer(() => timeKeeper?.disconnect());
  await timeKeeper?.subscribe(timeChannel(clock.now()));
  const simulator = await startSimulator({ rateLimit, clock, chats: 300, customers: 200 });
  resources.defer(() => simulator.close());
  const { quotas, maxUpstreamCalls } = readConfig({});
  const auth = jwtAuth();
  const config = {
    auth,
    rateLimit,
    quotas,
    maxUpstreamCalls,
    webhookSecret,
    mcp: { isEnabled: true, operations: undefined, allowsWrites: false },
    redisUrl: server?.url,
  };
  const redisScripts = createRedisScripts(timeSource);
  const gateways: Awaited<ReturnType<typeof startTestGateway>>[] = [];
  for (let index = 0; index < instanceCount; index += 1) {
    const gateway = await startTestGateway({ upstream: simulator, clock, config, redisScripts });
    resources.defer(() => gateway.stop());
    gateways.push(gateway);
  }
  await server?.listenedBy(instanceCount);
  const idleness = new Idleness();
  resources.defer(() => idleness.end());
  const outcomes: Outcome[] = [];
  const pending = new Set<Promise<unknown>>();
  let requests = 0;

  async function pass(ms: number): Promise<void> {
    const before = clock.now();
    await timeKeeper?.subscribe(timeChannel(before + ms));
    await timeKeeper?.unsubscribe(timeChannel(before));
    clock.advance(ms);
    await idleness.reached();
  }

  function track(work: Promise<unknown>): void {
    const tracked = work.finally(() => pending.delete(tracked));
    pending.add(tracked);
  }

  return {
    clock,
    gateways,
    redis,
    now,
    credentials: bearer,
    /** Work that `finish` waits for. */
    track,
    onEnd: (release: () => void) => resources.defer(release),
    outcomes: outcomes as readonly Outcome[],
    of: (client: string, fromMs = 0, toMs = Infinity) =>
      outcomes.filter(
        (outcome) =>
          outcome.client === client && outcome.startedMs >= fromMs && outcome.startedMs < toMs,
      ),
    throttledCalls: () => simulator.calls.filter(({ status }) => status === 429),
    async client(
      client: string,
      claims: Claims,
      { headers = {}, isOnOneInstance = false }: ClientOptions = {},
    ): Promise<Send> {
      const credentials = await bearer(claims);
      // Threads that compress and decompress responses would work while the process looks idle.
      const sent = { ...credentials, 'accept-encoding': 'identity', ...headers };
      return (document, variables = {}) => {
        const index = isOnOneInstance ? 0 : (requests += 1) % gateways.length;
        const gateway = gateways[index];
        if (gateway === undefined) throw new Error('There is no gateway.');
        const startedMs = now();
        const response = gateway.query(document, variables, sent);
        track(
          response.then((received) => {
            outcomes.push({ client, startedMs, waitMs: now() - startedMs, response: received });
          }),
        );
      };
    },
    settled: () => idleness.reached(),
    /** Lets time pass, only when nothing is left to do at the present time. */
    async run(seconds: number, ...activities: readonly Activity[]): Promise<void> {
      const endMs = now() + seconds * 1_000;
      while (now() < endMs) {
        for (const act of activities) act(now());
        await idleness.reached();
        await pass(stepMs);
      }
    },
    /** Waits for all responses. */
    async finish(): Promise<void> {
      while (pending.size > 0) await pass(stepMs);
    },
    [Symbol.asyncDispose]: () => resources.dispose(),
  };
}

export type SharedAccount = Awaited<ReturnType<typeof startSharedAccount>>;
