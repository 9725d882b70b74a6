// Starts the gateway on its simulator, a shop, and a router in front of both, each in its own process.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const root = new URL('../../', import.meta.url);
const secret = randomBytes(32).toString('base64url');
const children: ChildProcess[] = [];
const stopping = new AbortController();

function stop(exitCode: number): void {
  if (stopping.signal.aborted) return;
  stopping.abort();
  process.exitCode = exitCode;
  for (const child of children) child.kill('SIGTERM');
}

/** Starts a process and returns the URL that it prints when it is ready. */
async function start(file: string, env: Readonly<Record<string, string>>, args: string[] = []) {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  child.once('exit', (code) => stop(code ?? 1));
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /(?:GraphQL|listening on) +(http:\S+)/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error(`${file} exited before it was ready.`);
}

process.once('SIGTERM', () => stop(0)).once('SIGINT', () => stop(0));

const trusted = { ROUTER_SECRET: secret, NODE_ENV: 'development' };

try {
  const [helpdesk, shop] = await Promise.all([
    start('src/main.ts', {
      ...{ ...trusted, SUBGRAPH: 'true', ROUTER_ONLY: 'true' },
      ...{ PORT: '0', HELPCRUNCH_API_KEY: '' },
    }),
    start('examples/supergraph/shop.ts', { PORT: '0' }),
  ]);
  const router = await start('examples/supergraph/router.ts', trusted, [
    `helpdesk=${helpdesk}`,
    `shop=${shop}`,
  ]);
  process.stdout.write(
    `
Supergraph example
  router    ${router}
  helpdesk  ${helpdesk} (router only)
  shop      ${shop}

Users of the shop with their support profiles, one upstream call in total:

  curl ${router} -H 'content-type: application/json' \\
    -d '{"query":"{ users(first: 100) { name supportProfile { id name company tags { name } orders { id totalCents } } } }"}'

Control-C stops it.
`,
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
} catch (error) {
  if (!stopping.signal.aborted)
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
  stop(1);
}
