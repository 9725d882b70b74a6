import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DisposerStack } from '../../src/lib/disposerStack.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { freePort } from '../../test/support/redis.ts';
import { sentinelPassword, startSentinel } from '../../test/support/sentinel.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const settableClock = new URL('settableClock.mjs', import.meta.url).href;
export const webhookSecret = 'the signing key of the chaos run';

/** A gateway process that can be replaced at its ports. */
export class Instance {
  readonly name: string;
  readonly url: string;
  readonly metricsUrl: string;
  readonly #environment: Readonly<Record<string, string>>;
  #child: ReturnType<typeof spawn> | undefined;

  constructor(name: string, ports: readonly [number, number], settings: Record<string, string>) {
    const [port, metricsPort] = ports;
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
    this.#environment = {
      ...settings,
      PATH: process.env['PATH'] ?? '',
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
    };
  }

  /** Starts the process, whose log is lost on a full disk. */
  async start({ isDiskFull = false } = {}): Promise<void> {
    const log = openSync(isDiskFull ? '/dev/full' : '/dev/null', 'w');
    this.#child = spawn(process.execPath, ['--import', settableClock, 'dist/main.js'], {
      cwd: root,
      env: this.#environment,
      stdio: ['ignore', 'ignore', log, 'ipc'],
    });
    closeSync(log);
    while (!(await this.#isReady()));
  }

  send(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Sets the wall clock of the process. */
  async setClock(aheadMs: number): Promise<void> {
    if (this.#child === undefined) throw new Error('The instance does not run.');
    const replied = once(this.#child, 'message');
    this.#child.send({ aheadMs });
    const now: unknown = (await replied)[0];
    if (Math.abs(Number(now) - Date.now() - aheadMs) > 60_000)
      throw new Error('The clock was not set.');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  #isReady(): Promise<boolean> {
    return fetch(`${this.url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

export interface World {
  readonly simulator: Simulator;
  readonly redis: Awaited<ReturnType<typeof startSentinel>>;
  readonly instances: readonly [Instance, Instance];
  /** Whether the first primary of Redis was replaced. */
  isFailedOver: boolean;
  dispose(): Promise<void>;
}

/** Two gateways on a Redis with a replica and Sentinel, in front of the simulator with its rate limit. */
export const startWorld = (): Promise<World> =>
  DisposerStack.use(async (resources) => {
    const redis = await startSentinel();
    resources.defer(() => redis[Symbol.asyncDispose]());
    const simulator = await startSimulator();
    resources.defer(() => simulator.close());
    const settings = {
      HELPCRUNCH_API_KEY: simulator.key,
      HELPCRUNCH_API_URL: simulator.url,
      HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
      ALLOW_UNAUTHENTICATED: 'true',
      REQUEST_RATE_LIMIT: '0',
      AUTH_FAILURE_LIMIT: '0',
      SHUTDOWN_DELAY_MS: '0',
      REDIS_URL: `redis-sentinel://127.0.0.1:${redis.port}/main`,
      REDIS_SENTINEL_PASSWORD: sentinelPassword,
    };
    const create = async (name: string) => {
      const instance = new Instance(name, [await freePort(), await freePort()], settings);
      resources.defer(() => instance.end('SIGKILL'));
      await instance.start();
      return instance;
    };
    const instances = [await create('a'), await create('b')] as const;
    return { simulator, redis, instances, isFailedOver: false, dispose: () => resources.dispose() };
  });
