import { Redis } from 'ioredis';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import { DisposerStack } from '../../src/lib/disposerStack.ts';
import { createRedisScripts } from '../../src/redis/scripts.ts';
import type { HeldCall } from './controlledUpstream.ts';
import { startControlledUpstream } from './controlledUpstream.ts';
import type { GraphQLResponse } from './gateway.ts';
import { startTestGateway } from './gateway.ts';
import { Idleness } from './idleness.ts';
import { createManualClock } from './manualClock.ts';
import { startRedis } from './redis.ts';
import { webhookSecret } from './webhooks.ts';

export const latencyMs = 400;
const stepMs = 250;

/** The TTLs with webhooks. */
export const ttlsMs = { ...readConfig({}).cacheTtlsMs, chats: 60_000 };

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

export interface TimedResponse {
  readonly startedMs: number;
  readonly waitedMs: number;
  readonly endedMs: number;
  readonly response: GraphQLResponse;
}

/** Gateways that refresh ahead, in front of an upstream that responds after 400 ms, on one controlled clock. */
export async function startRefreshScenario({ withRedis = false } = {}) {
  const resources = new DisposerStack();
  const clock = createManualClock();
  const beginning = clock.monotonic();
  const now = () => clock.monotonic() - beginning;
  const server = withRedis ? await startRedis() : undefined;
  resources.defer(() => server?.[Symbol.asyncDispose]());
  const redis = server && new Redis(server.port, '127.0.0.1');
  resources.defer(() => redis?.disconnect());
  await redis?.set('now', clock.now());
  const upstream = await startControlledUpstream();
  resources.defer(() => upstream[Symbol.asyncDispose]());
  upstream.seed({
    chats: Array.from({ length: 30 }, (_, index) => ({ id: index + 1, customer: { id: 1 } })),
    customers: Array.from({ length: 20 }, (_, index) => ({ id: index + 1 })),
  });
  const idleness = new Idleness();
  resources.defer(() => idleness.end());
  const callTimes: number[] = [];
  const redisScripts = createRedisScripts("local now = tonumber(redis.call('GET', 'now'))\n");
  let instances = 0;

  /** Every value states when HelpCrunch read it. */
  function applyNow(held: HeldCall): void {
    const readAt = String(now());
    for (const [id, chat] of upstream.chats)
      upstream.chats.set(id, { ...chat, lastMessageText: readAt });
    for (const [id, customer] of upstream.customers)
      upstream.customers.set(id, { ...customer, company: readAt });
    for (const [index, agent] of upstream.agents.entries())
      upstream.agents[index] = { ...agent, name: readAt };
    held.apply();
  }

  function respondLate(held: HeldCall): void {
    void held.arrived.then(() => {
      callTimes.push(now());
      applyNow(held);
      clock.after(latencyMs, () => held.respond());
    });
  }
  upstream.onEveryCall(respondLate);

  async function pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      await idleness.reached();
      await redis?.set('now', clock.now() + stepMs);
      clock.advance(stepMs);
      await idleness.reached();
    }
  }

  async function send(
    gateway: Gateway,
    document: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<TimedResponse> {
    const startedMs = now();
    // Threads that decompress responses would work while the process looks idle.
    const sent = { 'accept-encoding': 'identity', ...headers };
    const response = await gateway.query(document, {}, sent);
    const endedMs = now();
    return { startedMs, endedMs, waitedMs: endedMs - startedMs, response };
  }

  return {
    clock,
    now,
    upstream,
    redis,
    /** When calls have arrived. */
    callTimes: callTimes as readonly number[],
    respondLate,
    pass,
    idle: () => idleness.reached(),
    async startGateway(config: Partial<Config> = {}): Promise<Gateway> {
      const { quotas } = readConfig({});
      const gateway = await startTestGateway({
        upstream,
        clock,
        redisScripts,
        config: {
          rateLimit: 120,
          quotas,
          cacheTtlsMs: ttlsMs,
          webhookSecret,
          refreshAhead: true,
          redisUrl: server?.url,
          ...config,
        },
      });
      resources.defer(() => gateway.stop());
      instances += 1;
      await server?.listenedBy(instances);
      await idleness.reached();
      return gateway;
    },
    async stopGateway(gateway: Gateway): Promise<void> {
      await gateway.stop();
      instances -= 1;
      await server?.listenedBy(instances);
    },
    send,
    /** Sends an operation and lets time pass until the response arrives. */
    async ask(...request: Parameters<typeof send>): Promise<TimedResponse> {
      let result: TimedResponse | undefined;
      void send(...request).then((response) => {
        result = response;
      });
      await idleness.reached();
      while (result === undefined) await pass(stepMs);
      return result;
    },
    [Symbol.asyncDispose]: () => resources.dispose(),
  };
}

export type RefreshScenario = Awaited<ReturnType<typeof startRefreshScenario>>;

/** The refreshes of a gateway by outcome. */
export async function refreshesOf(gateway: Gateway): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const found = metrics.matchAll(/^helpcrunch_refresh_ahead_total\{outcome="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries(Array.from(found, ([, outcome, count]) => [outcome, Number(count)]));
}
