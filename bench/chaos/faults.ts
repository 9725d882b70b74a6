import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './world.ts';

/** Something that goes wrong for a time. */
export interface ChaosFault {
  readonly name: string;
  /** How long it lasts, in seconds: as long as its alerts need, or longer. */
  readonly minSeconds: number;
  /** The alerts that must fire, and no others. */
  readonly alerts: readonly string[];
  /** Whether operations of clients may fail. */
  readonly mayFail?: true;
  start(world: World): unknown;
  end?(world: World): unknown;
}

const primaryOf = ({ redis, isFailedOver }: World) =>
  isFailedOver ? redis.replica : redis.primary;

const textOf = async (url: string) => (await fetch(url)).text();

const oneHourMs = 3_600_000;

const forge = async (url: string) => {
  const headers = { 'content-type': 'application/json', 'x-helpcrunch-signature': '0'.repeat(40) };
  const request = { method: 'POST', headers, body: '{"event":"chat.new"}' };
  await fetch(`${url}/webhooks/helpcrunch`, request);
};

export const faults: readonly ChaosFault[] = [
  {
    name: 'kill -9 of an instance',
    minSeconds: 25,
    alerts: ['GatewayDown'],
    start: ({ instances: [, b] }) => b.end('SIGKILL'),
    end: ({ instances: [, b] }) => b.start(),
  },
  {
    name: 'SIGSTOP of an instance',
    minSeconds: 25,
    alerts: ['GatewayDown'],
    start: ({ instances: [a] }) => a.send('SIGSTOP'),
    end: ({ instances: [a] }) => a.send('SIGCONT'),
  },
  {
    name: 'full disk under the log of an instance',
    minSeconds: 20,
    alerts: ['LogLinesLost'],
    async start({ instances: [, b] }) {
      await b.end('SIGTERM');
      await b.start({ isDiskFull: true });
    },
    async end({ instances: [, b] }) {
      await b.end('SIGTERM');
      await b.start();
    },
  },
  {
    name: 'clock of an instance set forwards by an hour, and back',
    minSeconds: 20,
    alerts: [],
    start: ({ instances: [a] }) => a.setClock(oneHourMs),
    end: ({ instances: [a] }) => a.setClock(0),
  },
  {
    name: 'clock of an instance set back by an hour, and forwards',
    minSeconds: 20,
    alerts: [],
    start: ({ instances: [, b] }) => b.setClock(-oneHourMs),
    end: ({ instances: [, b] }) => b.setClock(0),
  },
  {
    name: 'Redis does not respond',
    minSeconds: 30,
    alerts: ['RedisAway'],
    start: (world) => primaryOf(world).pause(),
    end: (world) => primaryOf(world).resume(),
  },
  {
    name: 'failover of Redis',
    minSeconds: 20,
    alerts: [],
    async start(world) {
      world.isFailedOver = true;
      await world.redis.replacePrimaryAfter(500);
      await world.redis.primary.kill();
    },
    end: ({ redis }) => redis.replacePrimaryAfter(60_000),
  },
  {
    name: 'FLUSHALL of Redis',
    minSeconds: 20,
    alerts: ['PermitsLost'],
    start: (world) => primaryOf(world).command('FLUSHALL'),
  },
  {
    name: 'brown-out of HelpCrunch',
    minSeconds: 80,
    alerts: ['CircuitBreakerOpen', 'HelpdeskFailing'],
    mayFail: true,
    start({ simulator }) {
      simulator.behave({ faults: [{ rate: 0.95, fault: { kind: 'status', status: 503 } }] });
    },
    async end({ simulator, instances }) {
      simulator.behave({ faults: [] });
      // The circuit breakers close with the next successful call.
      for (const { metricsUrl } of instances) {
        const isOpen = async () =>
          /^helpcrunch_circuit_breakers_open [^0]/m.test(await textOf(metricsUrl));
        const endsAt = Date.now() + 60_000;
        while (await isOpen()) {
          if (Date.now() > endsAt) throw new Error('A circuit breaker stays open.');
          await sleep(500);
        }
      }
    },
  },
  {
    name: 'forged webhooks',
    minSeconds: 50,
    alerts: ['WebhooksRejected'],
    async start({ instances: [a] }) {
      for (let count = 0; count < 30; count += 1) await forge(a.url);
    },
  },
];
