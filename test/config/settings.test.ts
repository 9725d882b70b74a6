import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { loadConfig, configWarnings } from '../../src/config/loadConfig.ts';
import { ConfigError, readConfig } from '../../src/config/settings.ts';
import { readSentinelUrl } from '../../src/lib/redisUrl.ts';
import { testCertificate } from '../support/certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'helpcrunch-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileWith(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const defaults = {
  host: '127.0.0.1',
  port: 4000,
  apiKey: undefined,
  apiUrl: 'https://api.helpcrunch.com/v1',
  account: 'default',
  rateLimit: 120,
  maxReferenceCalls: 60,
  operationTimeoutMs: 10_000,
  upstreamTimeoutMs: 5_000,
  upstreamMaxBytes: 2_097_152,
  auth: { mode: 'none' },
  corsOrigins: [],
  shutdown: { delayMs: 0, graceMs: 10_000 },
  logLevel: 'info',
  logFormat: undefined,
  traceExportProtocol: undefined,
  allowedHosts: 'loopback',
  sending: { sendTimeoutMs: 30_000, maxUnsentBytes: 67_108_864 },
  isProduction: false,
};

type Environment = Parameters<typeof readConfig>[0];

/** The variables that the error lists; any other outcome fails. */
function problemsOf(environment: Environment): readonly string[] {
  let thrown: unknown;
  try {
    readConfig(environment);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConfigError);
  const [first, ...problems] = (thrown as ConfigError).message.split('\n');
  expect(first).toBe('The gateway cannot start with these settings:');
  for (const problem of problems) expect(problem).toMatch(/^ {2}[A-Z_]+: \S/);
  return problems.map((problem) => problem.trim().split(':')[0] ?? '');
}

const variables = [
  'HOST',
  'PORT',
  'HELPCRUNCH_API_KEY',
  'HELPCRUNCH_API_URL',
  'ACCOUNT',
  'ACCOUNTS_FILE',
  'HELPCRUNCH_ON_HOLD_SPELLING',
  'HELPCRUNCH_RATE_LIMIT',
  'HELPCRUNCH_WEBHOOK_SECRET',
  'OPERATION_TIMEOUT_MS',
  'REDIS_TIMEOUT_MS',
  'UPSTREAM_TIMEOUT_MS',
  'UPSTREAM_MAX_BYTES',
  'AUTH',
  'JWT_SECRET',
  'JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'JWT_ROLE_CLAIM',
  'JWT_AGENT_ID_CLAIM',
  'JWT_CUSTOMER_ID_CLAIM',
  'JWT_USER_ID_CLAIM',
  'JWT_ACCOUNT_CLAIM',
  'ALLOW_UNAUTHENTICATED',
  'CORS_ORIGINS',
  'SHUTDOWN_DELAY_MS',
  'SHUTDOWN_GRACE_MS',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'NODE_ENV',
  'ALLOWED_HOSTS',
  'SEND_TIMEOUT_MS',
  'MAX_UNSENT_BYTES',
  'MAX_PARTIAL_BODY_BYTES',
  'DEMO',
];

describe('defaults', () => {
  test('apply to every setting that is not given', () => {
    expect(readConfig({})).toMatchObject(defaults);
  });

  test('apply to empty variables', () => {
    const environment = Object.fromEntries(variables.map((name) => [name, '']));

    expect(readConfig(environment)).toEqual(readConfig({}));
  });

  test('give chats a TTL of a minute with webhooks and of 5 seconds without', () => {
    const key = { HELPCRUNCH_API_KEY: 'key' };
    const withWebhooks = { ...key, HELPCRUNCH_WEBHOOK_SECRET: 'a signing key' };

    const chats = [
      readConfig(key, 'demo secret'),
      readConfig(withWebhooks),
      readConfig({ ...withWebhooks, CACHE_CHATS_TTL_MS: '7' }),
      readConfig({}, 'demo secret'),
    ].map(({ cacheTtlsMs }) => cacheTtlsMs.chats);

    expect(chats).toEqual([5_000, 60_000, 7, 60_000]);
  });

  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.9.9.9', 'loopback'],
    ['localhost', 'loopback'],
    ['LOCALHOST', 'loopback'],
    ['::1', 'loopback'],
    ['[::1]', 'loopback'],
    ['0.0.0.0', 'any'],
    ['::', 'any'],
    ['192.0.2.1', 'any'],
    ['gateway.internal', 'any'],
  ])('a gateway that listens on %s accepts the hosts: %s', (HOST, allowedHosts) => {
    expect(readConfig({ HOST, DEMO: 'true' })).toMatchObject({ allowedHosts });
  });

  test('a webhook secret is rejected with AUTH=forward', () => {
    expect(problemsOf({ AUTH: 'forward', HELPCRUNCH_WEBHOOK_SECRET: 'a signing key' })).toEqual([
      'HELPCRUNCH_WEBHOOK_SECRET',
    ]);
  });

  test.each(['w', 'seven77'])(
    'a webhook secret of fewer than 8 characters is rejected: %s',
    (secret) => {
      expect(problemsOf({ HELPCRUNCH_API_KEY: 'key', HELPCRUNCH_WEBHOOK_SECRET: secret })).toEqual([
        'HELPCRUNCH_WEBHOOK_SECRET',
      ]);
    },
  );

  test('a webhook secret of 8 characters is accepted', () => {
    const settings = { HELPCRUNCH_API_KEY: 'key', HELPCRUNCH_WEBHOOK_SECRET: 'eight888' };

    expect(readConfig(settings).webhookSecret).toBe('eight888');
  });

  test('the webhook secret of the simulator is used in demo mode', () => {
    const secrets = [
      readConfig({}, 'demo secret'),
      readConfig({ HELPCRUNCH_API_KEY: 'key' }, 'demo secret'),
      readConfig({ AUTH: 'forward' }, 'demo secret'),
      readConfig({ HELPCRUNCH_WEBHOOK_SECRET: 'a signing key' }, 'demo secret'),
    ].map(({ webhookSecret }) => webhookSecret);

    expect(secrets).toEqual(['demo secret', undefined, undefined, 'a signing key']);
  });

  test('variables of other programs are ignored', () => {
    const environment = { PATH: '/bin', AUTHOR: 'x', npm_config_port: '1' };

    expect(readConfig(environment)).toEqual(readConfig({}));
  });
});

