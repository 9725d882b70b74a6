import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../../src/simulator/random.ts';
import { formatTable } from '../../table.ts';
import type { GatewayProcess } from '../processes.ts';
import { hasRedis, startGatewayProcess, startRedis } from '../processes.ts';
import { startSimulatorProcess } from '../simulatorClient.ts';
import { readAccount } from './account.ts';
import type { Fleet, WriteFindings } from './run.ts';
import { runWrites, writeFaults } from './run.ts';

const workers = 16;
const kills = 8;
const faultShare = 0.2;
const maxUnknownShare = 0.02;
/** Within the time that a write takes. */
const maxKillDelayMs = 30;

async function createFleet(
  settings: Readonly<Record<string, string>>,
  random: () => number,
): Promise<Fleet & { readonly stop: () => Promise<void> }> {
  const start = () => startGatewayProcess(settings, []);
  const instances: GatewayProcess[] = [await start(), await start()];
  let sent = 0;
  let killed = 0;
  return {
    nextUrl() {
      const running = instances.filter(({ isAlive }) => isAlive());
      return running[(sent += 1) % running.length]?.url ?? '';
    },
    async replaceOne() {
      const place = (killed += 1) % instances.length;
      await sleep(random() * maxKillDelayMs);
      await instances[place]?.kill();
      instances[place] = await start();
    },
    pause: (ms) => sleep(ms),
    async stop() {
      await Promise.all(instances.map((instance) => instance.kill()));
    },
  };
}

function report(findings: WriteFindings, wrong: readonly string[], seconds: number): boolean {
  const { resolvable, unknown, unknownAtFirst, unresolvable, failures } = findings;
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const duties = [
    { name: 'no acknowledged write is lost, and none is made twice', broken: wrong },
    { name: 'no write fails for another reason than its faults', broken: failures },
    {
      name: `at most ${maxUnknownShare * 100} % end with OUTCOME_UNKNOWN where a lookup is possible`,
      broken: unknown <= resolvable * maxUnknownShare ? [] : [`${unknown} of ${resolvable}`],
    },
    {
      name: `at most ${maxUnknownShare * 100} % of the first attempts do`,
      broken:
        unknownAtFirst <= resolvable * maxUnknownShare
          ? []
          : [`${unknownAtFirst} of ${resolvable}`],
    },
  ];
  write(
    formatTable(
      ['random writes', 'count'],
      [
        ['seconds', Math.round(seconds)],
        ['writes', resolvable + unresolvable],
        ['attempts', findings.attempts],
        ['writes acknowledged', findings.acknowledged],
        ['attempts without a response, because the instance was killed', findings.lostConnections],
        ['OUTCOME_UNKNOWN at first, where a lookup is possible', findings.unknownAtFirst],
        ['OUTCOME_UNKNOWN at last, where a lookup is possible', unknown],
        ['OUTCOME_UNKNOWN of writes that cannot be looked up', findings.unresolvableUnknown],
        ...[...findings.codes].toSorted(([one], [other]) => one.localeCompare(other)),
      ],
    ),
  );
  for (const { name, broken } of duties) {
    write(`${broken.length === 0 ? 'kept  ' : 'BROKEN'}  ${name}`);
    for (const text of broken.slice(0, 20)) write(`          ${text}`);
  }
  return duties.every(({ broken }) => broken.length === 0);
}

/** Makes random writes with faults at two instances on one Redis, some of which are killed; false if a promise was not kept. */
export async function soakWrites(count: number): Promise<boolean> {
  if (!hasRedis) {
    process.stdout.write('There is no redis-server here: no random writes.\n');
    return true;
  }
  const redis = await startRedis();
  const simulator = await startSimulatorProcess();
  let fleet: Awaited<ReturnType<typeof createFleet>> | undefined;
  try {
    const upstream = { url: simulator.innerUrl, key: simulator.key };
    const account = await readAccount(upstream);
    const seed = Math.floor(Math.random() * 2 ** 31);
    process.stdout.write(`Random writes with seed ${seed}\n`);
    const random = createRandom(seed);
    fleet = await createFleet(
      {
        HELPCRUNCH_API_KEY: simulator.key,
        HELPCRUNCH_API_URL: simulator.url,
        HELPCRUNCH_RATE_LIMIT: '0',
        UPSTREAM_TIMEOUT_MS: '2000',
        // Enough for a mutation with a key to be looked up and sent again within one request.
        OPERATION_TIMEOUT_MS: '15000',
        REDIS_URL: redis.url,
        MUTATIONS: 'all',
      },
      () => random.next(),
    );
    await simulator.order({ kind: 'behave', change: { faults: writeFaults(faultShare) } });
    const startedAt = performance.now();
    const findings = await runWrites({
      account,
      fleet,
      random,
      count,
      workers,
      kills,
      prefix: `soak-${seed}`,
    });
    const seconds = (performance.now() - startedAt) / 1000;
    await simulator.order({ kind: 'behave', change: { faults: [] } });
    const eventNames = (await simulator.order({ kind: 'eventNames' })) as readonly string[];
    return report(findings, await findings.ledger.verify(upstream, eventNames), seconds);
  } finally {
    await fleet?.stop();
    await simulator.stop();
    await redis.stop();
  }
}
