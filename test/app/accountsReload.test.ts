import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openEventStream } from '../support/eventStream.ts';
import { bearer, secret } from '../support/issuer.ts';
import { killAll, run } from '../support/process.ts';
import { startRouter } from '../support/router.ts';
import { startTwoUpstreams } from '../support/severalAccounts.ts';
import { openSocket } from '../support/socket.ts';
import { signatureOf } from '../support/webhooks.ts';

const upstreams = await startTwoUpstreams();
const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-accounts-'));
const file = join(directory, 'accounts.json');
const writeAccounts = (accounts: unknown) =>
  writeFile(file, typeof accounts === 'string' ? accounts : JSON.stringify(accounts));

afterAll(async () => {
  killAll();
  await upstreams[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const shop = { apiKey: 'key-of-shop', webhookSecret: 'the webhook secret of shop' };
const bank = { apiKey: 'key-of-bank', webhookSecret: ['the webhook secret of bank'] };

const chat = '{ chat(id: 1) { customer { name } } }';
const subscription = 'subscription { chatUpdated { change } }';

async function start(environment: Readonly<Record<string, string>> = {}) {
  const gateway = run({
    ACCOUNTS_FILE: file,
    HELPCRUNCH_API_URL: upstreams.url,
    AUTH: 'jwt',
    JWT_SECRET: secret,
    CACHE_CHATS_TTL_MS: '0',
    ...environment,
  });
  const { url, greeting } = await gateway.started();
  const headersOf = (account: string) => bearer({ role: 'agent', account });

  async function ask(account: string, query = chat) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await headersOf(account)) },
      body: JSON.stringify({ query }),
    });
    const { data }: any = await response.json();
    return response.status === 200 ? data.chat?.customer.name : response.status;
  }

  async function deliver(account: string, key: string): Promise<number> {
    const body = JSON.stringify({ event: 'unknown', eventData: {}, id: key });
    const response = await fetch(`${url}/webhooks/helpcrunch/${account}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-helpcrunch-signature': signatureOf(body, key),
      },
      body,
    });
    return response.status;
  }

  let reloads = 0;
  /** Resolves when the process has logged the message once more. */
  async function reload(accounts: unknown) {
    await writeAccounts(accounts);
    gateway.send('SIGHUP');
    reloads += 1;
    return gateway.heard('configuration reloaded', reloads);
  }

  return { ...gateway, url, greeting, headersOf, ask, deliver, reload };
}

describe('SIGHUP with ACCOUNTS_FILE', () => {
  test('accounts are added, and keys and secrets replaced', async () => {
    await writeAccounts({ shop: { ...shop, apiKey: 'key-of-yesterday' } });
    await using gateway = await start();
    expect(gateway.greeting).toContain('accounts  shop');
    expect(await gateway.ask('bank')).toBe(401);
    expect(await gateway.deliver('bank', bank.webhookSecret[0]!)).toBe(404);
    expect(await gateway.ask('shop')).toBeUndefined();

    await gateway.reload({
      shop: { ...shop, webhookSecret: ['the next webhook secret of shop', shop.webhookSecret] },
      bank,
    });

    expect([await gateway.ask('shop'), await gateway.ask('bank')]).toEqual([
      'Customer of shop',
      'Customer of bank',
    ]);
    expect([
      await gateway.deliver('shop', 'the next webhook secret of shop'),
      await gateway.deliver('shop', shop.webhookSecret),
      await gateway.deliver('bank', bank.webhookSecret[0]!),
      await gateway.deliver('bank', shop.webhookSecret),
    ]).toEqual([200, 200, 200, 401]);
  });

  test('connections of a removed account are closed, and those of others stay', async () => {
    await writeAccounts({ shop, bank });
    await using router = await startRouter();
    await using gateway = await start({ SUBSCRIPTION_CALLBACK_HOSTS: router.origin });
    const { url, headersOf } = gateway;
    const open = async (account: string) => {
      const socket = await openSocket(url);
      await socket.initialize(await headersOf(account));
      socket.send({ type: 'subscribe', id: '1', payload: { query: subscription } });
      return socket;
    };
    await using removed = await open('bank');
    await using kept = await open('shop');
    await using stream = await openEventStream(url, subscription, {
      headers: await headersOf('bank'),
    });
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'application/json;callbackSpec=1.0',
        'content-type': 'application/json',
        ...(await headersOf('bank')),
      },
      body: JSON.stringify({
        query: subscription,
        extensions: { subscription: { ...router.subscription, heartbeatIntervalMs: 0 } },
      }),
    });
    expect(answer.status).toBe(200);
    const gauge = async () =>
      /^helpcrunch_subscriptions (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    while ((await gauge()) !== '4');

    await gateway.reload({ shop });

    expect(await removed.closed).toEqual({ code: 4403, reason: 'The account is no longer served' });
    await expect(stream.next()).rejects.toThrow('The stream ended.');
    const completion = await router.hearComplete();
    expect(completion.errors).toMatchObject([
      {
        message: 'The account is no longer served.',
        extensions: { code: 'UNAUTHENTICATED' },
      },
    ]);
    kept.send({ type: 'ping' });
    expect(await kept.nextMessage()).toMatchObject({ type: 'pong' });
    while ((await gauge()) !== '1');
    expect([await gateway.ask('bank'), await gateway.ask('shop')]).toEqual([
      401,
      'Customer of shop',
    ]);
    expect(await gateway.deliver('bank', bank.webhookSecret[0]!)).toBe(404);
  });

  test.each([
    ['is not JSON', '{ "shop": { "apiKey": "key-of-shop" '],
    ['contains no account', {}],
    ['has an account without a key', { shop: { webhookSecret: shop.webhookSecret } }],
    ['has equal secrets', { shop, bank: { ...bank, webhookSecret: shop.webhookSecret } }],
  ])('a file that %s changes nothing and is logged without its content', async (_name, invalid) => {
    await writeAccounts({ shop, bank });
    await using gateway = await start();

    await writeAccounts(invalid);
    gateway.send('SIGHUP');
    const text = await gateway.heard('reload failed');

    const line = JSON.parse(text.split('\n').find((each) => each.includes('reload failed')) ?? '');
    expect(line).toMatchObject({
      level: 50,
      problems: [expect.stringMatching(/^ACCOUNTS_FILE: /)],
    });
    expect(text).not.toContain('key-of-');
    expect(text).not.toContain(shop.webhookSecret);
    expect([await gateway.ask('shop'), await gateway.ask('bank')]).toEqual([
      'Customer of shop',
      'Customer of bank',
    ]);
  });

  test('a file that cannot be read stops the start, and changes nothing later', async () => {
    await writeAccounts({ shop });
    await using gateway = await start();
    await rm(file);
    gateway.send('SIGHUP');
    await gateway.heard('cannot be read');
    expect(await gateway.ask('shop')).toBe('Customer of shop');

    await using other = run({ ACCOUNTS_FILE: file, AUTH: 'jwt', JWT_SECRET: secret });
    const { code, error } = await other.ended;
    expect([code, error]).toEqual([
      1,
      expect.stringContaining(`ACCOUNTS_FILE: the file ${file} cannot be read`),
    ]);
  });
});
