import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCheckConfig } from '../src/cli/checkConfig.ts';
import { settingRules, combinationFindings } from '../src/config/crossChecks.ts';
import { createGateway } from '../src/index.ts';
import type { Settings } from '../src/index.ts';
import { loadConfig, configWarnings } from '../src/config/loadConfig.ts';

type Environment = Readonly<Record<string, string>>;

const HELPCRUNCH_API_KEY = 'a-key-of-the-account';
const JWT_SECRET = '6f1c09d2a75b4e83b0a2c7d95e4f1836';
const ROUTER_SECRET = 'c3d7e9b15a024f86d8b60f2e7a9145cd';
const HELPCRUNCH_WEBHOOK_SECRET = '0b9f6d3c8e7a41250b8c';
const JWKS_URL = 'https://login.example.com/keys';

const live = { HELPCRUNCH_API_KEY };
const jwt = { ...live, AUTH: 'jwt', JWT_SECRET };
const ACCOUNTS_FILE = fileURLToPath(new URL('support/accounts.json', import.meta.url));
const accounts = { ACCOUNTS_FILE, AUTH: 'jwt', JWT_SECRET };
const jwks = { ...live, AUTH: 'jwt', JWKS_URL };
const router = { SUBGRAPH: 'true', ROUTER_SECRET };
const external = { HOST: '0.0.0.0', NODE_ENV: 'production' };
const callbacks = (hosts: string) => ({ ...router, SUBSCRIPTION_CALLBACK_HOSTS: hosts });

const everySecret: Environment = {
  ...live,
  HELPCRUNCH_WEBHOOK_SECRET,
  HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS: '5e1d9a7c3f0b48e2a6d4',
  AUTH: 'jwt',
  JWT_SECRET,
  JWT_SECRET_PREVIOUS: 'd41c6b2a98e7f3054b1d7e9c8a6f2035',
  ...router,
};

const secretNames = Object.keys(everySecret).filter((name) => !['AUTH', 'SUBGRAPH'].includes(name));
const equal = 'e8b7a1c4d2f96035718c4be0a3d5f269';
const equalSecretCases = Object.fromEntries(
  secretNames.flatMap((other, index) =>
    secretNames
      .slice(index + 1)
      .map((name) => [
        `${name} equals ${other}`,
        { risky: [{ ...everySecret, [name]: equal, [other]: equal }], fine: [everySecret] },
      ]),
  ),
);

const unusedRedisCases = Object.fromEntries(
  [
    ...['CA', 'CERT', 'KEY'].map((file) => ({
      name: `REDIS_TLS_${file}_FILE`,
      others: ['redis://127.0.0.1', 'redis-sentinel://127.0.0.1/main'],
      urls: ['rediss://127.0.0.1', 'rediss-sentinel://127.0.0.1/main'],
    })),
    ...['USERNAME', 'PASSWORD'].map((credential) => ({
      name: `REDIS_SENTINEL_${credential}`,
      others: ['redis://127.0.0.1', 'rediss://127.0.0.1'],
      urls: ['redis-sentinel://127.0.0.1/main', 'rediss-sentinel://127.0.0.1/main'],
    })),
  ].map(({ name, others, urls }) => {
    const withUrl = (REDIS_URL: string) => ({ REDIS_URL, [name]: 'any' });
    return [
      `${name} with another REDIS_URL`,
      { risky: [{ [name]: 'any' }, ...others.map(withUrl)], fine: [{}, ...urls.map(withUrl)] },
    ];
  }),
);

/** By the name of a check: settings that it is about, and the nearest settings that it is not about. */
const cases: Readonly<
  Record<string, { readonly risky: readonly Environment[]; readonly fine: readonly Environment[] }>
