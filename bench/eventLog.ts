import { randomUUID } from 'node:crypto';
import type { DomainEvent } from '../src/events/bus.ts';
import { EventLog, maxLoggedEvents } from '../src/events/eventLog.ts';
import { parseEventMessage, formatEventMessage } from '../src/events/eventMessage.ts';
import { LocalEventBus } from '../src/events/localBus.ts';
import { RedisEventBus } from '../src/events/redisBus.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLog } from '../src/observability/log.ts';
import { RedisConnections } from '../src/redis/connection.ts';
import { redisKey } from '../src/redis/keys.ts';
import type { TestRedis } from '../test/support/redis.ts';
import { startPersistentRedis } from '../test/support/redis.ts';
import { formatTable } from './table.ts';

const events = 5_000;
const rounds = 3;
const account = 'acme';

const eventAt = (index: number): DomainEvent => ({
  kind: 'chat',
  chatId: String(1_000_000 + index),
  change: 'MESSAGE',
  atMs: Date.now(),
  customerId: String(2_000_000 + index),
  assigneeId: '12',
  departmentId: '3',
});

interface Bus {
  publish(account: string, event: DomainEvent): void;
}

/** Publishes and receives events without logging them in Redis. */
function createPlainBus(local: LocalEventBus, redis: RedisConnections): Bus {
  redis.subscribe('event', {
    onMessage(name, text) {
      const message = parseEventMessage(text);
      if (message?.content === undefined) return;
      local.deliver(name, { ...message.content, eventId: message.eventId });
    },
    onSubscribed: () => undefined,
  });
  return {
    publish(name, event) {
      const message = formatEventMessage(redis.instanceId, local.nextId(), event);
      const channel = redis.channel(name, 'event');
      void redis.tryCommand((client) => client.publish(channel, message));
    },
  };
}

interface Cost {
  readonly gatewayUs: number;
  readonly redisUs: number;
}

async function redisCpuUs(server: TestRedis): Promise<number> {
  const info = String(await server.command('INFO', 'cpu'));
  const fields = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)];
  return fields.reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0);
}

/** The cost of an event that an instance publishes and delivers to one subscriber. */
async function measure(server: TestRedis, isLogged: boolean): Promise<Cost> {
  const local = new LocalEventBus(systemClock);
  const redis = new RedisConnections({
    ...{ url: server.url, timeoutMs: 5_000, account, clock: systemClock, log: silentLog },
  });
  const bus = isLogged ? new RedisEventBus(local, redis) : createPlainBus(local, redis);
  const controller = new AbortController();
  const received = (isLogged && bus instanceof RedisEventBus ? bus : local).subscribe(
    account,
    () => true,
    controller.signal,
  );
  await server.listenedBy(1);
  while (redis.hasProblem('commands') || redis.hasProblem('subscription'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const publishAll = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      bus.publish(account, eventAt(index));
      await received.next();
    }
  };
  await publishAll(events / 5);
  const [before, redisBefore] = [process.cpuUsage(), await redisCpuUs(server)];
  await publishAll(events);
  const { user, system } = process.cpuUsage(before);
  const redisUs = ((await redisCpuUs(server)) - redisBefore) / events;
  controller.abort();
  redis.close();
  await server.listenedBy(0);
  return { gatewayUs: (user + system) / events, redisUs };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** The bytes of a full log, in Redis and in an instance. */
async function measureMemory(server: TestRedis): Promise<readonly [redis: number, heap: number]> {
  const stored = Number(
    await server.command('MEMORY', 'USAGE', redisKey(account, 'log'), 'SAMPLES', 0),
  );
  const length = Number(await server.command('LLEN', redisKey(account, 'log')));
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const log = new EventLog(systemClock);
  for (let index = 0; index < maxLoggedEvents; index += 1)
    log.append({ ...eventAt(index), eventId: randomUUID() });
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed - before;
  return [(stored / length) * maxLoggedEvents, log.head > 0 ? heap : 0];
}

/** The CPU time of a published event with and without the log in Redis, and the memory of a full log. */
export async function runEventLog(): Promise<boolean> {
  await using server = await startPersistentRedis();
  const costs: Record<'with' | 'without', Cost[]> = { with: [], without: [] };
  for (let round = 0; round < rounds; round += 1) {
    costs.without.push(await measure(server, false));
    costs.with.push(await measure(server, true));
  }
  const costOf = (name: 'with' | 'without', key: keyof Cost) =>
    median(costs[name].map((cost) => cost[key]));
  const row = (name: string, key: keyof Cost) => {
    const [logged, plain] = [costOf('with', key), costOf('without', key)];
    return [name, plain.toFixed(0), logged.toFixed(0), (logged / plain).toFixed(2)];
  };
  const [stored, heap] = await measureMemory(server);
  const head = ['CPU of a published event', 'without log µs', 'with log µs', 'ratio'];
  const rows = [row('gateway', 'gatewayUs'), row('Redis', 'redisUs')];
  const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
  process.stdout.write(
    `${formatTable(head, rows)}\n\nA full log takes ${mebibytes(stored)} MiB in Redis and ${mebibytes(heap)} MiB in an instance.\n`,
  );
  return true;
}
