import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import type { TestCertificates } from './certificates.ts';
import { documentedSentinelPermissions } from './permissions.ts';
import { freePort, startRedis } from './redis.ts';

export const hasSentinel = spawnSync('redis-sentinel', ['--version']).status === 0;

export const sentinelUsername = 'gateway';
export const sentinelPassword = 'password-of-sentinel';

interface SentinelOptions {
  /** The files of `createCertificates`: sentinel and servers then announce their TLS ports only. */
  readonly certificates?: TestCertificates | undefined;
}

const tlsFiles = ({ path }: TestCertificates) => ({
  'tls-ca-cert-file': path('authority.pem'),
  'tls-cert-file': path('server.pem'),
  'tls-key-file': path('server.key'),
  'tls-auth-clients': 'yes',
  'tls-replication': 'yes',
});

/** A primary named `main`, its replica, and a sentinel. Each server gets the settings. */
export async function startSentinel(
  settings: readonly string[] = [],
  { certificates }: SentinelOptions = {},
) {
  const tls: Readonly<Record<string, string>> =
    certificates === undefined ? {} : tlsFiles(certificates);
  const tlsArguments = Object.entries(tls).flatMap(([name, value]) => [`--${name}`, value]);
  const startServer = async (...further: readonly string[]) => {
    const port = await freePort();
    const tlsPort = certificates === undefined ? [] : ['--tls-port', `${port}`, ...tlsArguments];
    const server = await startRedis([...settings, ...tlsPort, ...further]);
    return { ...server, announcedPort: certificates === undefined ? server.port : port };
  };
  const primary = await startServer();
  const replica = await startServer('--replicaof', '127.0.0.1', `${primary.announcedPort}`);
  const isLinked = async () =>
    String(await replica.command('INFO', 'replication')).includes('master_link_status:up');
  while (!(await isLinked()));

  const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  const lines = [
    certificates === undefined ? `port ${port}` : `port 0\ntls-port ${port}`,
    ...Object.entries(tls).map(([name, value]) => `${name} ${value}`),
    'bind 127.0.0.1',
    `dir ${directory}`,
    `requirepass ${sentinelPassword}`,
    `user ${sentinelUsername} on >${sentinelPassword} ${documentedSentinelPermissions()}`,
    `sentinel monitor main 127.0.0.1 ${primary.announcedPort} 1`,
    'sentinel down-after-milliseconds main 60000',
    'sentinel failover-timeout main 3000',
  ];
  await writeFile(file, lines.join('\n'));
  const sentinel = spawn('redis-sentinel', [file], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface(sentinel.stdout)) {
    if (line.includes('+monitor')) break;
  }
  sentinel.stdout.resume();

  const client = new Redis(port, '127.0.0.1', {
    password: sentinelPassword,
    ...(certificates && { tls: await certificates.clientFiles() }),
  });
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
