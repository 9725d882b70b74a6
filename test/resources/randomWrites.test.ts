import { describe, expect, test } from '@jest/globals';
import { readAccount } from '../../bench/soak/writes/account.ts';
import type { Fleet } from '../../bench/soak/writes/run.ts';
import { runWrites, writeFaults } from '../../bench/soak/writes/run.ts';
import { onNextTurn } from '../../src/lib/clock.ts';
import { DisposerStack } from '../../src/lib/disposerStack.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { propertyRuns } from '../support/propertyRuns.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { untilDone } from '../support/untilDone.ts';

/** By which the clock advances in each millisecond. */
const stepMs = 25;
const port = (url: string) => Number(new URL(url).port);

/** Two gateways on one Redis, whose connections to everything else can be cut at once, as by a crash. */
async function startFleet(seed: number) {
  const resources = new DisposerStack();
  const random = createRandom(seed, 1);
  const clock = { ...createManualClock(), random: () => random.next() };
  const redis = await startRedis();
  resources.defer(() => redis[Symbol.asyncDispose]());
  const simulator = await startSimulator({
    clock,
    rateLimit: 0,
    customers: 60,
    chats: 300,
    behaviour: { faults: writeFaults(0.2) },
  });
  resources.defer(() => simulator.close());

  /** Lets time pass, faster than that of the machine. */
  const untilEnd = <Result>(work: Promise<Result>) => untilDone(work, clock, stepMs);

  async function startInstance() {
    const toRedis = await startTcpProxy(redis.port);
    const toUpstream = await startTcpProxy(port(simulator.url));
    const gateway = await startTestGateway({
      upstream: { url: `http://127.0.0.1:${toUpstream.port}/v1`, key: simulator.key },
      clock,
      config: {
        rateLimit: 0,
        upstreamRetries: 2,
        mutations: 'all',
        redisUrl: toRedis.url,
        cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 },
      },
    });
    const toGateway = await startTcpProxy(port(gateway.url));
    const proxies = [toGateway, toUpstream, toRedis];
    resources.defer(async () => {
      await untilEnd(gateway.stop());
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
    });
    for (;;) {
      const { redis: state }: any = await (await fetch(`${gateway.url}/readyz`)).json();
      if (state === 'up') break;
    }
    return {
      url: `http://127.0.0.1:${toGateway.port}`,
      kill() {
        for (const proxy of proxies) proxy.cut();
      },
    };
  }

  const instances = await untilEnd(Promise.all([startInstance(), startInstance()]));
  let sent = 0;
  let killed = 0;
  const fleet: Fleet = {
    nextUrl: () => instances[(sent += 1) % instances.length]?.url ?? '',
    async replaceOne() {
      for (let turns = random.integer(0, 60); turns > 0; turns -= 1)
        await new Promise<void>((resolve) => onNextTurn(resolve));
      const place = (killed += 1) % instances.length;
      instances[place]?.kill();
      instances[place] = await startInstance();
    },
    pause: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
  };
  return {
    simulator,
    fleet,
    untilEnd,
    [Symbol.asyncDispose]: () => resources.dispose(),
  };
}

const seeds = Array.from({ length: Math.min(3, propertyRuns(1)) }, (_, index) => index + 1);

(hasRedis ? describe : describe.skip)('random writes with faults (needs Redis)', () => {
  test.each(seeds)(
    'no acknowledged write is lost, and none is made twice, with seed %i',
    async (seed) => {
      await using started = await startFleet(seed);
      const { simulator, fleet, untilEnd } = started;

      const findings = await untilEnd(
        readAccount(simulator).then((account) =>
          runWrites({
            account,
            fleet,
            random: createRandom(seed, 2),
            count: 150,
            workers: 6,
            kills: 3,
            prefix: `run-${seed}`,
          }),
        ),
      );
      const events = simulator.calls.flatMap(({ path, body }: any) =>
        path === '/events' ? [body.name] : [],
      );
      const wrong = await untilEnd(findings.ledger.verify(simulator, events));

      expect(findings.failures).toEqual([]);
      expect(wrong).toEqual([]);
      expect(findings.acknowledged).toBeGreaterThan(130);
      expect(findings.lostConnections).toBeGreaterThan(0);
    },
  );
});