> = {
  'METRICS_HOST without METRICS_PORT': {
    risky: [{ METRICS_HOST: '0.0.0.0' }],
    fine: [{}, { METRICS_PORT: '9464' }, { METRICS_HOST: '0.0.0.0', METRICS_PORT: '9464' }],
  },
  'MAX_PARTIAL_BODY_BYTES for few bodies': {
    risky: [{ MAX_BODY_BYTES: '67108864' }],
    fine: [
      {},
      { MAX_PARTIAL_BODY_BYTES: '8388608' },
      { MAX_BODY_BYTES: '67108864', MAX_PARTIAL_BODY_BYTES: '536870912' },
    ],
  },
  'METRICS_PORT equals PORT': {
    risky: [{ METRICS_PORT: '4000' }, { PORT: '9464', METRICS_PORT: '9464' }],
    fine: [{}, { METRICS_PORT: '9464' }, { PORT: '0', METRICS_PORT: '0' }],
  },
  'REDIS_REQUIRED without REDIS_URL': {
    risky: [{ REDIS_REQUIRED: 'true' }],
    fine: [{}, { REDIS_REQUIRED: 'true', REDIS_URL: 'redis://127.0.0.1', ACCOUNT: 'demo' }],
  },
  ...unusedRedisCases,
  'REDIS_KEY_PREFIX without REDIS_URL': {
    risky: [{ REDIS_KEY_PREFIX: 'staging:' }],
    fine: [{}, { REDIS_KEY_PREFIX: 'staging:', REDIS_URL: 'redis://127.0.0.1', ACCOUNT: 'demo' }],
  },
  'REDIS_TLS_CERT_FILE without REDIS_TLS_KEY_FILE': {
    risky: [
      { REDIS_URL: 'rediss://127.0.0.1', REDIS_TLS_CERT_FILE: '/nowhere' },
      { REDIS_URL: 'rediss://127.0.0.1', REDIS_TLS_KEY_FILE: '/nowhere' },
    ],
    fine: [
      { REDIS_URL: 'rediss://127.0.0.1' },
      {
        REDIS_URL: 'rediss://127.0.0.1',
        REDIS_TLS_CERT_FILE: '/nowhere',
        REDIS_TLS_KEY_FILE: '/nowhere',
      },
    ],
  },
  'simulated data in Redis': {
    risky: [{ REDIS_URL: 'redis://127.0.0.1' }, { REDIS_URL: 'redis://127.0.0.1', ACCOUNT: '' }],
    fine: [
      {},
      { REDIS_URL: 'redis://127.0.0.1', ACCOUNT: 'demo' },
      { REDIS_URL: 'redis://127.0.0.1', HELPCRUNCH_API_KEY: 'key' },
      { REDIS_URL: 'redis://127.0.0.1', AUTH: 'forward' },
    ],
  },
  'demo in production': {
    risky: [
      { NODE_ENV: 'production' },
      { NODE_ENV: 'production', HELPCRUNCH_API_KEY: '' },
      { NODE_ENV: 'production', HELPCRUNCH_APIKEY: 'misspelt' },
      { NODE_ENV: 'production', DEMO: 'false' },
      { HOST: '0.0.0.0' },
      { HOST: '::', AUTH: 'jwt', JWT_SECRET },
    ],
    fine: [
      {},
      { HOST: 'localhost', AUTH: 'jwt', JWT_SECRET },
      { HOST: '0.0.0.0', DEMO: 'true' },
      { NODE_ENV: 'production', DEMO: 'true' },
      { NODE_ENV: 'production', AUTH: 'forward' },
      { ...external, ...jwt },
    ],
  },
  'DEMO with a live account': {
    risky: [
      { DEMO: 'true', ...live },
      { DEMO: 'true', AUTH: 'forward' },
    ],
    fine: [{ DEMO: 'true' }, { DEMO: 'false', ...live }],
  },
  'JWT_SECRET beside JWKS_URL': { risky: [{ ...jwt, JWKS_URL }], fine: [jwt, jwks] },
  'AUTH=jwt without keys': { risky: [{ AUTH: 'jwt' }], fine: [jwt, jwks] },
  'open account on an external HOST': {
    risky: [
      { HOST: '0.0.0.0', ...live },
      { HOST: 'gateway.example', ...live },
      { HOST: '0.0.0.0', ...live, ...router },
    ],
    fine: [
      { HOST: '0.0.0.0', ...live, ALLOW_UNAUTHENTICATED: 'true' },
      { HOST: '0.0.0.0', ...live, ...router, ROUTER_ONLY: 'true' },
      { HOST: '0.0.0.0', DEMO: 'true' },
      { HOST: '0.0.0.0', ...jwt },
      { HOST: '127.0.0.1', ...live },
    ],
  },
  'open account behind a proxy': {
    risky: [
      { ...live, TRUST_PROXY: '1' },
      { ...live, TRUST_PROXY: '127.0.0.1', NODE_ENV: 'production' },
    ],
    fine: [
      { ...live, TRUST_PROXY: '0' },
      { ...live, TRUST_PROXY: '1', ALLOW_UNAUTHENTICATED: 'true' },
      { ...jwt, TRUST_PROXY: '1' },
      { TRUST_PROXY: '1' },
    ],
  },
  'open account in production': {
    risky: [{ ...live, NODE_ENV: 'production' }],
    fine: [
      live,
      { ...live, NODE_ENV: 'production', ALLOW_UNAUTHENTICATED: 'true' },
      { ...jwt, NODE_ENV: 'production' },
    ],
  },
  'open account with remote clients': {
    risky: [
      { ...live, ALLOWED_HOSTS: 'localhost,api.example.com' },
      { ...live, CORS_ORIGINS: 'https://app.example.com' },
      { ...live, AUTH: 'none', ALLOWED_HOSTS: '192.0.2.1' },
    ],
    fine: [
      { ...live, ALLOWED_HOSTS: 'localhost,127.0.0.1,::1' },
      { ...live, ALLOWED_HOSTS: 'api.example.com', ALLOW_UNAUTHENTICATED: 'true' },
      { ...jwt, ALLOWED_HOSTS: 'api.example.com', CORS_ORIGINS: 'https://app.example.com' },
      { ALLOWED_HOSTS: 'api.example.com', CORS_ORIGINS: 'https://app.example.com' },
    ],
  },
  'live account outside production on an external HOST': {
    risky: [
      { HOST: '0.0.0.0', ...jwt },
      { HOST: '0.0.0.0', ...jwt, NODE_ENV: 'test' },
      { HOST: '::', AUTH: 'forward' },
    ],
    fine: [{ ...external, ...jwt }, jwt, { HOST: '0.0.0.0', DEMO: 'true' }],
  },
  'JWKS_URL without issuer and audience': {
    risky: [jwks, { ...jwks, JWT_ISSUER: 'a' }, { ...jwks, JWT_AUDIENCE: 'a' }],
    fine: [{ ...jwks, JWT_ISSUER: 'a', JWT_AUDIENCE: 'b' }, jwt],
  },
  'HELPCRUNCH_API_KEY beside AUTH=forward': {
    risky: [{ AUTH: 'forward', ...live }],
    fine: [{ AUTH: 'forward' }, live],
  },
  'ACCOUNTS_FILE without AUTH=jwt': {
    risky: [{ ACCOUNTS_FILE }, { AUTH: 'forward', ACCOUNTS_FILE }],
    fine: [accounts, {}],
  },
  'HELPCRUNCH_API_KEY beside ACCOUNTS_FILE': {
    risky: [{ ...accounts, HELPCRUNCH_API_KEY }],
    fine: [accounts, jwt],
  },
  'HELPCRUNCH_WEBHOOK_SECRET beside ACCOUNTS_FILE': {
    risky: [{ ...accounts, HELPCRUNCH_WEBHOOK_SECRET }],
    fine: [accounts, { ...live, HELPCRUNCH_WEBHOOK_SECRET }],
  },
  'ACCOUNT beside ACCOUNTS_FILE': {
    risky: [{ ...accounts, ACCOUNT: 'shop' }],
    fine: [accounts, { ...live, ACCOUNT: 'shop' }],
  },
  'HELPCRUNCH_WEBHOOK_SECRET beside AUTH=forward': {
    risky: [{ AUTH: 'forward', HELPCRUNCH_WEBHOOK_SECRET }],
    fine: [{ ...live, HELPCRUNCH_WEBHOOK_SECRET }],
  },
  'JWT_SECRET without AUTH=jwt': {
    risky: [{ JWT_SECRET }, { AUTH: 'forward', JWT_SECRET }],
    fine: [jwt],
  },
  'JWKS_URL without AUTH=jwt': { risky: [{ JWKS_URL }], fine: [jwks] },
  'JWT_ISSUER without AUTH=jwt': {
    risky: [{ JWT_ISSUER: 'a' }],
    fine: [{ ...jwt, JWT_ISSUER: 'a' }],
  },
  'JWT_AUDIENCE without AUTH=jwt': {
    risky: [{ JWT_AUDIENCE: 'a' }],
    fine: [{ ...jwt, JWT_AUDIENCE: 'a' }],
  },
  'SUBGRAPH_EXCLUDE_FIELDS without SUBGRAPH': {
    risky: [{ SUBGRAPH_EXCLUDE_FIELDS: 'node' }],
    fine: [{ SUBGRAPH: 'true', SUBGRAPH_EXCLUDE_FIELDS: 'node' }],
  },
  'ROUTER_SECRET without SUBGRAPH': {
    risky: [{ ROUTER_SECRET }, { ROUTER_SECRET, SUBGRAPH: 'false' }],
    fine: [router],
  },
  'HELPCRUNCH_WEBHOOK_SECRET is repetitive': {
    risky: [
      { ...live, HELPCRUNCH_WEBHOOK_SECRET: 'w'.repeat(20) },
      { ...live, HELPCRUNCH_WEBHOOK_SECRET: 'abcabcabcabcabcabc' },
    ],
    fine: [{ ...live, HELPCRUNCH_WEBHOOK_SECRET }],
  },
  'JWT_SECRET is repetitive': {
    risky: [
      'x'.repeat(32),
      'ab'.repeat(16),
      'password'.repeat(4),
      'passwordpasswordpasswordpasswordpa',
      '123451234512345123451234512345123',
    ].map((secret) => ({ ...jwt, JWT_SECRET: secret })),
    fine: [jwt, { ...jwt, JWT_SECRET: 'correct horse battery staple, again' }],
  },
  'ROUTER_SECRET is repetitive': {
    risky: [{ SUBGRAPH: 'true', ROUTER_SECRET: '0123456789'.repeat(4) }],
    fine: [router],
  },
  'HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS is repetitive': {
    risky: [{ ...everySecret, HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS: 'w'.repeat(20) }],
    fine: [everySecret],
  },
  'JWT_SECRET_PREVIOUS is repetitive': {
    risky: [{ ...everySecret, JWT_SECRET_PREVIOUS: 'x'.repeat(32) }],
    fine: [everySecret],
  },
  'HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS without HELPCRUNCH_WEBHOOK_SECRET': {
    risky: [{ ...everySecret, HELPCRUNCH_WEBHOOK_SECRET: '' }],
    fine: [everySecret],
  },
  'JWT_SECRET_PREVIOUS without JWT_SECRET': {
    risky: [
      { ...everySecret, JWT_SECRET: '' },
      { ...jwks, JWT_SECRET_PREVIOUS: JWT_SECRET },
    ],
    fine: [everySecret],
  },
  ...equalSecretCases,
  'TRUST_PROXY trusts every address': {
    risky: [
      '0.0.0.0/0',
      '::/0',
      '10.0.0.0/8, ::/0',
      '0.0.0.0/1,128.0.0.0/1',
      '2000::/3',
      '::ffff:0.0.0.0/96',
      '::ffff:0:0/97',
    ].map((networks) => ({ TRUST_PROXY: networks })),
    fine: ['10.0.0.0/8', 'fc00::/7', '::ffff:10.0.0.0/104', '192.0.2.7', '::1', '2'].map(
      (networks) => ({ TRUST_PROXY: networks }),
    ),
  },
  'TRUST_PROXY counts many hops': {
    risky: [{ TRUST_PROXY: '4' }, { TRUST_PROXY: '9' }],
    fine: [{ TRUST_PROXY: '3' }, { TRUST_PROXY: '10.0.0.0/9' }, {}],
  },
  'HELPCRUNCH_API_URL without TLS': {
    risky: [{ ...live, HELPCRUNCH_API_URL: 'http://api.example.com/v1' }],
    fine: [
      { ...live, HELPCRUNCH_API_URL: 'https://api.example.com/v1' },
      { ...live, HELPCRUNCH_API_URL: 'http://127.0.0.1:9/v1' },
      { ...live, HELPCRUNCH_API_URL: 'http://[::1]:9/v1' },
    ],
  },
  'REDIS_URL without TLS': {
    risky: [
      { REDIS_URL: 'redis://:word@redis.example.com' },
      { REDIS_URL: 'redis-sentinel://:word@127.0.0.1,redis.example.com:26379/main' },
    ],
    fine: [
      { REDIS_URL: 'rediss://:word@redis.example.com' },
      { REDIS_URL: 'redis://127.0.0.1' },
      { REDIS_URL: 'rediss-sentinel://:word@a.example.com,b.example.com/main' },
      { REDIS_URL: 'redis-sentinel://127.0.0.1:1,localhost:2,[::1]:3/main' },
    ],
  },
  'REDIS_URL without a password': {
    risky: [
      { REDIS_URL: 'rediss://redis.example.com' },
      { REDIS_URL: 'redis://10.0.0.7:6379/1' },
      { REDIS_URL: 'redis-sentinel://a.example.com,b.example.com/main' },
      { REDIS_URL: 'rediss-sentinel://a.example.com:26379/main/1' },
    ],
    fine: [
      { REDIS_URL: 'rediss-sentinel://:word@a.example.com/main' },
      { REDIS_URL: 'redis-sentinel://127.0.0.1/main' },
      { REDIS_URL: 'rediss://user:word@redis.example.com' },
      { REDIS_URL: 'redis://localhost' },
    ],
  },
  'callbacks without ROUTER_SECRET': {
    risky: [{ SUBSCRIPTION_CALLBACK_HOSTS: 'router.example.com' }],
    fine: [callbacks('router.example.com'), {}],
  },
  'ROUTER_ONLY without ROUTER_SECRET': {
    risky: [{ SUBGRAPH: 'true', ROUTER_ONLY: 'true' }],
    fine: [{ ...router, ROUTER_ONLY: 'true' }, { ROUTER_ONLY: 'false' }],
  },
  'ROUTER_MAY_CACHE without ROUTER_SECRET': {
    risky: [{ SUBGRAPH: 'true', ROUTER_MAY_CACHE: 'true' }],
    fine: [
      {
        SUBGRAPH: 'true',
        ROUTER_MAY_CACHE: 'true',
        ROUTER_SECRET: 'router '.repeat(5).replaceAll(' ', '-'),
      },
      { ROUTER_MAY_CACHE: 'false' },
    ],
  },
  'callbacks to link-local addresses': {
    risky: [
      'http://169.254.169.254',
      '169.254.169.254:80',
      'router.example.com,http://169.254.1.1',
      'http://[fe80::1]:4000',
      'http://[::ffff:a9fe:a9fe]',
      'http://[fd00:ec2::254]',
      '2852039166',
      'metadata.google.internal',
    ].map(callbacks),
    fine: ['router.example.com', 'http://10.0.0.7:4000', '127.0.0.1'].map(callbacks),
  },
  'no client rate limit on an external HOST': {
    risky: [
      { ...external, ...jwt, REQUEST_RATE_LIMIT: '0', AUTH_FAILURE_LIMIT: '0' },
      { HOST: '0.0.0.0', DEMO: 'true', AUTH_FAILURE_LIMIT: '0' },
    ],
    fine: [
      { ...external, ...jwt, AUTH_FAILURE_LIMIT: '0' },
      { ...external, ...jwt, REQUEST_RATE_LIMIT: '0' },
      { ...jwt, REQUEST_RATE_LIMIT: '0', AUTH_FAILURE_LIMIT: '0' },
    ],
  },
  'short HELPCRUNCH_WEBHOOK_SECRET': {
    risky: [{ ...live, HELPCRUNCH_WEBHOOK_SECRET: '0b9f6d3c8e7a412' }],
    fine: [{ ...live, HELPCRUNCH_WEBHOOK_SECRET: '0b9f6d3c8e7a4125' }],
  },
  'PERSISTED_ONLY without PERSISTED_OPERATIONS': {
    risky: [{ PERSISTED_ONLY: 'true' }],
    fine: [{ PERSISTED_ONLY: 'false' }],
  },
  'PERSISTED_ONLY=customers without AUTH=jwt': {
    risky: [{ PERSISTED_ONLY: 'customers' }, { AUTH: 'forward', PERSISTED_ONLY: 'customers' }],
    fine: [{ ...jwt, PERSISTED_ONLY: 'customers' }, { PERSISTED_ONLY: 'true' }],
  },
};

