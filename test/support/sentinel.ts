import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { documentedSentinelPermissions } from './permissions.ts';
import { freePort, startRedis } from './redis.ts';

export const hasSentinel = spawnSync('redis-sentinel', ['--version']).status === 0;

export const sentinelUsername = 'gateway';
export const sentinelPassword = 'password-of-sentinel';

/** A primary named `main`, its replica, and a sentinel. Each server gets the settings. */
export async function startSentinel(settings: readonly string[] = []) {
  const primary = await startRedis(settings);
  const replica = await startRedis([...settings, '--replicaof', '127.0.0.1', `${primary.port}`]);
  const isLinked = async () =>
    String(await replica.command('INFO', 'replication')).includes('master_link_status:up');
  while (!(await isLinked()));

  const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `requirepass ${sentinelPassword}`,
    `user ${sentinelUsername} on >${sentinelPassword} ${documentedSentinelPermissions()}`,
    `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
    'sentinel down-after-milliseconds main 60000',
    'sentinel failover-timeout main 3000',
  ];
  await writeFile(file, lines.join('\n'));
  const sentinel = spawn('redis-sentinel', [file], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface(sentinel.stdout)) {
    if (line.includes('+monitor')) break;
  }
  sentinel.stdout.resume();

  const client = new Redis(port, '127.0.0.1', { password: sentinelPassword });
  const hasReplica = async () =>
    String(await client.call('SENTINEL', 'REPLICAS', 'main')).includes('master-link-status,ok');
  while (!(await hasReplica()));

  return {
    port,
    primary,
    replica,
    /** What the sentinel denied to its users. */
    denied: () => client.call('ACL', 'LOG'),
    /** A primary that does not respond for this long is replaced. Before, none is, however busy the machine is. */
    async replacePrimaryAfter(milliseconds: number) {
      await client.call('SENTINEL', 'SET', 'main', 'down-after-milliseconds', milliseconds);
    },
    async [Symbol.asyncDispose]() {
      client.disconnect();
      const gone = once(sentinel, 'exit');
      sentinel.kill('SIGKILL');
      await gone;
      await Promise.all([primary[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
      await rm(directory, { recursive: true });
    },
  };
}
