import { lookup } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { exchange, head, openConnection } from '../support/rawHttp.ts';
import { signatureOf, webhookSecret, wireDelivery } from '../support/webhooks.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

let helpCrunch: RecordingUpstream;
/** Listens on this machine and names no hosts. */
let local: Gateway;
/** Takes what a gateway on all addresses takes. */
let open: Gateway;
let named: Gateway;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  const start = (environment: Readonly<Record<string, string>>) => {
    const { allowedHosts } = readConfig(environment);
    return startTestGateway({ upstream: helpCrunch, config: { allowedHosts, webhookSecret } });
  };
  [local, open, named] = await Promise.all([
    start({}),
    start({ HOST: '0.0.0.0', DEMO: 'true' }),
    start({
      ALLOWED_HOSTS: 'API.example.com, other.example., 192.0.2.7, 2001:DB8::1, [2001:db8::2]',
    }),
  ]);
});

afterAll(async () => {
  await Promise.all([local, open, named].map((gateway) => gateway.stop()));
  await helpCrunch[Symbol.asyncDispose]();
});

const operation = JSON.stringify({ query: '{ __typename }' });

interface RawRequest {
  readonly line?: string;
  readonly lines: readonly string[];
  readonly body?: string;
}

/** The answer to one request, for which the connection is closed. */
async function ask(
  { url }: Gateway,
  { line = 'POST /graphql HTTP/1.1', lines, body = operation }: RawRequest,
) {
  const fixed = ['Content-Type: application/json', 'Accept: application/json, text/event-stream'];
  const length = line.startsWith('POST') ? [`Content-Length: ${body.length}`] : [];
  const isUpgrade = lines.some((text) => text.startsWith('Upgrade:'));
  const end = isUpgrade ? [] : ['Connection: close'];
  const request = head(line, ...fixed, ...length, ...lines, ...end);
  const following = isUpgrade ? head('GET / HTTP/1.0', 'Connection: close') : '';
  const [response] = await exchange(url, request + (length.length > 0 ? body : '') + following);
  return response;
}

const statusFor = async (gateway: Gateway, host: string) =>
  (await ask(gateway, { lines: [`Host: ${host}`] }))?.status;

const localNames = [
  'localhost',
  'localhost:4000',
  'localhost:1',
  'LocalHost:4000',
  'localhost.',
  'localhost.:4000',
  '127.0.0.1',
  '127.0.0.1:4000',
  '127.0.0.1.',
  '127.1.2.3:4000',
  '[::1]',
  '[::1]:4000',
  '[0:0:0:0:0:0:0:1]:4000',
];

const foreignNames = [
  'evil.example',
  'evil.example:4000',
  'evil.example.',
  'localhost.evil.example',
  'localhost.evil.example:4000',
  'evil-localhost',
  '127.0.0.1.evil.example',
  '1127.0.0.1',
  'localhost,evil.example',
  'x.localhost',
  'localhost..',
  '.localhost',
  'local%68ost',
  '192.0.2.1:4000',
  '0.0.0.0:4000',
  '[::]:4000',
  '[::ffff:127.0.0.1]:4000',
  '[2001:db8::1]:4000',
  '',
];

const malformedNames = [
  'a b',
  'localhost evil.example',
  'localhost/',
  'localhost/evil.example',
  'localhost?',
  'localhost#',
  'localhost\\',
  'user@localhost',
  'localhost@evil.example',
  'evil.example:80@localhost',
  'localhost:4000:1',
  'localhost:x',
  'localhost:-1',
  '::1',
  '[::1',
  '::1]',
  '[::1]x',
  '[]',
  '[1.2.3]',
  '[::g]',
  '%zz',
  '<script>',
  'http://localhost',
  'l\xf6calhost',
];

