import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { testCertificate } from '../support/certificate.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

const helpCrunch = createHttpsServer(testCertificate, (_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: { id: 1, domain: 'acme' } }));
});

let tunnels: { readonly target: string | undefined; readonly authorization: string | undefined }[];

/** Resolves every name to this machine. */
const proxy = createServer();
proxy.on('connect', ({ url = '', headers }, client) => {
  tunnels.push({ target: url, authorization: headers['proxy-authorization'] });
  client.on('error', () => undefined);
  if (headers['proxy-authorization'] === undefined) {
    client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    return;
  }
  const server = connect(Number(url.split(':')[1]), '127.0.0.1');
  server.on('error', () => client.destroy());
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  client.pipe(server).pipe(client);
});

let folder: string;
let certificateFile: string;

beforeAll(async () => {
  await Promise.all([listen(helpCrunch), listen(proxy)]);
  folder = await mkdtemp(join(tmpdir(), 'proxy-'));
  certificateFile = join(folder, 'certificate.pem');
  await writeFile(certificateFile, testCertificate.cert);
});

afterAll(async () => {
  helpCrunch.closeAllConnections();
  helpCrunch.close();
  proxy.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  tunnels = [];
});

/** The standard output of a Node process. */
async function run(args: readonly string[], environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await text(child.stdout);
  return output;
}

const withUser = () => `http://user:p%40ss@127.0.0.1:${portOf(proxy)}`;
const withoutUser = () => `http://127.0.0.1:${portOf(proxy)}`;

interface Check {
  readonly host?: string;
  readonly proxyUrl: string;
  readonly settings?: Readonly<Record<string, string>>;
}

const check = ({ host = 'helpcrunch.test', proxyUrl, settings = {} }: Check) =>
  run(['dist/cli/main.js', 'check-config', '--connect'], {
    HELPCRUNCH_API_KEY: 'a-key',
    HELPCRUNCH_API_URL: `https://${host}:${portOf(helpCrunch)}/v1`,
    UPSTREAM_RETRIES: '0',
    HTTPS_PROXY: proxyUrl,
    NODE_EXTRA_CA_CERTS: certificateFile,
    ...settings,
  });

test('HelpCrunch is called through HTTPS_PROXY with its user and password', async () => {
  const output = await check({ proxyUrl: withUser() });

  expect(output).toContain('Account: acme.');
  expect(output).not.toContain('p%40ss');
  expect(tunnels).toEqual([
    {
      target: `helpcrunch.test:${portOf(helpCrunch)}`,
      authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
    },
  ]);
});

test.each(['*', 'example.com, *.LOCALHOST'])(
  'a host in NO_PROXY=%s is called directly',
  async (noProxy) => {
    const output = await check({
      host: 'localhost',
      proxyUrl: withUser(),
      settings: { NO_PROXY: noProxy },
    });

    expect(output).toContain('Account: acme.');
    expect(tunnels).toEqual([]);
  },
);

test.each(['host, api.localhost, localhost:1'])(
  'a host that is not in NO_PROXY=%s is called through the proxy',
  async (noProxy) => {
    const output = await check({
      host: 'localhost',
      proxyUrl: withUser(),
      settings: { NO_PROXY: noProxy },
    });

    expect(output).toContain('Account: acme.');
    expect(tunnels).toHaveLength(1);
  },
);

test.each([
  ['rejects the tunnel', 'PROXY_STATUS_407', () => ({ proxyUrl: withoutUser() })],
  ['is gone', 'ECONNREFUSED', () => ({ proxyUrl: 'http://127.0.0.1:1' })],
  [
    'leads to a server with an unknown certificate',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    () => ({ proxyUrl: withUser(), settings: { NODE_EXTRA_CA_CERTS: '' } }),
  ],
])('--connect with a proxy that %s prints %s', async (_name, reason, options) => {
  expect(await check(options())).toContain(`(UPSTREAM_UNAVAILABLE: ${reason})`);
});

test('successive calls use one tunnel', async () => {
  const script = `
    import { systemClock } from './dist/lib/clock.js';
    import { createTransport } from './dist/upstream/transport.js';
    const transport = createTransport({
      baseUrl: 'https://helpcrunch.test:${portOf(helpCrunch)}/v1',
      proxyUrl: '${withUser()}',
      userAgent: 'test',
      timeoutMs: 60_000,
      keepAliveMs: 60_000,
      maxResponseBytes: 1_000,
      clock: systemClock,
    });
    const { signal } = new AbortController();
    for (const path of ['/organization', '/organization']) {
      const { status } = await transport.request({ method: 'GET', path, apiKey: 'key', signal });
      console.log(status);
    }
    transport.close();
  `;

  const output = await run(['--input-type=module', '--eval', script], {
    NODE_EXTRA_CA_CERTS: certificateFile,
  });

  expect(output).toBe('200\n200\n');
  expect(tunnels).toHaveLength(1);
});
