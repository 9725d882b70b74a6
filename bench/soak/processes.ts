import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A Redis that keeps nothing over a restart. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'helpcrunch-soak-'));
  const port = await freePort();

  async function launch(): Promise<ChildProcess> {
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    const child = spawn('redis-server', [...place, '--save', '', '--appendonly', 'no'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for await (const line of createInterface(child.stdout)) {
      if (line.includes('Ready to accept connections')) break;
    }
    child.stdout.resume();
    return child;
  }

  let child = await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    async restart() {
      await end(child);
      child = await launch();
    },
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Holding {
  readonly heapUsed: number;
  readonly rss: number;
  readonly cpuMs: number;
  /** What keeps the process alive, by kind. */
  readonly held: Readonly<Record<string, number>>;
}

/** What `holding` needs. */
const withProbe = [
  '--expose-gc',
  '--import',
  fileURLToPath(new URL('probe.mjs', import.meta.url)),
] as const;

/** The built gateway as it is started in production. */
export async function startGatewayProcess(
  settings: Readonly<Record<string, string>>,
  flags: readonly string[] = withProbe,
) {
  const child = spawn(process.execPath, [...flags, 'dist/main.js'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      METRICS_PORT: '0',
      NODE_ENV: 'production',
      ALLOW_UNAUTHENTICATED: 'true',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('The gateway cannot be heard.');
  const complaints: string[] = [];
  child.once('exit', (code, signal) => complaints.push(`ended: ${code ?? signal}`));
  createInterface(stderr).on('line', (line) => {
    // Debug and information are no complaints; of the rest a hundred tell enough.
    if (!/"level":[123]0/.test(line) && complaints.length < 100) complaints.push(line);
  });
  let url: string | undefined;
  let metricsUrl: string | undefined;
  for await (const line of createInterface(stdout)) {
    url ??= /GraphQL +(http:\S+)\/graphql/.exec(line)?.[1];
    metricsUrl = /metrics +(http:\S+)/.exec(line)?.[1];
    if (metricsUrl !== undefined) break;
  }
  stdout.resume();
  if (url === undefined || metricsUrl === undefined)
    throw new Error(`The gateway did not start: ${complaints.join('\n')}`);
  const origin = url;
  const scraped = metricsUrl;
  return {
    url: origin,
    pid: child.pid,
    complaints,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    /** What it holds when all garbage is gone. */
    async holding(): Promise<Holding> {
      const answer = once(child, 'message');
      child.send('collect');
      const [holding] = (await answer) as [Holding];
      return holding;
    },
    /** Each gauge and counter by its name and labels. */
    async figures(): Promise<ReadonlyMap<string, number>> {
      const response = await fetch(scraped, { headers: { connection: 'close' } });
      const lines = (await response.text()).split('\n').filter((line) => !line.startsWith('#'));
      return new Map(
        lines.map((line) => {
          const end = line.lastIndexOf(' ');
          return [line.slice(0, end), Number(line.slice(end + 1))];
        }),
      );
    },
    /** Asks it to stop; gives its exit code. */
    async stop(): Promise<number | null> {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? -1;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
      const [code] = (await ended) as [number | null];
      clearTimeout(patience);
      return code;
    },
    kill: () => end(child),
  };
}

export type GatewayProcess = Awaited<ReturnType<typeof startGatewayProcess>>;
