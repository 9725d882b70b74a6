import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { startTwoCustomers } from '../support/twoCustomers.ts';

const { quotas } = readConfig({});
const config = { auth: jwtAuth(), rateLimit: 120, quotas };
const operationTimeoutMs = 10_000;
const worker = { role: 'agent', agentId: 12 };
const script = { role: 'agent', agentId: 13 };
const customer = (customerId: number) => ({ role: 'customer', customerId });

/** One upstream call for each chat. */
const chats = (count: number, from = 1) =>
  `{ ${Array.from({ length: count }, (_, index) => `c${index}: chat(id: ${from + index}) { status }`).join(' ')} }`;

const reasonsOf = ({ errors }: GraphQLResponse) =>
  errors.flatMap(({ extensions }) => extensions['reason'] ?? []);

async function startAccount() {
  const upstream = await startTwoCustomers();
  const clock = createManualClock();
  const gateway = await startTestGateway({ upstream, clock, config });
  return {
    ...gateway,
    upstream,
    clock,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

describe('a rejected call', () => {
  test('of a customer has the reason VIEWER_LIMIT and the time until its next call', async () => {
    await using account = await startAccount();
    const headers = await bearer(customer(7001));
    await account.query(chats(12, 100), {}, headers);
    account.clock.advance(20_000);

    const response = await account.query(chats(1), {}, headers);

    expect(response.errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED', reason: 'VIEWER_LIMIT', retryAfterMs: 40_000 } },
    ]);
    expect(response.headers.get('retry-after')).toBe('40');
  });

  test('has the reason CUSTOMER_LIMIT when all customers have used their share', async () => {
    await using account = await startAccount();
    for (let id = 1; id <= 5; id += 1)
      await account.query(chats(12, 100), {}, await bearer(customer(id)));

    const response = await account.query(chats(1), {}, await bearer(customer(6)));

    expect(reasonsOf(response)).toEqual(['CUSTOMER_LIMIT']);
  });

  test('of an agent that has used what is not reserved has the reason ACCOUNT_LIMIT', async () => {
    await using account = await startAccount();

    for (let index = 0; index < 4; index += 1)
      await account.query(chats(24, 100), {}, await bearer(worker));
    const response = await account.query(chats(4), {}, await bearer(worker));
    const newcomer = await account.query(chats(13), {}, await bearer(script));
    const write = await account.query(
      'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }',
      {},
      await bearer(worker),
    );

    expect(reasonsOf(response)).toEqual(Array(4).fill('ACCOUNT_LIMIT'));
    expect(reasonsOf(newcomer)).toEqual(['ACCOUNT_LIMIT']);
    expect(reasonsOf(write)).toEqual([]);
  });
});

test('an agent that joins the queued call of a customer without quota is charged for it', async () => {
  await using account = await startAccount();
  const [own, agent] = [await bearer(customer(7001)), await bearer(worker)];
  await account.query(chats(12, 100), {}, own);
  account.clock.advance(55_000);

  const query = '{ agent(id: 12) { name } }';
  const waiting = account.query(query, {}, own);
  await account.waitForQueuedCalls(1);
  const joined = await account.query(query, {}, agent);

  expect([joined.data, (await waiting).data]).toEqual([
    { agent: { name: 'Olena' } },
    { agent: { name: 'Olena' } },
  ]);
  expect(joined.extensions.upstream['shared']).toBe(1);
});

test('an agent does not wait for a call that another agent has queued at its limit', async () => {
  await using account = await startAccount();
  const [own, scripted] = [await bearer(worker), await bearer(script)];
  await account.query(chats(30, 100), {}, own);
  for (let index = 0; index < 3; index += 1) await account.query(chats(30, 100), {}, scripted);
  account.clock.advance(55_000);

  const waiting = account.query(chats(20, 200), {}, scripted);
  await account.waitForQueuedCalls(9);
  const joined = await account.query(chats(1, 219), {}, own);
  account.clock.advance(operationTimeoutMs);

  expect(reasonsOf(joined)).toEqual([]);
  expect(joined.extensions.upstream).toMatchObject({ calls: 1, shared: 0 });
  await waiting;
});

test('150 invented API keys of one address do not block a new key of another', async () => {
  const clock = createManualClock();
  const forward = { auth: { mode: 'forward' }, trustProxy: 1, rateLimit: 120, quotas } as const;
  await using demo = await startDemo({ config: forward, clock, rateLimit: 120 });
  const ask = (key: string, address: string) =>
    demo.query(
      '{ organization { id } }',
      {},
      {
        authorization: `Bearer ${key}`,
        'x-forwarded-for': address,
      },
    );

  const invented = await Promise.all(
    Array.from({ length: 150 }, (_, index) => ask(`invented-${index}`, '192.0.2.1')),
  );
  const limited = await ask('invented', '192.0.2.1');
  const accepted = await ask(demo.simulator.key, '198.51.100.1');

  const codes = invented.map(({ errors }) => errors[0]?.extensions['code']);
  expect(new Set(codes)).toEqual(new Set(['UNAUTHENTICATED', 'RATE_LIMITED']));
  expect(codes.filter((code) => code === 'UNAUTHENTICATED')).toHaveLength(96);
  expect(limited.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
  expect(accepted.errors).toEqual([]);
  expect(demo.simulator.calls.filter(({ status }) => status === 429)).toEqual([]);
});

test('reads with a low urgency have background priority, which has no reserve', async () => {
  await using account = await startAccount();
  for (let index = 0; index < 4; index += 1)
    await account.query(chats(24, 100), {}, await bearer(worker));
  const newcomer = await bearer(script);

  const reasons = [];
  for (const priority of ['u=7', 'i, u=6', 'u=5', 'u=1, i'])
    reasons.push(reasonsOf(await account.query(chats(1), {}, { ...newcomer, priority })));

  expect(reasons).toEqual([['ACCOUNT_LIMIT'], ['ACCOUNT_LIMIT'], [], []]);
});

test('Query.rateLimit reports the calls that remain for the account and for the viewer', async () => {
  await using account = await startAccount();
  const agent = await bearer(worker);
  await account.query(chats(20, 100), {}, agent);

  const own = await account.query('{ rateLimit { remaining viewerRemaining } }', {}, agent);
  const others = await account.query('{ rateLimit { viewerRemaining } }', {}, await bearer(script));

  // 120 without the 20 calls; without the newcomer reserve for the agent that is no newcomer any more.
  expect(own.data.rateLimit).toEqual({ remaining: 100, viewerRemaining: 88 });
  expect(others.data.rateLimit.viewerRemaining).toBeLessThan(88);
});
