import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { keyKinds } from '../../src/redis/keys.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { deliver, webhookSecret } from '../support/webhooks.ts';

const unitMs: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** The rows of the table of Redis keys: kind, personal data, TTL. */
const rows = [
  ...readFileSync(new URL('../../docs/data.md', import.meta.url), 'utf8').matchAll(
    /^\| `(\w+)` +\| [^|]+ \| (yes|no|ids) +\| [^|]*?(\d+) (minute|hour|day)s?[^|]*\|$/gm,
  ),
].map(([, kind = '', personal = '', count, unit = '']) => ({
  kind,
  personal,
  ttlMs: Number(count) * (unitMs[unit] ?? 0),
}));

const rowOf = (kind: string) => rows.find((row) => row.kind === kind);

test('docs/data.md describes every kind of key in Redis', () => {
  expect(rows.map(({ kind }) => kind).toSorted()).toEqual([...keyKinds].toSorted());
});

(hasRedis ? describe : describe.skip)('what is stored in Redis', () => {
  const email = 'private.person@shop.test';
  const userId = 'private-user';
  const name = 'Private Person';
  const text = 'A private message.';

  let redis: TestRedis;
  let simulator: Simulator;
  let gateway: Awaited<ReturnType<typeof startTestGateway>>;
  /** The keys with their remaining milliseconds and values. */
  let stored: { key: string; kind: string; ttlMs: number; value: string }[];

  beforeAll(async () => {
    [redis, simulator] = await Promise.all([startRedis(), startSimulator({ rateLimit: 0 })]);
    gateway = await startTestGateway({
      upstream: simulator,
      config: {
        auth: jwtAuth(),
        redisUrl: redis.url,
        webhookSecret,
        mutations: 'all',
        requestRateLimit: 1_000,
        authFailureLimit: 100,
        cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 300_000, absent: 5_000 },
      },
    });
    while (!(await (await fetch(`${gateway.url}/readyz`)).text()).includes('"up"'));
    const agent = await bearer({ role: 'agent', sub: email });
    const created = await gateway.query(
      `mutation { createCustomer(input: { name: "${name}", email: "${email}", userId: "${userId}" }, idempotencyKey: "${email}") { id } }`,
      {},
      agent,
    );
    const { id } = created.data.createCustomer;
    const { data } = await gateway.query(
      '{ chats(first: 1) { nodes { id } } applications { id } }',
      {},
      agent,
    );
    const chatId: string = data.chats.nodes[0].id;
    await gateway.query(
      `mutation { addChatNote(chatId: ${chatId}, text: "${text}", idempotencyKey: "${name}") { id } }`,
      {},
      agent,
    );
    await gateway.query(
      `mutation { updateCustomer(id: ${id}, input: { name: "${name}" }) { id } }`,
      {},
      agent,
    );
    await gateway.query(
      `{ customers(filter: { email: { equals: "${email}" } }) { nodes { name } } customer(id: ${id}) { name email }
        customerByUserId(userId: "${userId}") { id } chat(id: ${chatId}) { messages { nodes { text } } } inboxSummary { open } }`,
      {},
      agent,
    );
    await gateway.query(`{ viewer { role } }`, {}, await bearer({ role: 'customer', userId }));
    await gateway.query(
      `{ viewer { customer { email } } }`,
      {},
      await bearer({ role: 'customer', userId }),
    );
    await gateway.query('{ __typename }', {}, { authorization: `Bearer ${email}` });
    await deliver(gateway, {
      event: 'customer.email_updated',
      eventData: { id: Number(id), email, name, userId },
    });
    await deliver(gateway, {
      event: 'message.chat.customer',
      eventData: {
        chat_id: Number(chatId),
        customer: { id: Number(id), email },
        message: { id: 9, text },
      },
    });
    // Entries are stored asynchronously.
    let keys: string[] = [];
    while (!keys.some((key) => key.includes(':entry:Customer:'))) {
      await gateway.query(`{ customer(id: ${id}) { name } }`, {}, agent);
      keys = await redis.command('KEYS', '*');
    }
    stored = await Promise.all(
      keys.map(async (key) => ({
        key,
        kind: /^helpcrunch:\d+:\{[\w-]+\}:(\w+)/.exec(key)?.[1] ?? key,
        ttlMs: Number(await redis.command('PTTL', key)),
        value: await redis.textOf(key),
      })),
    );
  });

  afterAll(async () => {
    await gateway.stop();
    await Promise.all([redis[Symbol.asyncDispose](), simulator.close()]);
  });

  test('every key is of a documented kind and is removed after the documented time', () => {
    const kinds = new Set(stored.map(({ kind }) => kind));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        ...['entry', 'tag', 'generation', 'leases', 'window', 'instances', 'delivery'],
        ...['repetition', 'idempotency', 'requests', 'failures'],
        ...['log', 'logged', 'position'],
      ]),
    );
    for (const { key, kind, ttlMs } of stored) {
      // A key that has expired meanwhile has -2; -1 would be a key without a TTL.
      expect({ key, isLimited: ttlMs !== -1 && ttlMs <= (rowOf(kind)?.ttlMs ?? 0) }).toEqual({
        key,
        isLimited: true,
      });
    }
  });

  test('only entries contain customer data, and no name of a key does', () => {
    const secrets = [email, userId, name, text];
    const found = (content: string) => secrets.filter((secret) => content.includes(secret));

    expect(stored.flatMap(({ key }) => found(key))).toEqual([]);
    const exposed = stored.filter(({ value }) => found(value).length > 0);
    expect(new Set(exposed.map(({ kind }) => kind))).toEqual(new Set(['entry']));
    expect(rows.filter(({ personal }) => personal === 'yes').map(({ kind }) => kind)).toEqual([
      'entry',
    ]);
  });
});
