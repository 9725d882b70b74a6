import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { openEventStream } from '../support/eventStream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

const exampleOf = (file: string): Promise<string> =>
  readFile(new URL(`../../deploy/${file}`, import.meta.url), 'utf8');

const isInstalled = (program: string): boolean => spawnSync(program, ['-v']).status === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** nginx keeps its files in the folder of the test. */
const nginxMain = (folder: string): string => `
pid ${folder}/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${folder}/example;
}`;

const proxies = [
  {
    program: 'nginx',
    file: 'nginx.conf',
    listen: ['listen 8080', (port: number) => `listen 127.0.0.1:${port}`],
    argumentsOf: (folder: string) => ['-c', `${folder}/main`, '-p', folder, '-g', 'daemon off;'],
  },
  {
    program: 'haproxy',
    file: 'haproxy.cfg',
    listen: ['bind :8080', (port: number) => `bind 127.0.0.1:${port}`],
    argumentsOf: (folder: string) => ['-db', '-f', `${folder}/example`],
  },
] as const;

type Proxy = (typeof proxies)[number];

/** Runs the example with the addresses of the test in front of the gateway. */
async function startProxy({ program, file, listen, argumentsOf }: Proxy, gatewayUrl: string) {
  const folder = await mkdtemp(join(tmpdir(), `helpcrunch-${program}-`));
  const port = await freePort();
  const [address, replacement] = listen;
  const example = await exampleOf(file);
  for (const expected of [address, '127.0.0.1:4000']) expect(example).toContain(expected);
  const configuration = example
    .replace(address, replacement(port))
    .replace('127.0.0.1:4000', new URL(gatewayUrl).host);
  await writeFile(`${folder}/example`, configuration);
  await writeFile(`${folder}/main`, nginxMain(folder));
  const child = spawn(program, argumentsOf(folder), { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'close');
  const errors = text(child.stderr);
  const url = `http://127.0.0.1:${port}/support`;
  // HAProxy responds with 503 until its first health check.
  for (;;) {
    if (child.exitCode !== null) throw new Error(await errors);
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    if (response?.status === 200) break;
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('PUT /chats/readByAgent', { body: {} });
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const start = () =>
  startTestGateway({
    upstream: helpCrunch,
    config: { basePath: '/support', trustProxy: 1, webhookSecret, logLevel: 'info' },
  });

/** Sends an operation from another address of this machine. */
async function postFrom(localAddress: string, url: string, query: string, headers = {}) {
  const call = request(`${url}/graphql`, {
    method: 'POST',
    localAddress,
    headers: { 'content-type': 'application/json', ...headers },
  });
  call.end(JSON.stringify({ query }));
  const [response] = await once(call, 'response');
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}

describe.each(proxies)('$program with deploy/$file', (proxy) => {
  const testWithProxy = isInstalled(proxy.program) ? test : test.skip;

  testWithProxy(`operations reach the gateway (needs ${proxy.program})`, async () => {
    await using gateway = await start();
    await using front = await startProxy(proxy, gateway.url);

    const { status, body } = await postFrom('127.0.0.1', front.url, '{ chat(id: 5208) { id } }');
    const outside = await fetch(new URL('/graphql', front.url));

    expect(status).toBe(200);
    expect(body.data).toEqual({ chat: { id: '5208' } });
    expect(outside.status).toBe(404);
  });

  testWithProxy(`WebSockets pass (needs ${proxy.program})`, async () => {
    await using gateway = await start();
    await using front = await startProxy(proxy, gateway.url);
    await using socket = await openSocket(front.url);
    await socket.initialize();

    socket.send({ id: '1', type: 'subscribe', payload: { query: '{ chat(id: 5208) { id } }' } });

    expect(await socket.nextMessage()).toMatchObject({
      payload: { data: { chat: { id: '5208' } } },
    });
  });

  testWithProxy(`webhooks and event streams pass (needs ${proxy.program})`, async () => {
    await using gateway = await start();
    await using front = await startProxy(proxy, gateway.url);
    const subscription = 'subscription { chatUpdated(id: 5208) { change } }';
    await using stream = await openEventStream(front.url, subscription);
    await gateway.waitForSubscriptions(1);

    const eventData = chatData({ id: 5208, status: 'pending' });
    const { outcome } = await deliver(front, { event: 'chat.status_updated', eventData });

    expect(outcome).toBe('applied');
    expect(await stream.next()).toMatchObject({ data: { chatUpdated: { change: 'STATUS' } } });
  });

  testWithProxy(
    `the gateway sees the address of the client, which cannot be forged (needs ${proxy.program})`,
    async () => {
      await using gateway = await start();
      await using front = await startProxy(proxy, gateway.url);
      const mutation = 'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }';

      await postFrom('127.0.0.2', front.url, mutation, { 'x-forwarded-for': '203.0.113.9' });

      const lines = gateway.logged.map((line) => JSON.parse(line));
      expect(lines.find(({ msg }) => msg === 'mutation').address).toBe('127.0.0.2');
    },
  );
});

test('the ingress routes the base path to the service, with timeouts for WebSockets', async () => {
  const { kind, metadata, spec } = parse(await exampleOf('ingress.yaml'));

  expect(kind).toBe('Ingress');
  for (const name of ['read', 'send']) {
    const timeout = metadata.annotations[`nginx.ingress.kubernetes.io/proxy-${name}-timeout`];
    // The gateway sends pings every 25 s. Annotations must be text.
    expect(timeout).toEqual(expect.stringMatching(/^[0-9]+$/));
    expect(Number(timeout)).toBeGreaterThan(25);
  }
  expect(spec.rules).toHaveLength(1);
  expect(spec.rules[0].http.paths).toEqual([
    {
      path: '/support',
      pathType: 'Prefix',
      backend: { service: { name: 'helpcrunch-graphql', port: { name: 'http' } } },
    },
  ]);
});
