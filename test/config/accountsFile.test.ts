import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { runCheckConfig } from '../../src/cli/checkConfig.ts';
import { configWarnings, loadConfig } from '../../src/config/loadConfig.ts';
import { ConfigError, readConfig } from '../../src/config/settings.ts';
import { startTwoUpstreams } from '../support/severalAccounts.ts';

const directory = mkdtempSync(join(tmpdir(), 'helpcrunch-accounts-'));
afterAll(() => rmSync(directory, { recursive: true }));

const JWT_SECRET = '6f1c09d2a75b4e83b0a2c7d95e4f1836';
const own = 'b18b5e0d7c9a4f6e8d3c2b1a09f8e7d6';

let files = 0;

/** Settings with a file of these accounts. */
function settingsWith(accounts: unknown, more: Readonly<Record<string, string>> = {}) {
  files += 1;
  const path = join(directory, `${files}.json`);
  writeFileSync(path, typeof accounts === 'string' ? accounts : JSON.stringify(accounts));
  return { ACCOUNTS_FILE: path, AUTH: 'jwt', JWT_SECRET, ...more };
}

function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map((problem) =>
        problem.replace(environment['ACCOUNTS_FILE']!, 'FILE'),
      );
    throw error;
  }
  return [];
}

const shop = { apiKey: 'key-of-shop' };