const rows = settingRules.map((check) => ({ ...check, ...cases[check.name]! }));

const linesOf = (environment: Environment, severity: string) =>
  combinationFindings(environment)
    .filter((finding) => finding.severity === severity)
    .map(({ variable, message }) => `${variable}: ${message}`);

function outcomeOf(load: () => unknown): string {
  try {
    load();
    return 'starts';
  } catch (error) {
    return (error as Error).message;
  }
}

async function checkConfig(environment: Environment) {
  const said = { output: '', complaints: '' };
  const code = await runCheckConfig(
    { connects: false, environment },
    {
      print: (text) => (said.output += text),
      printError: (text) => (said.complaints += text),
    },
  );
  return { code, ...said };
}

test('each check of combined settings has examples that it reports and examples that it accepts', () => {
  expect(Object.keys(cases).toSorted()).toEqual(settingRules.map(({ name }) => name).toSorted());
  for (const { risky, fine } of Object.values(cases)) {
    expect(risky.length).toBeGreaterThan(0);
    expect(fine.length).toBeGreaterThan(0);
  }
});

describe('checks of combined settings', () => {
  test.each(rows)(
    'the check "$name" of combined settings reports a $severity with a remedy',
    (row) => {
      const { risky, fine, severity, variable, message } = row;
      const line = `${variable}: ${message}`;

      for (const environment of risky) expect(linesOf(environment, severity)).toContain(line);
      for (const environment of fine) expect(linesOf(environment, severity)).not.toContain(line);
      for (const environment of risky) {
        const outcome = outcomeOf(() => loadConfig(environment));
        if (severity === 'error') expect(outcome).toContain(line);
        else expect(configWarnings(environment)).toContainEqual({ severity, variable, message });
      }
      expect(message).toMatch(/\b(Set|Use|Create|Remove|List|Count|Copy|needs)\b/);
    },
  );
});

