import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { parse } from 'yaml';
import { redisPattern } from '../../src/redis/keys.ts';

/** Where it is not, the tests in `describeWithRedis` are skipped, and the reporter says so at the end. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A real Redis of the test's own, that keeps nothing over a restart unless the settings say so. */
export async function startRedis(settings: readonly string[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-redis-'));
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];

  async function launch(): Promise<ChildProcess> {
    const arguments_ = [...place, '--save', '', '--appendonly', 'no', ...settings];
    const server = spawn('redis-server', arguments_, { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const line of createInterface(server.stdout)) {
      if (line.includes('Ready to accept connections')) break;
    }
    server.stdout.resume();
    return server;
  }

  let server: ChildProcess | undefined = await launch();

  async function kill() {
    if (server === undefined) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    server = undefined;
  }

  async function command(name: string, ...values: (string | number)[]): Promise<any> {
    const client = new Redis(port, '127.0.0.1');
    try {
      return await client.call(name, ...values);
    } finally {
      client.disconnect();
    }
  }

  /** The value of a key of any type, as text. */
  async function textOf(key: string): Promise<string> {
    const type = await command('TYPE', key);
    if (type === 'string') return String(await command('GET', key));
    if (type === 'hash') return String(await command('HGETALL', key));
    if (type === 'list') return String(await command('LRANGE', key, 0, -1));
    if (type === 'set') return String(await command('SMEMBERS', key));
    return String(await command('ZRANGE', key, 0, -1));
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    textOf,
    /** Ends it at once, as a crash would. */
    kill,
    /** Starts it again on the same port. */
    async restart() {
      await kill();
      server = await launch();
    },
    /** Leaves its connections open but answers nothing until `resume`. */
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
    /** Resolves once this many instances receive messages. */
    async listenedBy(count: number, keyPrefix = '') {
      const fences = `${keyPrefix}${redisPattern('fence')}:*`;
      while ((await command('PUBSUB', 'CHANNELS', fences)).length !== count);
    },
    async [Symbol.asyncDispose]() {
      server?.kill('SIGCONT');
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export type TestRedis = Awaited<ReturnType<typeof startRedis>>;

/** With the arguments of compose.yaml: it keeps what it has stored over a crash and a restart. */
export async function startPersistentRedis(): Promise<TestRedis> {
  const text = await readFile(new URL('../../compose.yaml', import.meta.url), 'utf8');
  const { command } = parse(text).services.redis;
  return startRedis(command.replaceAll('"', '').split(' ').slice(1));
}