describe('the file of accounts', () => {
  test('contains keys, secrets, rate limits and issuers', () => {
    const { accounts } = readConfig(
      settingsWith({
        shop,
        bank: {
          apiKey: 'key-of-bank',
          webhookSecret: ['first secret', 'second secret'],
          rateLimit: 0,
          issuer: 'https://bank.example',
          audience: 'helpdesk',
          jwtSecret: own,
        },
        club: {
          apiKey: 'key-of-club',
          webhookSecret: 'only secret',
          jwksUrl: 'https://club.example/keys',
        },
      }),
    );

    expect(accounts).toEqual([
      {
        name: 'shop',
        apiKey: 'key-of-shop',
        webhookSecrets: [],
        rateLimit: 120,
        tokens: undefined,
      },
      {
        name: 'bank',
        apiKey: 'key-of-bank',
        webhookSecrets: ['first secret', 'second secret'],
        rateLimit: 0,
        tokens: {
          issuer: 'https://bank.example',
          audience: 'helpdesk',
          signedBy: { secrets: [own] },
        },
      },
      {
        name: 'club',
        apiKey: 'key-of-club',
        webhookSecrets: ['only secret'],
        rateLimit: 120,
        tokens: {
          issuer: undefined,
          audience: undefined,
          signedBy: { jwksUrl: 'https://club.example/keys' },
        },
      },
    ]);
  });

  test('HELPCRUNCH_RATE_LIMIT applies to accounts without a limit of their own, and lists live longer only with webhooks for all', () => {
    const webhooks = { ...shop, webhookSecret: 'a webhook secret' };
    const config = readConfig(settingsWith({ shop }, { HELPCRUNCH_RATE_LIMIT: '7' }));

    expect(config.accounts?.[0]?.rateLimit).toBe(7);
    expect(config.cacheTtlsMs.chats).toBe(5_000);
    expect(readConfig(settingsWith({ shop: webhooks })).cacheTtlsMs.chats).toBe(60_000);
  });

  test.each<[string, unknown, readonly string[]]>([
    ['text', 'key-of-shop', ['is not JSON']],
    ['a list', [shop], ['must contain {"<name>":{"apiKey":…}}']],
    ['no account', {}, ['contains no account']],
    [
      'an account with an invalid name',
      { 'shop:1': shop },
      ['the name of an account must be 1 to 64 letters, digits, underscores or hyphens'],
    ],
    [
      'an account named __proto__',
      { ['__proto__']: shop, shop },
      ['__proto__ cannot be the name of an account'],
    ],
    [
      'an account and a property twice',
      '{"shop":{"apiKey":"a"},"bank":{"apiKey":"b","apiKey":"c:{"},"sh\\u006fp":{"apiKey":"d"}}',
      ['bank.apiKey is defined more than once', 'shop is defined more than once'],
    ],
    ['an account that is text', { shop: 'key-of-shop' }, ['shop must be an object']],
    ['an account without a key', { shop: {} }, ['shop.apiKey must be a text']],
    [
      'a key with a space',
      { shop: { apiKey: 'key of shop' } },
      ['shop.apiKey must be printable ASCII characters without spaces'],
    ],
    [
      'an unknown property',
      { shop: { ...shop, secret: 'key-of-shop' } },
      ['shop has the unknown property secret'],
    ],
    [
      'a short webhook secret',
      { shop: { ...shop, webhookSecret: ['key-of'] } },
      ['shop.webhookSecret.0 must have at least 8 characters'],
    ],
    [
      'a repetitive webhook secret',
      { shop: { ...shop, webhookSecret: 'aaaaaaaaaaaaaaaa' } },
      ['shop.webhookSecret.0 has too few different characters'],
    ],
    [
      'a list without a secret',
      { shop: { ...shop, webhookSecret: [] } },
      ['shop.webhookSecret must not be empty'],
    ],
    [
      'a negative rate limit',
      { shop: { ...shop, rateLimit: -1 } },
      ['shop.rateLimit must be at least 0'],
    ],
    [
      'a rate limit as text',
      { shop: { ...shop, rateLimit: '120' } },
      ['shop.rateLimit must be a whole number'],
    ],
    [
      'a short token secret',
      { shop: { ...shop, jwtSecret: 'key-of-shop' } },
      ['shop.jwtSecret.0 must have at least 32 bytes'],
    ],
    [
      'two kinds of keys',
      { shop: { ...shop, jwtSecret: own, jwksUrl: 'https://login.example/keys' } },
      ['shop must have only one of jwksUrl and jwtSecret'],
    ],
    ['an empty issuer', { shop: { ...shop, issuer: '' } }, ['shop.issuer must not be empty']],
    [
      'keys over http',
      { shop: { ...shop, jwksUrl: 'http://login.example/keys' } },
      [
        'shop.jwksUrl must begin with https:// unless the host is this machine: keys read over http:// can be replaced in transit',
      ],
    ],
  ])('is rejected with %s, without its content', (_name, accounts, expected) => {
    const problems = problemsOf(settingsWith(accounts));

    expect(problems).toEqual(expected.map((problem) => `ACCOUNTS_FILE: the file FILE: ${problem}`));
    expect(problems.join('\n')).not.toMatch(/key.of/);
  });

  test.each<[string, unknown, Readonly<Record<string, string>>, string]>([
    [
      'two accounts with one key',
      { shop, bank: shop },
      {},
      'apiKey of bank must differ from apiKey of shop.',
    ],
    [
      'a webhook secret of two accounts',
      {
        shop: { ...shop, webhookSecret: 'a webhook secret' },
        bank: { apiKey: 'key-of-bank', webhookSecret: ['x'.repeat(2) + own, 'a webhook secret'] },
      },
      {},
      'webhookSecret of bank must differ from webhookSecret of shop.',
    ],
    [
      'a token secret that is that of all accounts',
      { shop: { ...shop, jwtSecret: JWT_SECRET } },
      {},
      'jwtSecret of shop must differ from JWT_SECRET.',
    ],
    [
      'an account without keys where there are no others',
      { shop, bank: { apiKey: 'key-of-bank', jwtSecret: own } },
      { JWT_SECRET: '' },
      'shop needs jwksUrl or jwtSecret, because neither JWKS_URL nor JWT_SECRET is set.',
    ],
  ])('%s is rejected', (_name, accounts, more, expected) => {
    expect(problemsOf(settingsWith(accounts, more))).toEqual([`ACCOUNTS_FILE: ${expected}`]);
  });

  test('accounts with keys of their own need no others', () => {
    const accounts = { shop: { ...shop, jwtSecret: own } };

    expect(readConfig(settingsWith(accounts, { JWT_SECRET: '' })).auth).toMatchObject({
      signedBy: undefined,
    });
  });

  test('short webhook secrets and key sets without issuer and audience are reported', () => {
    const accounts = {
      shop: { ...shop, webhookSecret: '0b9f6d3c8e7a412' },
      bank: { apiKey: 'key-of-bank', jwksUrl: 'https://bank.example/keys', issuer: 'bank' },
    };
    const messages = (more: Readonly<Record<string, string>>) =>
      configWarnings(settingsWith(accounts, more)).map(({ message }) => message);

    expect(messages({})).toEqual([
      'webhookSecret of shop has fewer than 16 characters and could be guessed. Create a new one in HelpCrunch.',
      'bank has jwksUrl without both issuer and audience, so tokens that its keys sign for other services are accepted. Set both.',
    ]);
    expect(messages({ JWT_AUDIENCE: 'helpdesk' })).toHaveLength(1);
  });
});

test('check-config --connect calls HelpCrunch with the key of each account', async () => {
  await using upstreams = await startTwoUpstreams();
  const check = async (accounts: unknown) => {
    let text = '';
    const print = (part: string) => void (text += part);
    const environment = settingsWith(accounts, { HELPCRUNCH_API_URL: upstreams.url });
    const streams = { print, printError: print };
    const code = await runCheckConfig({ connects: true, environment }, streams);
    return { code, lines: text.split('\n').filter((line) => /^(shop|bank): /.test(line)), text };
  };

  const good = await check({ shop, bank: { apiKey: 'key-of-bank' } });
  const bad = await check({ shop: { apiKey: 'wrong-key' }, bank: { apiKey: 'key-of-bank' } });

  expect([good.code, good.lines]).toEqual([
    0,
    [
      'shop: HelpCrunch accepts the key. Account: acme.',
      'bank: HelpCrunch accepts the key. Account: acme.',
    ],
  ]);
  expect(bad.code).toBe(1);
  expect(bad.lines).toEqual([
    expect.stringMatching(/^shop: .*UPSTREAM_UNAUTHENTICATED/),
    'bank: HelpCrunch accepts the key. Account: acme.',
  ]);
  expect(good.text + bad.text).not.toMatch(/key-of-|wrong-key/);
});