describe('check-config', () => {
  let folder: string;
  let withManifest: (operations: Environment) => Promise<Environment>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'config-'));
    let count = 0;
    withManifest = async (operations) => {
      count += 1;
      const file = join(folder, `${count}.json`);
      await writeFile(file, JSON.stringify(operations));
      return { PERSISTED_OPERATIONS: file };
    };
  });

  afterAll(() => rm(folder, { recursive: true }));

  test('check-config rejects exactly the settings that prevent the start, with the same messages', async () => {
    const environments: readonly Environment[] = [
      ...rows.flatMap(({ risky, fine }) => [...risky, ...fine]),
      { PORT: 'x' },
      { NODE_ENV: 'prod' },
      { PORT: 'x', SUBGRAPH: 'true', SUBGRAPH_EXCLUDE_FIELDS: 'nod' },
      { SUBGRAPH: 'true', SUBGRAPH_EXCLUDE_FIELDS: 'nod,node' },
      await withManifest({ one: '{ nothing }', two: '{ __typename }' }),
      await withManifest({ two: '{ __typename }' }),
      { ...(await withManifest({ one: '{' })), HELPCRUNCH_RATE_LIMIT: '-1' },
    ];
    const counts = { accepted: 0, rejected: 0 };

    for (const environment of environments) {
      const start = outcomeOf(() => createGateway(environment, { log: silent }));
      const { code, complaints, output } = await checkConfig(environment);
      counts[start === 'starts' ? 'accepted' : 'rejected'] += 1;
      expect({ environment, code, complaints }).toEqual({
        environment,
        code: start === 'starts' ? 0 : 1,
        complaints: start === 'starts' ? '' : `${start}\n`,
      });
      for (const { variable, message } of configWarnings(environment)) {
        expect(output).toContain(`Warning: ${variable}: ${message}\n`);
      }
    }

    expect(counts.accepted).toBeGreaterThan(30);
    expect(counts.rejected).toBeGreaterThan(30);
  });

  test('check-config lists invalid values, invalid combinations and mismatches with the schema together', async () => {
    const { complaints } = await checkConfig({
      ...(await withManifest({ one: '{ nothing }' })),
      PORT: 'x',
      NODE_ENV: 'production',
      SUBGRAPH: 'true',
      SUBGRAPH_EXCLUDE_FIELDS: 'nod',
    });

    expect(
      complaints
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(':')[0]),
    ).toEqual(['PORT', 'HELPCRUNCH_API_KEY', 'SUBGRAPH_EXCLUDE_FIELDS', 'PERSISTED_OPERATIONS']);
  });

  test('check-config prints no user and no password of any address, valid or not', async () => {
    const address = 'https://sam:pass/hidden@host.example.com/v1?token=my-token';
    const { output, complaints } = await checkConfig({
      HELPCRUNCH_API_URL: address,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://sam:hidden@collector.example.com',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'sam:hidden@collector.example.com',
      REDIS_URL: 'redis://sam:hidden@redis.example.com',
      JWKS_URL: 'https://sam:hidden@login.example.com/keys',
      CORS_ORIGINS: 'https://a.example,https://sam:hidden@b.example',
    });

    expect(output + complaints).not.toMatch(/\bsam\b|hidden|my-token/);
    expect(output).toMatch(
      /^ {2}OTEL_EXPORTER_OTLP_ENDPOINT +https:\/\/\*\*\*@collector\.example\.com$/m,
    );
  });
});

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('unknown variables', () => {
  const warned = (environment: Environment) =>
    configWarnings({ ...live, ...environment }).map(
      ({ variable, message }) => `${variable}: ${message}`,
    );

  test.each([
    ['HELPCRUNCH_APIKEY', 'HELPCRUNCH_API_KEY'],
    ['HELPCRUNCH_KEY', 'HELPCRUNCH_API_KEY'],
    ['helpcrunch_api_key', 'HELPCRUNCH_API_KEY'],
    ['HELPCRUNCH-API-KEY', 'HELPCRUNCH_API_KEY'],
    ['HELPCURNCH_API_KEY', 'HELPCRUNCH_API_KEY'],
    ['JWTSECRET', 'JWT_SECRET'],
    ['CACHE_CHAT_TTL_MS', 'CACHE_CHATS_TTL_MS'],
    ['MAX_UPSTREAM_CALL', 'MAX_UPSTREAM_CALLS'],
    ['TRUSTPROXY', 'TRUST_PROXY'],
    ['HOSTS', 'HOST'],
    ['HSOT', 'HOST'],
    ['API_KEY', 'HELPCRUNCH_API_KEY'],
    ['api_key', 'HELPCRUNCH_API_KEY'],
    ['API_TOKEN', 'HELPCRUNCH_API_KEY'],
    ['HC_API_KEY', 'HELPCRUNCH_API_KEY'],
    ['HELPCRUNCH_TOKEN', 'HELPCRUNCH_API_KEY'],
    ['HELPCRUNCH_API_TOKEN', 'HELPCRUNCH_API_KEY'],
    ['API_URL', 'HELPCRUNCH_API_URL'],
    ['WEBHOOK_SECRET', 'HELPCRUNCH_WEBHOOK_SECRET'],
    ['https_proxy', 'HTTPS_PROXY'],
  ])('the unknown variable %s is reported with the suggestion %s', (name, suggestion) => {
    expect(warned({ [name]: 'any' })).toEqual([
      `${name}: is not a setting. Did you mean ${suggestion}?`,
    ]);
  });

  test('an unknown variable without a similar setting is reported without a suggestion', () => {
    expect(warned({ HELPCRUNCH_COLOUR_OF_THE_EXPLORER: 'red' })).toEqual([
      'HELPCRUNCH_COLOUR_OF_THE_EXPLORER: is not a setting. It has no effect.',
    ]);
  });

  test('an empty HELPCRUNCH_API_KEY is reported, because data is simulated', () => {
    const warnings = (environment: Environment) =>
      configWarnings(environment).map(({ variable, message }) => `${variable}: ${message}`);

    expect(warnings({ HELPCRUNCH_API_KEY: '' })).toEqual([
      'HELPCRUNCH_API_KEY: is empty, so data is simulated. Set the key, or DEMO=true.',
    ]);
    expect(warnings({ HELPCRUNCH_API_KEY: '', DEMO: 'true' })).toEqual([]);
    expect(warnings({ HELPCRUNCH_API_KEY: '', AUTH: 'forward' })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });

  test('a variable of another program is not reported', () => {
    const others = {
      ...Object.fromEntries(
        [
          'HOME',
          'PATH',
          'HOSTNAME',
          'AUTHOR',
          'host',
          'port',
          'LOGNAME',
          'NODE_OPTIONS',
          'NO_COLOR',
          'HTTP_PROXY',
          'http_proxy',
        ].map((name) => [name, 'any']),
      ),
      OTEL_EXPORTER_OTLP_HEADERS: 'any',
      OTEL_TRACES_SAMPLER: 'any',
      npm_config_port: '1',
      OPENAI_API_KEY: 'any',
      GITHUB_TOKEN: 'any',
      DATABASE_URL: 'any',
      MAX_DEPTHS: '',
      HELPCRUNCH_GRAPHQL_SERVICE_HOST: '10.0.0.1',
      HELPCRUNCH_GRAPHQL_SERVICE_PORT: '4000',
      HELPCRUNCH_GRAPHQL_PORT: 'tcp://10.0.0.1:4000',
      HELPCRUNCH_GRAPHQL_PORT_4000_TCP_ADDR: '10.0.0.1',
      CACHE_SERVICE_HOST: '10.0.0.2',
      CACHE_PORT: 'tcp://10.0.0.2:6379',
    };

    expect(warned(others)).toEqual([]);
  });

  test('an unknown variable is logged by a gateway inside another program', () => {
    const warnings: unknown[] = [];
    const log = { ...silent, warn: (...line: unknown[]) => void warnings.push(line) };

    createGateway({ ...live, HELPCRUNCH_APIKEY: 'any' } as Settings, { log });

    expect(warnings).toEqual([
      [
        'questionable setting',
        {
          variable: 'HELPCRUNCH_APIKEY',
          reason: 'is not a setting. Did you mean HELPCRUNCH_API_KEY?',
        },
      ],
    ]);
  });
});