const mcpOff = { isEnabled: false, operations: undefined, allowsWrites: false };

describe('each variable', () => {
  test.each([
    [
      { HOST: '0.0.0.0', DEMO: 'true' },
      { host: '0.0.0.0', allowedHosts: 'any' },
    ],
    [{ HOST: '::1' }, { host: '::1' }],
    [{ PORT: '0' }, { port: 0 }],
    [{ PORT: '65535' }, { port: 65_535 }],
    [{ HELPCRUNCH_API_KEY: 'a+/=%2F' }, { apiKey: 'a+/=%2F', mcp: mcpOff }],
    [{ HELPCRUNCH_API_URL: 'http://127.0.0.1:9/v1' }, { apiUrl: 'http://127.0.0.1:9/v1' }],
    [{ HELPCRUNCH_API_URL: 'https://a.example/v1//' }, { apiUrl: 'https://a.example/v1' }],
    [{ HELPCRUNCH_API_URL: 'https://a.example' }, { apiUrl: 'https://a.example' }],
    [{ HELPCRUNCH_RATE_LIMIT: '0' }, { rateLimit: 0 }],
    [{ HELPCRUNCH_RATE_LIMIT: '41' }, { rateLimit: 41, maxReferenceCalls: 20 }],
    [{ HELPCRUNCH_RATE_LIMIT: '1' }, { rateLimit: 1, maxReferenceCalls: 1 }],
    [
      { HELPCRUNCH_RATE_LIMIT: '600', MAX_REFERENCE_CALLS: '301' },
      { rateLimit: 600, maxReferenceCalls: 300 },
    ],
    [
      { HELPCRUNCH_RATE_LIMIT: '0', MAX_REFERENCE_CALLS: '301' },
      { rateLimit: 0, maxReferenceCalls: 301 },
    ],
    [{ ACCOUNT: 'Shop_2-eu' }, { account: 'Shop_2-eu' }],
    [{ OPERATION_CACHE: 'off' }, { operationCache: 'off' }],
    [{ OPERATION_TIMEOUT_MS: '1' }, { operationTimeoutMs: 1 }],
    [{ REDIS_TIMEOUT_MS: '250' }, { redisTimeoutMs: 250 }],
    [{ UPSTREAM_TIMEOUT_MS: '600000' }, { upstreamTimeoutMs: 600_000 }],
    [{ UPSTREAM_MAX_BYTES: '1024' }, { upstreamMaxBytes: 1_024 }],
    [{ AUTH: 'none' }, { auth: { mode: 'none' } }],
    [{ AUTH: 'forward' }, { auth: { mode: 'forward' }, requestRateLimit: 600, mcp: mcpOff }],
    [{ MCP: 'false' }, { mcp: mcpOff }],
    [{ MCP_WRITES: 'true' }, { mcp: { ...mcpOff, isEnabled: true, allowsWrites: true } }],
    [{ PUBLIC_URL: 'https://a.example/b/' }, { publicUrl: 'https://a.example/b' }],
    [{ ALLOW_UNAUTHENTICATED: 'true' }, {}],
    [{ ALLOW_UNAUTHENTICATED: 'false' }, {}],
    [{ CORS_ORIGINS: 'https://a.example' }, { corsOrigins: ['https://a.example'] }],
    [
      { CORS_ORIGINS: ' https://a.example , http://localhost:3000 ' },
      { corsOrigins: ['https://a.example', 'http://localhost:3000'] },
    ],
    [{ MAX_DEPTH: '3' }, { limits: { depth: 3, aliases: 30, directives: 20, tokens: 2_000 } }],
    [{ MAX_ALIASES: '0' }, { limits: { depth: 12, aliases: 0, directives: 20, tokens: 2_000 } }],
    [{ MAX_DIRECTIVES: '1' }, { limits: { depth: 12, aliases: 30, directives: 1, tokens: 2_000 } }],
    [{ MAX_TOKENS: '99' }, { limits: { depth: 12, aliases: 30, directives: 20, tokens: 99 } }],
    [{ MAX_BODY_BYTES: '1024' }, { maxBodyBytes: 1_024 }],
    [{ MAX_CONNECTIONS: '1' }, { maxConnections: 1 }],
    [{ METRICS_PORT: '9464' }, { metricsServer: { host: '127.0.0.1', port: 9_464 } }],
    [
      { METRICS_PORT: '0', METRICS_HOST: '0.0.0.0' },
      { metricsServer: { host: '0.0.0.0', port: 0 } },
    ],
    [{ REQUEST_TIMEOUT_MS: '100' }, { requestTimeoutMs: 100 }],
    [{ REQUEST_RATE_LIMIT: '7' }, { requestRateLimit: 7 }],
    [{ AUTH_FAILURE_LIMIT: '0' }, { authFailureLimit: 0 }],
    [{ SEND_TIMEOUT_MS: '100' }, { sending: { sendTimeoutMs: 100, maxUnsentBytes: 67_108_864 } }],
    [{ MAX_UNSENT_BYTES: '65536' }, { sending: { sendTimeoutMs: 30_000, maxUnsentBytes: 65_536 } }],
    [{ MAX_PARTIAL_BODY_BYTES: '8388608' }, { maxPartialBodyBytes: 8_388_608 }],
    [{ ALLOWED_HOSTS: ' API.example.com. ,a_b' }, { allowedHosts: ['api.example.com', 'a_b'] }],
    [
      { ALLOWED_HOSTS: '127.0.0.1,::1,[2001:DB8:0::1]' },
      { allowedHosts: ['127.0.0.1', '[::1]', '[2001:db8::1]'] },
    ],
    [
      { ALLOWED_HOSTS: 'localhost', HOST: '0.0.0.0', DEMO: 'true' },
      { allowedHosts: ['localhost'], host: '0.0.0.0' },
    ],
    [{ TRUST_PROXY: '0' }, { trustProxy: 0 }],
    [{ TRUST_PROXY: '2' }, { trustProxy: 2 }],
    [
      { TRUST_PROXY: '10.0.0.0/8, 192.0.2.7,2001:db8::/32' },
      { trustProxy: ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'] },
    ],
    [{ PERSISTED_ONLY: 'false' }, { persistedOnly: 'false' }],
    [{ NODE_ENV: 'production', DEMO: 'true' }, { isProduction: true }],
    [
      { NODE_ENV: 'production', HELPCRUNCH_API_KEY: 'k' },
      { isProduction: true, apiKey: 'k', mcp: mcpOff },
    ],
    [{ NODE_ENV: 'development' }, { isProduction: false }],
    [{ NODE_ENV: 'test' }, { isProduction: false }],
  ])('%j is read as %j', (environment: Environment, expected) => {
    expect(readConfig(environment)).toEqual({ ...readConfig({}), ...expected });
  });

  test.each([
    ['router.example.com', ['https://router.example.com']],
    ['Router.Example.com:443', ['https://router.example.com']],
    ['router.example.com:8443', ['https://router.example.com:8443']],
    ['http://router.internal:4000', ['http://router.internal:4000']],
    ['http://apollo_router:80/', ['http://apollo_router']],
    ['https://router.example.com', ['https://router.example.com']],
    ['127.0.0.1', ['https://127.0.0.1']],
    ['http://127.0.0.1:4000', ['http://127.0.0.1:4000']],
    ['[::1]:4000', ['https://[::1]:4000']],
    ['http://[2001:db8::1]', ['http://[2001:db8::1]']],
    ['a.example, http://b.example:1 ', ['https://a.example', 'http://b.example:1']],
  ])('SUBSCRIPTION_CALLBACK_HOSTS=%s is read as the origins %j', (text, origins) => {
    const { subscriptions } = readConfig({ SUBSCRIPTION_CALLBACK_HOSTS: text });

    expect(subscriptions.callbackHosts).toEqual(origins);
  });

  test.each([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, 'http/json'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, 'http/json'],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'http/json'],
    [
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
      'http/protobuf',
    ],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, undefined],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318' }, undefined],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' }, undefined],
  ])('%j sends traces as %j', (environment, traces) => {
    expect(readConfig(environment).traceExportProtocol).toBe(traces);
  });

  test.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', 'http'],
    ['PORT', '4000.5'],
    ['PORT', '0x10'],
    ['PORT', '1e3'],
    ['PORT', ' 4000'],
    ['PORT', '９'],
    ['HELPCRUNCH_API_KEY', 'two words'],
    ['HELPCRUNCH_API_KEY', 'key\n'],
    ['HELPCRUNCH_API_KEY', 'ключ'],
    ['HELPCRUNCH_API_URL', 'api.helpcrunch.com/v1'],
    ['HELPCRUNCH_API_URL', 'ftp://a.example/v1'],
    ['HELPCRUNCH_API_URL', 'nonsense'],
    ['HELPCRUNCH_API_URL', 'https://user:secret@a.example/v1'],
    ['HELPCRUNCH_API_URL', 'https://a.example/v1?key=1'],
    ['HELPCRUNCH_API_URL', 'https://a.example/v1#x'],
    ['HELPCRUNCH_API_URL', 'https://a.example/v1?'],
    ['HELPCRUNCH_API_URL', 'https://a.example/v1#'],
    ['ACCOUNT', 'a b'],
    ['ACCOUNT', 'a:b'],
    ['ACCOUNT', '{a}'],
    ['ACCOUNT', 'ä'],
    ['ACCOUNT', 'a'.repeat(65)],
    ['HELPCRUNCH_RATE_LIMIT', '-1'],
    ['HELPCRUNCH_RATE_LIMIT', 'none'],
    ['OPERATION_TIMEOUT_MS', '0'],
    ['REDIS_TIMEOUT_MS', '0'],
    ['MAX_DEPTH', '0'],
    ['MAX_TOKENS', 'many'],
    ['MAX_BODY_BYTES', '0'],
    ['MAX_CONNECTIONS', '0'],
    ['METRICS_PORT', '65536'],
    ['METRICS_PORT', '4000'],
    ['METRICS_PORT', 'http'],
    ['REQUEST_TIMEOUT_MS', '0'],
    ['REQUEST_RATE_LIMIT', '-1'],
    ['SEND_TIMEOUT_MS', '0'],
    ['SEND_TIMEOUT_MS', '99'],
    ['MAX_UNSENT_BYTES', '0'],
    ['MAX_UNSENT_BYTES', '64k'],
    ['MAX_PARTIAL_BODY_BYTES', '0'],
    ['ALLOWED_HOSTS', '*'],
    ['ALLOWED_HOSTS', '*.example.com'],
    ['ALLOWED_HOSTS', 'localhost:4000'],
    ['ALLOWED_HOSTS', '[::1]:4000'],
    ['ALLOWED_HOSTS', '[::g]'],
    ['ALLOWED_HOSTS', 'https://example.com'],
    ['ALLOWED_HOSTS', 'user@example.com'],
    ['ALLOWED_HOSTS', 'a.example,'],
    ['ALLOWED_HOSTS', '.'],
    ['NODE_ENV', 'prod'],
    ['NODE_ENV', 'Production'],
    ['NODE_ENV', 'staging'],
    ['DEMO', 'yes'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10'],
    ['TRUST_PROXY', 'proxy.example.com'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.0/8/8'],
    ['TRUST_PROXY', '10.0.0.1,'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', '*.example.com'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', '*'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', '::1'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'router.example.com/callback'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'https://router.example.com/callback'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'https://router.example.com?a'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'https://user:secret@router.example.com'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'user@router.example.com'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'ws://router.example.com'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'file:///etc'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'router.example.com:99999'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'a.example,,b.example'],
    ['SUBSCRIPTION_CALLBACK_HOSTS', 'a.example b.example'],
    ['PERSISTED_OPERATIONS', '/nowhere/operations.json'],
    ['PERSISTED_ONLY', 'true'],
    ['OPERATION_CACHE', 'apollo'],
    ['OPERATION_TIMEOUT_MS', '10s'],
    ['OPERATION_TIMEOUT_MS', '999999999999'],
    ['UPSTREAM_TIMEOUT_MS', '0'],
    ['UPSTREAM_TIMEOUT_MS', 'Infinity'],
    ['UPSTREAM_MAX_BYTES', '1'],
    ['AUTH', 'unknown'],
    ['AUTH', 'NONE'],
    ['ALLOW_UNAUTHENTICATED', 'yes'],
    ['ALLOW_UNAUTHENTICATED', '1'],
    ['SHUTDOWN_DELAY_MS', '-1'],
    ['SHUTDOWN_GRACE_MS', '1s'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['CORS_ORIGINS', 'nonsense'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'app.example.com'],
    ['CORS_ORIGINS', 'https://a.example/'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['CORS_ORIGINS', 'https://a.example https://b.example'],
    ['CORS_ORIGINS', 'https://a.example,nonsense'],
    ['CORS_ORIGINS', 'file://a'],
    ['CORS_ORIGINS', 'null'],
  ])('%s=%j is rejected with its name', (name, value) => {
    expect(new Set(problemsOf({ [name]: value }))).toEqual(new Set([name]));
  });

  test('an error never repeats a key or a URL', () => {
    const environment = {
      HELPCRUNCH_API_KEY: 'my secret',
      HELPCRUNCH_API_URL: 'https://user:secret@a.example',
    };

    expect(() => readConfig(environment)).toThrow(ConfigError);
    expect(() => readConfig(environment)).not.toThrow(/secret/);
  });
});

describe('a former name of a setting', () => {
  test.each([
    ['READY_ANSWERS_MAX_BYTES', 'RESPONSE_CACHE_MAX_BYTES instead (0 to 17179869184).'],
    ['CACHE_CHATS_MS', 'CACHE_CHATS_TTL_MS instead (0 to 86400000).'],
    ['CACHE_CUSTOMERS_MS', 'CACHE_CUSTOMERS_TTL_MS instead (0 to 86400000).'],
    ['CACHE_ACCOUNT_MS', 'CACHE_ACCOUNT_TTL_MS instead (0 to 86400000).'],
    ['CACHE_ABSENT_MS', 'CACHE_NEGATIVE_TTL_MS instead (0 to 86400000).'],
    ['SUBGRAPH_LEAVE_OUT', 'SUBGRAPH_EXCLUDE_FIELDS instead (list of fields).'],
    ['EXECUTION', 'OPERATION_CACHE instead (`direct` is now `on`, `apollo` is now `off`).'],
  ])('%s is rejected with the new name', (name, advice) => {
    expect(() => readConfig({ [name]: '1' })).toThrow(`  ${name}: was renamed. Set ${advice}`);
    expect(() => readConfig({ [name]: '' })).not.toThrow();
  });

  test('is not reported as a misspelled setting as well', () => {
    expect(configWarnings({ CACHE_CHATS_MS: '1' })).toEqual([]);
  });
});

describe('several invalid settings', () => {
  test('are listed in one message', () => {
    const wrong = {
      PORT: 'x',
      HELPCRUNCH_API_KEY: 'a b',
      HELPCRUNCH_API_URL: 'ftp://a.example',
      HELPCRUNCH_RATE_LIMIT: '-1',
      OPERATION_TIMEOUT_MS: '0',
      UPSTREAM_TIMEOUT_MS: '1.5',
      UPSTREAM_MAX_BYTES: '1',
      AUTH: 'x',
      ALLOW_UNAUTHENTICATED: 'x',
      CORS_ORIGINS: 'https://a.example/,http://b.example/x',
    };

    expect(new Set(problemsOf(wrong))).toEqual(new Set(Object.keys(wrong)));
  });

  test('are listed together with a wrong combination', () => {
    const problems = problemsOf({
      HOST: '0.0.0.0',
      HELPCRUNCH_API_KEY: 'key',
      HELPCRUNCH_RATE_LIMIT: 'x',
    });

    expect(problems).toEqual(expect.arrayContaining(['AUTH', 'HELPCRUNCH_RATE_LIMIT']));
  });
});

describe('an account that every client could use', () => {
  const HELPCRUNCH_API_KEY = 'key';

  test.each([
    '0.0.0.0',
    '::',
    '192.168.1.2',
    'gateway.example',
    '127.0.0.1.evil.example',
    '1270.0.0.1',
  ])('is rejected on HOST=%s', (HOST) => {
    expect(problemsOf({ HOST, HELPCRUNCH_API_KEY })).toEqual(['AUTH']);
    expect(problemsOf({ HOST, HELPCRUNCH_API_KEY, ALLOW_UNAUTHENTICATED: 'false' })).toEqual([
      'AUTH',
    ]);
  });

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('is accepted on HOST=%s', (HOST) => {
    expect(readConfig({ HOST, HELPCRUNCH_API_KEY })).toMatchObject({ host: HOST });
  });

  test('is accepted with ALLOW_UNAUTHENTICATED=true', () => {
    const environment = { HOST: '0.0.0.0', HELPCRUNCH_API_KEY, ALLOW_UNAUTHENTICATED: 'true' };

    expect(readConfig(environment)).toMatchObject({ host: '0.0.0.0', apiKey: 'key' });
  });
});

describe('AUTH=jwt', () => {
  const JWT_SECRET = 'a secret of at least 32 bytes, ok';
  const JWKS_URL = 'https://login.example.com/keys';

  test('verifies tokens by a secret or by public keys', () => {
    const claimNames = {
      role: 'role',
      agentId: 'agentId',
      customerId: 'customerId',
      userId: 'userId',
      account: 'account',
    };
    const expected = { issuer: undefined, audience: undefined, claimNames };

    expect(readConfig({ AUTH: 'jwt', JWT_SECRET }).auth).toEqual({
      mode: 'jwt',
      signedBy: { secret: JWT_SECRET },
      ...expected,
    });
    expect(readConfig({ AUTH: 'jwt', JWKS_URL }).auth).toEqual({
      mode: 'jwt',
      signedBy: { jwksUrl: JWKS_URL },
      ...expected,
    });
  });

  test('reads configured claims', () => {
    const environment = {
      AUTH: 'jwt',
      JWT_SECRET,
      JWT_ISSUER: 'https://login.example.com/',
      JWT_AUDIENCE: 'helpdesk',
      JWT_ROLE_CLAIM: 'https://example.com/role',
      JWT_AGENT_ID_CLAIM: 'helpdesk.agent',
      JWT_CUSTOMER_ID_CLAIM: 'helpdesk.customer',
      JWT_USER_ID_CLAIM: 'sub',
    };

    expect(readConfig(environment).auth).toMatchObject({
      issuer: 'https://login.example.com/',
      audience: 'helpdesk',
      claimNames: {
        role: 'https://example.com/role',
        agentId: 'helpdesk.agent',
        customerId: 'helpdesk.customer',
        userId: 'sub',
      },
    });
  });

  test.each([
    ['there is no key', { AUTH: 'jwt' }, ['AUTH']],
    ['there are a secret and public keys', { AUTH: 'jwt', JWT_SECRET, JWKS_URL }, ['JWT_SECRET']],
    [
      'the secret is short',
      { AUTH: 'jwt', JWT_SECRET: 'a secret of not quite 32 bytes.' },
      ['JWT_SECRET'],
    ],
    [
      'keys are read over http',
      { AUTH: 'jwt', JWKS_URL: 'http://login.example.com/keys' },
      ['JWKS_URL'],
    ],
    ['JWKS_URL is not a URL', { AUTH: 'jwt', JWKS_URL: 'login.example.com' }, ['JWKS_URL']],
    ['AUTH is none', { JWT_SECRET, JWT_AUDIENCE: 'a' }, ['JWT_SECRET', 'JWT_AUDIENCE']],
    ['AUTH is forward', { AUTH: 'forward', JWKS_URL }, ['JWKS_URL']],
  ])('is rejected if %s', (_reason, environment: Environment, names) => {
    expect(problemsOf(environment)).toEqual(names);
  });

  test.each(['http://127.0.0.1:9/keys', 'http://localhost:9/keys', 'http://[::1]:9/keys'])(
    'accepts keys from this machine: %s',
    (url) => {
      expect(readConfig({ AUTH: 'jwt', JWKS_URL: url }).auth).toMatchObject({
        signedBy: { jwksUrl: url },
      });
    },
  );

  test('is accepted on a HOST that other machines reach', () => {
    const environment = { HOST: '0.0.0.0', HELPCRUNCH_API_KEY: 'key', AUTH: 'jwt', JWT_SECRET };

    expect(readConfig(environment)).toMatchObject({ host: '0.0.0.0' });
  });
});

describe('MUTATIONS', () => {
  test('a name that is not a mutation of the schema is a start-up error', () => {
    expect(() => loadConfig({ MUTATIONS: 'setChatStatus, closeChat, chat' })).toThrow(ConfigError);
    expect(() => loadConfig({ MUTATIONS: 'setChatStatus, closeChat, chat' })).toThrow(
      /MUTATIONS: the schema has no mutation closeChat[^]*MUTATIONS: the schema has no mutation chat/,
    );
  });

  test.each([
    ['setChatstatus', 'setChatStatus'],
    ['markChatsRead', 'markChatRead'],
    ['addCustomerTag', 'addCustomerTags'],
  ])('the misspelled name %s is rejected with the suggestion %s', (MUTATIONS, name) => {
    expect(() => loadConfig({ MUTATIONS })).toThrow(
      `MUTATIONS: the schema has no mutation ${MUTATIONS}. Did you mean ${name}?`,
    );
  });

  test.each([
    ['all', 'all'],
    ['none', 'none'],
    ['setChatStatus,markChatRead', ['setChatStatus', 'markChatRead']],
  ])('%s is accepted', (MUTATIONS, mutations) => {
    expect(loadConfig({ MUTATIONS }).mutations).toEqual(mutations);
  });
});

describe('the settings of Redis', () => {
  const files = Object.fromEntries(
    Object.entries(testCertificate).map(([name, text]) => [name, fileWith(name, text)]),
  ) as Record<keyof typeof testCertificate, string>;
  const otherKey = fileWith(
    'other',
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  );
  const broken = fileWith('broken', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----');
  const account = { ACCOUNT: 'acme' };

  test.each([
    'redis://127.0.0.1',
    'redis://user:password@redis.example.com:6379/3',
    'rediss://redis.example.com',
    'redis-sentinel://a/main',
    'redis-sentinel://a,b:26380,[::1]:26381/main/15',
    'redis-sentinel://user:pass%2Fword@a:1,b:2/my.main-1',
    'rediss-sentinel://:password@10.0.0.7:26379/main',
  ])('REDIS_URL=%s is accepted', (REDIS_URL) => {
    expect(readConfig({ ...account, REDIS_URL }).redisUrl).toBe(REDIS_URL);
  });

  test.each([
    'redis.example.com',
    'http://redis.example.com',
    'redis-sentinel://',
    'redis-sentinel://a',
    'redis-sentinel://a/',
    'redis-sentinel://a/0',
    'redis-sentinel://a,/main',
    'redis-sentinel://a:port/main',
    'redis-sentinel://a:65536/main',
    'redis-sentinel://a b/main',
    'redis-sentinel://a/main/one',
    'redis-sentinel://a/main?db=1',
    'redis-sentinel://user@name:password@a/main',
  ])('REDIS_URL=%s is rejected', (REDIS_URL) => {
    expect(problemsOf({ ...account, REDIS_URL })).toEqual(['REDIS_URL']);
  });

  test('a URL of Sentinel names sentinels, primary, database and credentials of Redis', () => {
    expect(readSentinelUrl('rediss-sentinel://me:pass%2Fword@a,[::1]:7/main/3')).toEqual({
      sentinels: [
        { host: 'a', port: 26_379 },
        { host: '::1', port: 7 },
      ],
      name: 'main',
      username: 'me',
      password: 'pass/word',
      database: 3,
      isEncrypted: true,
    });
    expect(readSentinelUrl('redis-sentinel://a/main')).toMatchObject({
      ...{ username: undefined, password: undefined, database: 0, isEncrypted: false },
    });
  });

  test('certificates, the key, the prefix and the credentials of the sentinels are read', () => {
    const { redis } = readConfig({
      ...account,
      REDIS_URL: 'rediss-sentinel://127.0.0.1/main',
      REDIS_TLS_CA_FILE: files.cert,
      REDIS_TLS_CERT_FILE: files.cert,
      REDIS_TLS_KEY_FILE: files.key,
      REDIS_SENTINEL_USERNAME: 'gateway',
      REDIS_SENTINEL_PASSWORD_FILE: fileWith('password', 'a password\n'),
      REDIS_KEY_PREFIX: 'staging:eu_1.2-',
    });

    expect(redis).toEqual({
      sentinelUsername: 'gateway',
      sentinelPassword: 'a password',
      tls: { ca: testCertificate.cert, cert: testCertificate.cert, key: testCertificate.key },
      keyPrefix: 'staging:eu_1.2-',
    });
  });

  test.each<[Environment, readonly string[]]>([
    [{ REDIS_TLS_CA_FILE: '/nowhere' }, ['REDIS_TLS_CA_FILE']],
    [{ REDIS_TLS_CA_FILE: broken }, ['REDIS_TLS_CA_FILE']],
    [{ REDIS_TLS_CA_FILE: files.key }, ['REDIS_TLS_CA_FILE']],
    [
      { REDIS_TLS_CERT_FILE: broken, REDIS_TLS_KEY_FILE: broken },
      ['REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'],
    ],
    [{ REDIS_TLS_CERT_FILE: files.cert, REDIS_TLS_KEY_FILE: files.cert }, ['REDIS_TLS_KEY_FILE']],
    [{ REDIS_TLS_CERT_FILE: files.cert, REDIS_TLS_KEY_FILE: otherKey }, ['REDIS_TLS_KEY_FILE']],
    [{ REDIS_TLS_CERT_FILE: files.cert }, ['REDIS_TLS_CERT_FILE']],
    [{ REDIS_TLS_KEY_FILE: files.key }, ['REDIS_TLS_CERT_FILE']],
    [{ REDIS_KEY_PREFIX: 'a b' }, ['REDIS_KEY_PREFIX']],
    [{ REDIS_KEY_PREFIX: '{a}' }, ['REDIS_KEY_PREFIX']],
    [{ REDIS_KEY_PREFIX: '*' }, ['REDIS_KEY_PREFIX']],
    [{ REDIS_KEY_PREFIX: 'a'.repeat(65) }, ['REDIS_KEY_PREFIX']],
    [{ REDIS_SENTINEL_PASSWORD: 'any' }, ['REDIS_SENTINEL_PASSWORD']],
    [{ REDIS_SENTINEL_USERNAME: 'any' }, ['REDIS_SENTINEL_USERNAME']],
  ])('%j is rejected', (environment, problems) => {
    expect(problemsOf({ ...account, REDIS_URL: 'rediss://127.0.0.1', ...environment })).toEqual(
      problems,
    );
  });
});