describe('a gateway on a loopback address', () => {
  test.each(localNames)(
    'a gateway on a loopback address serves requests for the host %s',
    async (host) => {
      expect(await statusFor(local, host)).toBe(200);
    },
  );

  test.each(foreignNames)(
    'a gateway on a loopback address responds with 421 to requests for the host "%s", as sent after DNS rebinding',
    async (host) => {
      const response = await ask(local, { lines: [`Host: ${host}`] });

      expect(response?.status).toBe(421);
      expect(response?.headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
      expect(JSON.parse(response?.body ?? '')).toEqual({
        errors: [
          {
            message: expect.stringContaining('ALLOWED_HOSTS'),
            extensions: {
              code: 'BAD_REQUEST',
              retryable: false,
              requestId: response?.headers['x-request-id'],
            },
          },
        ],
        extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
      });
    },
  );

  const readable = 'query={__typename}';
  const preflight = 'apollo-require-preflight: 1';
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ];

  test.each([
    { what: 'an operation', request: { lines: [] }, usual: 200 },
    {
      what: 'an operation by GET',
      request: { line: `GET /graphql?${readable} HTTP/1.1`, lines: [preflight] },
      usual: 200,
    },
    {
      what: 'an operation after an ignored Upgrade',
      request: { lines: ['Connection: Upgrade', 'Upgrade: h2c'] },
      usual: 200,
    },
    { what: 'a WebSocket', request: { line: 'GET /graphql HTTP/1.1', lines: upgrade }, usual: 101 },
    { what: 'the metrics', request: { line: 'GET /metrics HTTP/1.1', lines: [] }, usual: 200 },
    { what: 'an explorer', request: { line: 'GET /explorer HTTP/1.1', lines: [] }, usual: 200 },
    {
      what: 'a part of an explorer',
      request: { line: 'GET /explorer/icon.svg HTTP/1.1', lines: [] },
      usual: 200,
    },
    { what: 'the front page', request: { line: 'GET / HTTP/1.1', lines: [] }, usual: 200 },
    { what: 'an unknown address', request: { line: 'GET /x HTTP/1.1', lines: [] }, usual: 404 },
    {
      what: 'a preflight request',
      request: {
        line: 'OPTIONS /graphql HTTP/1.1',
        lines: ['Origin: http://localhost:3000', 'Access-Control-Request-Method: POST'],
      },
      usual: 204,
    },
  ])(
    'a gateway on a loopback address serves $what for loopback hosts only',
    async ({ request, usual }) => {
      const origin = 'Origin: http://localhost:4000';
      const lines = [origin, ...request.lines];

      const own = await ask(local, { ...request, lines: ['Host: localhost:4000', ...lines] });
      const foreign = await ask(local, { ...request, lines: ['Host: evil.example', ...lines] });
      const forwarded = await ask(local, {
        ...request,
        lines: [
          'Host: evil.example',
          'X-Forwarded-Host: localhost',
          'Forwarded: host=localhost',
          ...lines,
        ],
      });

      expect(own?.status).toBe(usual);
      expect(foreign?.status).toBe(421);
      expect(forwarded?.status).toBe(421);
      expect(foreign?.headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test('a gateway on a loopback address serves event streams for loopback hosts only', async () => {
    const line = `GET /graphql/stream?${readable} HTTP/1.1`;

    const foreign = await ask(local, { line, lines: ['Host: evil.example'] });

    expect(foreign?.status).toBe(421);
  });

  test('X-Forwarded-Host is ignored, also from a trusted proxy', async () => {
    await using behind = await startTestGateway({
      upstream: helpCrunch,
      config: { trustProxy: 1 },
    });

    const lines = ['Host: evil.example', 'X-Forwarded-Host: localhost'];

    expect((await ask(behind, { lines }))?.status).toBe(421);
  });

  test('the authority of an absolute target takes precedence over the Host header', async () => {
    const ways = [
      ['http://localhost:4000', 'evil.example', 200],
      ['http://evil.example', 'localhost:4000', 421],
      ['http://localhost@evil.example', 'localhost', 400],
      ['http://localhost', 'a b', 400],
    ] as const;

    for (const [authority, host, status] of ways) {
      const line = `POST ${authority}/graphql HTTP/1.1`;
      const response = await ask(local, { line, lines: [`Host: ${host}`] });
      expect({ authority, host, status: response?.status }).toEqual({ authority, host, status });
    }
  });

  test.each(['/healthz', '/readyz'])('%s accepts any host', async (path) => {
    const response = await ask(local, {
      line: `GET ${path} HTTP/1.1`,
      lines: ['Host: pod-7:4000'],
    });

    expect(response?.status).toBe(200);
  });

  test('webhooks accept any host', async () => {
    const body = wireDelivery({ event: 'none', eventData: {} });
    const lines = ['Host: hooks.example.com', `X-HelpCrunch-Signature: ${signatureOf(body)}`];

    const response = await ask(local, {
      line: 'POST /webhooks/helpcrunch HTTP/1.1',
      lines,
      body,
    });

    expect(response?.status).toBe(200);
  });
});

test('a gateway on localhost checks requests at each of its addresses, and closes their connections when it stops', async () => {
  const gateway = await startTestGateway({ upstream: helpCrunch, config: { host: 'localhost' } });
  const { port } = new URL(gateway.url);
  const addresses = await lookup('localhost', { all: true });
  const idle = [];
  for (const { address } of addresses) {
    const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
    const fields = ['Host: localhost', ...Array.from({ length: 1_500 }, () => 'a:')];
    const many = head('GET /healthz HTTP/1.1', ...fields, 'Host: localhost', 'Connection: close');

    const [response] = await exchange(url, many);
    const [connect] = await exchange(url, head('CONNECT a:1 HTTP/1.1', 'Host: localhost'));
    const connection = await openConnection(url);
    connection.write(head('GET /healthz HTTP/1.1', 'Host: localhost'));

    expect(response?.status).toBe(400);
    expect(JSON.parse(connect?.body ?? '')).toHaveProperty('errors');
    expect(await connection.response()).toMatchObject({ status: 200 });
    idle.push(connection);
  }

  await gateway.stop();

  for (const { closed } of idle) await closed;
});

describe('a gateway on an external address', () => {
  test.each(['evil.example', '192.0.2.1:4000', '[2001:db8::1]', 'a_b', '', 'localhost'])(
    'a gateway on an external address serves requests for the host "%s"',
    async (host) => {
      expect(await statusFor(open, host)).toBe(200);
    },
  );
});

describe('a gateway with ALLOWED_HOSTS', () => {
  test.each([
    'api.example.com',
    'API.EXAMPLE.COM.:443',
    'other.example:1',
    '192.0.2.7:4000',
    '[2001:db8::1]',
    '[2001:DB8:0::1]:4000',
    '[2001:db8::2]:4000',
  ])('a gateway with ALLOWED_HOSTS serves requests for the listed host %s', async (host) => {
    expect(await statusFor(named, host)).toBe(200);
  });

  test.each(['localhost', '127.0.0.1:4000', 'x.api.example.com', 'example.com', ''])(
    'a gateway with ALLOWED_HOSTS responds with 421 to requests for the unlisted host "%s"',
    async (host) => {
      expect(await statusFor(named, host)).toBe(421);
    },
  );
});

describe('malformed hosts', () => {
  const everyGateway = () => [local, open, named];
  const everyPath = ['POST /graphql', 'GET /healthz', 'GET /metrics', 'GET /nowhere'];

  test.each(malformedNames)('a request for the malformed host %j gets 400', async (host) => {
    for (const gateway of everyGateway()) expect(await statusFor(gateway, host)).toBe(400);
  });

  test.each([
    ['two different hosts', ['Host: localhost', 'Host: evil.example']],
    ['the same host twice', ['Host: localhost', 'HOST: localhost']],
    [
      'a second host after a thousand fields',
      ['Host: localhost', ...Array.from({ length: 1_500 }, () => 'a:'), 'Host: evil.example'],
    ],
    ['no host', []],
  ])('a request with %s gets 400', async (_what, lines) => {
    for (const gateway of everyGateway()) {
      for (const path of everyPath) {
        for (const upgrade of [[], ['Connection: Upgrade', 'Upgrade: h2c']]) {
          const request = { line: `${path} HTTP/1.1`, lines: [...lines, ...upgrade] };
          const response = await ask(gateway, request);
          expect(response?.status).toBe(400);
          expect(JSON.parse(response?.body ?? '')).toMatchObject({
            errors: [{ extensions: { code: 'BAD_REQUEST' } }],
          });
        }
      }
    }
  });

  test('an HTTP/1.0 request without Host is served where any host is accepted', async () => {
    const request = { line: 'POST /graphql HTTP/1.0', lines: [] };

    expect((await ask(open, request))?.status).toBe(200);
    expect((await ask(local, request))?.status).toBe(421);
  });
});
