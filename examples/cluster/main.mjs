// Three gateways with one Redis behind a load balancer. Each gateway is replaced under load; the number of failed requests is printed
// at the end. With --keep the example continues to run.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBalancer } from './balancer.mjs';

if (spawnSync('redis-server', ['--version']).status !== 0) {
  process.stderr.write(
    'This example needs redis-server on the PATH. Install it (Debian: apt-get install redis-server, macOS: brew install redis) and try again.\n',
  );
  process.exit(1);
}

const clients = 20;

/** Higher than that of a real account, so that rate limiting does not look like a failed restart. */
const rateLimit = '6000';

const children = new Set();
const folder = mkdtempSync(join(tmpdir(), 'helpcrunch-cluster-'));
const say = (text) => process.stdout.write(`${text}\n`);

function start(command, args, environment = {}) {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code]) => code);
  children.add(child);
  void ended.then(() => children.delete(child));
  return { child, ended };
}

async function lineOf({ child }, pattern) {
  for await (const line of createInterface(child.stdout)) {
    const found = pattern.exec(line);
    if (found !== null) {
      child.stdout.resume();
      return found[1] ?? '';
    }
  }
  throw new Error('A process exited before it was ready.');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function startRedis() {
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const redis = start('redis-server', [...place, '--save', '', '--appendonly', 'no']);
  await lineOf(redis, /(Ready to accept connections)/);
  return `redis://127.0.0.1:${port}`;
}

async function startHelpdesk() {
  const simulator = start('node', [
    'dist/simulator/main.js',
    '--port',
    '0',
    '--latency-ms',
    '50',
    '--rate-limit',
    rateLimit,
  ]);
  return lineOf(simulator, /at (http:\S+),/);
}

async function startInstance(environment) {
  const instance = start('node', ['dist/main.js'], {
    PORT: '0',
    LOG_LEVEL: 'warn',
    HELPCRUNCH_API_KEY: 'demo',
    HELPCRUNCH_RATE_LIMIT: rateLimit,
    // Longer than the interval of the load balancer's readiness probes.
    SHUTDOWN_DELAY_MS: '2000',
    ...environment,
  });
  const url = await lineOf(instance, /metrics +(http:\S+)\/metrics/);
  return { ...instance, url };
}

const reads = [
  '{ chats(first: 20) { totalCount nodes { id status customer { name email } } } }',
  '{ customers(first: 20) { nodes { id name tags { name } } } }',
  '{ agents { id name } departments { id name } }',
];

/** Clients that send queries sequentially, with a mutation every 500 ms. */
function startLoad(url, chatIds) {
  const tally = { answered: 0, failed: 0, writes: 0, problems: new Set(), byInstance: new Map() };
  let isOver = false;
  let nextWriteAt = 0;

  function nextQuery() {
    if (performance.now() < nextWriteAt) return reads[tally.answered % reads.length];
    nextWriteAt = performance.now() + 500;
    tally.writes += 1;
    const id = chatIds[tally.writes % chatIds.length];
    return `mutation { markChatRead(id: ${id}, by: AGENT, read: ${tally.writes % 2 === 0}) { id } }`;
  }

  async function ask() {
    try {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: nextQuery() }),
      });
      if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
      const { data, errors } = await response.json();
      if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
      const instance = response.headers.get('x-instance');
      tally.byInstance.set(instance, (tally.byInstance.get(instance) ?? 0) + 1);
      tally.answered += 1;
    } catch (error) {
      tally.failed += 1;
      tally.problems.add(String(error));
    }
  }

  const running = Array.from({ length: clients }, async () => {
    while (!isOver) {
      await ask();
      await sleep(20);
    }
  });
  return {
    async stop() {
      isOver = true;
      await Promise.all(running);
      return tally;
    },
  };
}

async function callsOf({ url }) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [
    ...text.matchAll(/^helpcrunch_upstream_calls_total\{.*outcome="(\w+)"\} (\d+)$/gm),
  ];
  const sum = (wanted) =>
    counts
      .filter(([, outcome]) => wanted(outcome))
      .reduce((total, [, , count]) => total + Number(count), 0);
  return { all: sum(() => true), refused: sum((outcome) => outcome === 'rateLimited') };
}

async function run() {
  const environment = { REDIS_URL: await startRedis(), HELPCRUNCH_API_URL: await startHelpdesk() };
  const balancer = createBalancer();
  balancer.server.listen(0, '127.0.0.1');
  await once(balancer.server, 'listening');
  const url = `http://127.0.0.1:${balancer.server.address().port}`;
  const instances = await Promise.all([1, 2, 3].map(() => startInstance(environment)));
  await Promise.all(instances.map((instance) => balancer.add(instance.url)));
  say(`Three gateways behind ${url}/graphql, with one Redis and one simulator.`);

  const first = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ chats(first: 20) { nodes { id } } }"}',
  });
  const { data } = await first.json();
  const load = startLoad(
    url,
    data.chats.nodes.map(({ id }) => id),
  );
  await sleep(1_000);
  const calls = { all: 0, refused: 0 };
  const count = async (instance) => {
    const { all, refused } = await callsOf(instance);
    calls.all += all;
    calls.refused += refused;
  };
  for (const [index, old] of instances.entries()) {
    const began = performance.now();
    const fresh = await startInstance(environment);
    const readyMs = performance.now() - began;
    await balancer.add(fresh.url);
    await count(old);
    old.child.kill('SIGTERM');
    const code = await old.ended;
    balancer.remove(old.url);
    instances[index] = fresh;
    say(
      `Replaced gateway ${index + 1}: the new one was ready after ${Math.round(readyMs)} ms, the old one exited with ${code}.`,
    );
    if (code !== 0) process.exitCode = 1;
  }
  await sleep(1_000);
  const tally = await load.stop();
  await Promise.all(instances.map(count));
  say(
    `${tally.answered} requests served by ${tally.byInstance.size} gateways, ${tally.writes} of them mutations; ${tally.failed} failed.`,
  );
  say(`${calls.all} upstream calls, of which ${calls.refused} were rejected with 429.`);
  for (const problem of tally.problems) say(`  ${problem}`);
  if (tally.failed > 0 || calls.refused > 0) process.exitCode = 1;
  if (process.argv.includes('--keep')) {
    say(`Serving at ${url}/graphql until Ctrl-C is pressed.`);
    await once(process, 'SIGINT');
  }
  balancer.close();
}

try {
  await run();
} finally {
  // In reverse order, so that no gateway loses its Redis.
  for (const child of [...children].reverse()) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
