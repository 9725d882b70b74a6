// Runs Apollo's published subgraph compatibility suite against our subgraph layer. Needs the network.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The suite, and what its compiled tests import; its other dependencies download programs that cannot be had from npm. */
const packages = ['jest@29', 'make-fetch-happen@11', 'debug@4', 'graphql@16'];
const suiteName = '@apollo/federation-subgraph-compatibility-tests@1.2.1';

/** Each with the port that the suite expects. */
const asks = { router: 4000, products: 4001, users: 4002, inventory: 4003 };

const folder = mkdtempSync(join(tmpdir(), 'compatibility-'));
const children = [];

function run(command, args, options = {}) {
  const { status } = spawnSync(command, args, { cwd: folder, stdio: 'inherit', ...options });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed.`);
}

function start(args, env, cwd = process.cwd()) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.push(child);
}

async function answers(port) {
  for (let tries = 0; tries < 300; tries += 1) {
    const response = await fetch(`http://localhost:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    }).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`No server responds on port ${port}.`);
}

try {
  run('npm', ['init', '--yes'], { stdio: 'ignore' });
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages]);
  run('npm', ['pack', suiteName], { stdio: 'ignore' });
  run('sh', ['-c', 'tar xzf *.tgz']);
  const suite = join(folder, 'package');

  start(['--import', 'tsx', 'test/support/productsServer.ts'], { PORT: String(asks.products) });
  for (const name of ['users', 'inventory']) {
    start(['index.js'], {}, join(suite, 'dist', 'subgraphs', name));
  }
  await Promise.all([asks.products, asks.users, asks.inventory].map(answers));
  const subgraphs = ['products', 'users', 'inventory'].map(
    (name) => `${name}=http://localhost:${asks[name]}/`,
  );
  start(['--import', 'tsx', 'examples/supergraph/router.ts', ...subgraphs], {
    PORT: String(asks.router),
  });
  await answers(asks.router);
  run('node_modules/.bin/jest', [
    '--ci',
    '--rootDir',
    'package',
    '--testEnvironment',
    'node',
    'dist/tests',
  ]);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(
    children.map((child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      return child.exitCode === null ? ended : undefined;
    }),
  );
  rmSync(folder, { recursive: true, force: true });
}
