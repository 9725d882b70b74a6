import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createTally, read, write } from './clients.ts';
import type { Ledger } from './clients.ts';
import type { Phase } from './phases.ts';
import { phases } from './phases.ts';
import type { GatewayProcess, Holding } from './processes.ts';
import { hasRedis, root, startGatewayProcess, startRedis } from './processes.ts';
import { printReport } from './report.ts';
import type { SimulatorProcess } from './simulatorClient.ts';
import { startSimulatorProcess } from './simulatorClient.ts';
import { subscribe } from './subscribers.ts';
import { leftOver, settle, untilJoined, verify } from './verify.ts';
import { soakWrites } from './writes/soak.ts';

const secret = 'the signing key of the soak';
const readers = 24;
const writers = 4;
const subscribers = 50;
const longestPhaseMs = 8_000;
const shortestPhaseMs = 700;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    writes: { type: 'string', default: '1000' },
  },
});
const minutes = Number(values.minutes);
const writes = Number(values.writes);

const settingsFor = (helpCrunch: SimulatorProcess, redisUrl: string | undefined) => ({
  HELPCRUNCH_API_KEY: helpCrunch.key,
  HELPCRUNCH_API_URL: helpCrunch.url,
  HELPCRUNCH_WEBHOOK_SECRET: secret,
  // Enough for a load that a real account would not bear, and still a limit.
  HELPCRUNCH_RATE_LIMIT: '12000',
  UPSTREAM_TIMEOUT_MS: '2000',
  OPERATION_TIMEOUT_MS: '5000',
  // Small, so that the test includes evictions.
  CACHE_MAX_BYTES: '4000000',
  ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
});

/** One trouble after the other, with good times in between. */
async function makeTrouble(
  {
    helpCrunch,
    redis,
  }: { helpCrunch: SimulatorProcess; redis: Awaited<ReturnType<typeof startRedis>> | undefined },
  phaseMs: number,
  signal: AbortSignal,
): Promise<number> {
  const rest = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
  let count = 0;
  const live = async ({ restarts, latencyMs = 0, faults = [] }: Phase) => {
    await helpCrunch.order({ kind: 'behave', change: { latencyMs, faults } });
    if (restarts === 'redis') await redis?.restart();
    if (restarts === 'simulator') await helpCrunch.order({ kind: 'restart', downMs: phaseMs / 4 });
    await rest(phaseMs);
  };
  const isOver = () => signal.aborted;
  for (; ; count += 1) {
    await live({ name: 'all is well' });
    const phase = phases[count % phases.length];
    if (isOver() || phase === undefined) break;
    await live(phase);
  }
  await helpCrunch.order({ kind: 'behave', change: { latencyMs: 0, faults: [] } });
  return count;
}

/** Looks at what a gateway holds, at even intervals. */
async function watch(gateway: GatewayProcess, everyMs: number, signal: AbortSignal) {
  const seen: Holding[] = [];
  const isOver = () => signal.aborted || !gateway.isAlive();
  for (;;) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (isOver()) return seen;
    seen.push(await gateway.holding());
  }
}

async function run(): Promise<boolean> {
  const durationMs = minutes * 60_000;
  const phaseMs = Math.min(
    longestPhaseMs,
    Math.max(shortestPhaseMs, durationMs / phases.length / 4),
  );
  const redis = hasRedis ? await startRedis() : undefined;
  const helpCrunch = await startSimulatorProcess();
  const gateways: GatewayProcess[] = [];
  try {
    const settings = settingsFor(helpCrunch, redis?.url);
    // Without Redis, an instance does not receive the events of the others.
    for (let count = redis === undefined ? 1 : 2; count > 0; count -= 1) {
      gateways.push(await startGatewayProcess(settings));
    }
    const [first] = gateways;
    if (first === undefined) return false;
    await untilJoined(gateways);
    const idle = await Promise.all(gateways.map((gateway) => gateway.holding()));
    const target = { url: `${first.url}/webhooks/helpcrunch`, secret };
    await helpCrunch.order({
      kind: 'behave',
      change: {
        webhooks: {
          lost: 0.02,
          doubled: 0.05,
          late: 0.05,
          lateMs: 500,
          retriesMs: [500, 1_000],
        },
      },
    });
    await helpCrunch.order({ kind: 'work', target });

    const tally = createTally();
    const ledger: Ledger = new Map();
    const over = new AbortController();
    const { signal } = over;
    const urlOf = (place: number) => gateways[place % gateways.length]?.url ?? first.url;
    const many = (count: number, act: (place: number) => Promise<void>) =>
      Array.from({ length: count }, (_, place) => act(place));
    const trouble = makeTrouble({ helpCrunch, redis }, phaseMs, signal);
    const watched = Promise.all(
      gateways.map((gateway) => watch(gateway, Math.max(500, durationMs / 60), signal)),
    );
    const busy = [
      ...many(readers, (place) => read(urlOf(place), tally, signal)),
      ...many(writers, (place) =>
        write({ url: urlOf(place), tally, ledger, place, writers }, signal),
      ),
      ...many(subscribers, (place) => subscribe({ url: urlOf(place), tally, place }, signal)),
    ];
    const began = performance.now();
    await sleep(durationMs);
    over.abort();
    await Promise.all(busy);
    const tookMs = performance.now() - began;
    const troubles = await trouble;
    await helpCrunch.order({ kind: 'rest' });
    const holdings = await watched;

    const counted = await settle(gateways);
    const lost = await verify({ gateways, helpCrunch, ledger, tally });
    await helpCrunch.stop();
    const unsettled = [...counted, ...(await leftOver(gateways, idle))];
    const ends = await Promise.all(
      gateways.map(async (gateway) =>
        gateway.isAlive() ? await gateway.stop() : 'before it was told',
      ),
    );
    return printReport({
      tally,
      tookMs,
      troubles,
      holdings,
      idle,
      unsettled,
      lost,
      ends,
      gateways,
      hasRedis,
    });
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await helpCrunch.stop();
    await redis?.stop();
  }
}

/** The mixed load runs even if the random writes have failed. */
async function runAll(): Promise<boolean> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  const areWritesKept = writes === 0 || (await soakWrites(writes));
  return (minutes === 0 || (await run())) && areWritesKept;
}

if (!(minutes >= 0) || !Number.isInteger(writes) || writes < 0) {
  process.stderr.write('--minutes and --writes must be numbers of at least 0.\n');
  process.exitCode = 2;
} else if (!(await runAll())) {
  process.exitCode = 1;
}
