import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Random } from '../../src/simulator/random.ts';
import { signatureOf } from '../support/webhooks.ts';
import { Draws } from './draws.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResponse } from './oracle.ts';
import type { EntryPoint, Facts, Session } from './session.ts';
import { send } from './session.ts';
import { subscribeToAll } from './subscriber.ts';
import { secrets } from './targets.ts';
import { compact, mutateJson, mutateText, oddKey } from './values.ts';
import { deliveryOf } from './webhooks.ts';

interface RedisCase {
  readonly kind: 'publish' | 'set' | 'retype';
  /** Which of the recorded messages or of the keys, as a share of all. */
  readonly at: number;
  /** The draws of the mutation: it applies to what the gateway has written itself. */
  readonly mutation: readonly number[];
  readonly type: 'list' | 'hash' | 'zset' | 'stream';
}

const generate = (random: Random): RedisCase => ({
  kind: random.weighted([
    ['publish', 6],
    ['set', 5],
    // After a command that fails Redis is left alone for a second, and nothing else of the batch is read.
    ['retype', 0.1],
  ]),
  at: random.next(),
  mutation: Array.from({ length: 60 }, () => random.next()),
  type: random.pick(['list', 'hash', 'zset', 'stream']),
});

/** Values are JSON, or JSON after a mark; messages are JSON, or words. */
export function mutateStored(random: Random, text: string): string {
  const start = /^[^{["]{0,80}(?=[{[])/.exec(text)?.[0].length;
  if (start === undefined) {
    return random.isLucky(0.5)
      ? mutateText(random, text)
      : random.pick(['', '{}', 'null', '0', 'x y z']);
  }
  return random.isLucky(0.05)
    ? mutateText(random, text)
    : text.slice(0, start) + mutateJson(random, text.slice(start));
}

interface Recorded {
  readonly channel: string;
  readonly message: string;
}

/** What this gateway has said may come from another instance as well: instances name themselves. */
const fromAnother = (random: Random, message: string): string =>
  random.isLucky(0.8)
    ? message.replace(
        /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
        '00000000-0000-4000-8000-000000000000',
      )
    : message;

const applied = new WeakMap<RedisCase, string>();

async function apply(input: RedisCase, redis: Redis, messages: readonly Recorded[]): Promise<void> {
  const random = new Draws(input.mutation);
  const note = (...words: readonly string[]) =>
    applied.set(input, words.map((word) => JSON.stringify(compact(word))).join(' '));
  if (input.kind === 'publish') {
    // Some channels carry a message with each operation, and others one a day.
    const channels = [...new Set(messages.map(({ channel }) => channel))].sort();
    const channel = random.pick(channels);
    const candidates = messages.filter((message) => message.channel === channel);
    const recorded = candidates[Math.floor(input.at * candidates.length)];
    if (recorded === undefined) return;
    const message = mutateStored(random, fromAnother(random, recorded.message));
    note('PUBLISH', recorded.channel, message);
    await redis.publish(recorded.channel, message);
    return;
  }
  const keys = (await redis.keys('*')).sort();
  const key = keys[Math.floor(input.at * keys.length)];
  if (key === undefined) return;
  if (input.kind === 'retype') {
    await redis.del(key);
    note('DEL', key, `and a ${input.type} there`);
    if (input.type === 'list') await redis.lpush(key, oddKey(random));
    else if (input.type === 'hash') await redis.hset(key, oddKey(random), 'x');
    else if (input.type === 'zset')
      await redis.zadd(key, String(random.integer(0, 9)), oddKey(random));
    else await redis.xadd(key, '*', 'x', 'y');
    return;
  }
  const type = await redis.type(key);
  if (type === 'string') {
    const value = mutateStored(random, (await redis.get(key)) ?? '');
    note('SET', key, value, 'KEEPTTL');
    await redis.set(key, value, 'KEEPTTL');
  } else if (type === 'hash') {
    const [field = 'x', value = ''] = Object.entries(await redis.hgetall(key))[0] ?? [];
    const mutated = mutateStored(random, value);
    note('HSET', key, field, mutated);
    await redis.hset(key, field, mutated);
  } else if (type === 'zset') {
    const member = mutateStored(random, (await redis.zrange(key, '0', '0'))[0] ?? '');
    const score = random.pick(['0', 'inf', '-inf', '1e300', String(Date.now())]);
    note('ZADD', key, score, member);
    await redis.zadd(key, score, member);
  }
}

/** Reads what the account has, so that it is known to the cache. */
const reads = [
  '{ chats(first: 5) { totalCount nodes { id status customer { id name tags { name } } assignee { name } messages(first: 3) { nodes { id text } } } } }',
  '{ agents { id name } departments { id name agents { id } } organization { id domain } applications { id name } }',
  '{ customers(first: 5) { nodes { id name email customData chats(first: 2) { nodes { id status } } } } }',
];

/** Reads without a list, which find single entries. */
const singleReads = ({ ids, customers }: Facts): readonly string[] => [
  `{ ${(ids['chat'] ?? [])
    .slice(0, 3)
    .map(
      (id, index) =>
        `c${index}: chat(id: ${id}) { id status lastMessageText customer { name } messages(first: 3) { nodes { text } } }`,
    )
    .join(' ')} }`,
  `{ ${customers
    .slice(0, 3)
    .map(({ id }, index) => `c${index}: customer(id: ${id}) { id name phone }`)
    .join(' ')} }`,
];

async function read(session: Session): Promise<readonly Fault[]> {
  const credentials = await session.authorization({ role: 'agent' });
  const faults: Fault[] = [];
  for (const query of [...singleReads(session.facts), ...reads]) {
    const response = await send(session.target.url, {
      method: 'POST',
      path: '/graphql',
      headers: { ...credentials, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    if (response !== undefined) faults.push(...faultsOfResponse(response));
  }
  return faults;
}

let deliveries = 0;

/** A delivery of now, of one kind: the gateway announces it to all instances. */
async function deliver(session: Session, kind: number): Promise<readonly Fault[]> {
  deliveries += 1;
  // None twice, as the second would not be announced.
  const draws = [kind, 0, 0, 0, 0, 0, 0, (deliveries % 1_000_000) / 1_000_000];
  const body = deliveryOf(new Draws(draws), session.facts, Date.now());
  const response = await send(session.target.url, {
    method: 'POST',
    path: '/webhooks/helpcrunch',
    headers: {
      'content-type': 'application/json',
      'x-helpcrunch-signature': signatureOf(body, secrets.webhook),
    },
    body,
  });
  return response === undefined ? [] : faultsOfResponse(response);
}

const listenersOf = async (redis: Redis): Promise<readonly string[]> =>
  [...String(await redis.client('LIST')).matchAll(/^id=(\d+).* sub=[1-9]/gm)].map(
    ([, id = '']) => id,
  );

/** What a gateway holds itself may have changed while its connection was away, so it reads from Redis afterwards. */
async function cutListeners(redis: Redis): Promise<void> {
  const ids = await listenersOf(redis);
  for (const id of ids) await redis.client('KILL', 'ID', id).catch(() => undefined);
  for (let tries = 0; tries < 40; tries += 1) {
    if ((await listenersOf(redis)).length >= ids.length) return;
    await pause(25);
  }
}

/** Of a chat, of a customer and of a message, as shares of all events. */
const kindsOfDelivery = [0.1, 0.45, 0.7];

/** Messages and entries of the gateway's own, with wrong shapes, as another version or program may leave them. */
export const redis: EntryPoint<RedisCase> = {
  name: 'redis',
  targets: ['production'],
  needsRedis: true,
  batchSize: 16,
  generate,
  describe: (input) => applied.get(input) ?? `${input.kind} of nothing`,
  async run(cases, session) {
    if (session.redis === undefined) return [];
    const client = new Redis(session.redis.port, '127.0.0.1');
    const recorder = new Redis(session.redis.port, '127.0.0.1');
    client.on('error', () => undefined);
    recorder.on('error', () => undefined);
    const messages: Recorded[] = [];
    try {
      await recorder.psubscribe('*');
      recorder.on('pmessage', (_pattern: string, channel: string, message: string) => {
        messages.push({ channel, message });
      });
      // As after a start: nothing is known, in Redis or in the gateway.
      await client.flushall();
      await cutListeners(client);
      const subscriber = await subscribeToAll(session);
      const faults = [...(await read(session))];
      for (const kind of kindsOfDelivery) faults.push(...(await deliver(session, kind)));
      faults.push(...(await read(session)));
      const recorded = [...messages];
      for (const input of cases) await apply(input, client, recorded);
      await cutListeners(client);
      faults.push(...(await read(session)));
      subscriber.close();
      await client.flushall();
      return [...faults, ...subscriber.faults];
    } finally {
      client.disconnect();
      recorder.disconnect();
    }
  },
};
