import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { bearer } from './support/issuer.ts';
import { startRecordingUpstream, wireChat } from './support/recordingUpstream.ts';
import { killAll, run } from './support/process.ts';
import { exchange, head, openConnection } from './support/rawHttp.ts';

// Each test starts a process, all at once.

afterAll(killAll);

async function ask(url: string, query: string) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const body: any = await response.json();
  return body;
}

const statusOf = (url: string) => fetch(url).then(({ status }) => status);

/** An idle connection, which the gateway closes as soon as it begins to stop. */
async function openIdleConnection(url: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  return { closed: once(socket, 'close') };
}

/** An upstream that does not respond until the test does. */
async function startSlowUpstream() {
  const upstream = await startRecordingUpstream();
  const asked = new Promise<ServerResponse>((resolve) => {
    upstream.respond('GET /chats/5208', (_call, response) => {
      resolve(response);
      return undefined;
    });
  });
  const environment = { HELPCRUNCH_API_URL: upstream.url, HELPCRUNCH_API_KEY: upstream.key };
  return { ...upstream, asked, environment };
}

const chat = '{ chat(id: 5208) { id } }';

describe('the process', () => {
  test.concurrent(
    'the process starts in demo mode without a key, serves requests and stops',
    async () => {
      await using gateway = run({ LOG_FORMAT: 'pretty' });

      const { greeting, url } = await gateway.started();
      const { data, errors } = await ask(
        url,
        '{ chats(first: 1) { nodes { id status } totalCount } }',
      );
      gateway.stop();
      const { code, out, error } = await gateway.ended;

      expect(errors).toBeUndefined();
      expect(data.chats.nodes).toHaveLength(1);
      expect(data.chats.totalCount).toBeGreaterThan(1);
      expect(greeting).toMatch(/mode +demo/);
      expect(greeting).toMatch(/upstream +http:\/\/127\.0\.0\.1:[0-9]+\/v1\n/);
      expect(greeting).toMatch(/auth +none/);
      expect(greeting).toContain(`${url}/graphql`);
      expect(greeting).toContain(`explorer  ${url}/explorer, or Apollo Sandbox at ${url}/\n`);
      expect(greeting).toContain(`${url}/healthz`);
      expect({ code, out }).toEqual({ code: 0, out: greeting });
      expect(error).toMatch(/^\[[0-9:.]+\] INFO: gateway started \{.*"mode":"demo".*\}$/m);
      expect(error).toMatch(/^\[[0-9:.]+\] INFO: operation \{.*"code":"OK".*\}$/m);
    },
  );

  test.concurrent(
    'the process survives requests with an Upgrade whose target cannot be parsed',
    async () => {
      await using upstream = await startSlowUpstream();
      await using gateway = run({
        ...upstream.environment,
        NODE_ENV: 'production',
        ALLOW_UNAUTHENTICATED: 'true',
        LOG_LEVEL: 'error',
      });

      const { url } = await gateway.started();
      const statuses: (number | undefined)[] = [];
      for (const target of ['//', '//[', '*', '/%zz', 'http://[/']) {
        const lines = ['Host: localhost', 'Connection: Upgrade, close', 'Upgrade: x'];
        const [response] = await exchange(url, head(`GET ${target} HTTP/1.1`, ...lines));
        statuses.push(response?.status);
      }
      const health = await statusOf(`${url}/healthz`);
      gateway.stop();
      const { code, error } = await gateway.ended;

      expect(statuses).toEqual([400, 400, 400, 400, 400]);
      expect({ health, code, error }).toEqual({ health: 200, code: 0, error: '' });
    },
  );

  test.concurrent(
    'the process serves a hundred requests with an ignored Upgrade on one connection without a warning',
    async () => {
      await using gateway = run({ LOG_LEVEL: 'warn' });
      const ask = (...lines: readonly string[]) =>
        head('GET /healthz HTTP/1.1', 'Host: localhost', ...lines);

      const { url } = await gateway.started();
      const requests = ask('Connection: Upgrade', 'Upgrade: h2c').repeat(100);
      const responses = await exchange(url, requests + ask('Connection: close'));
      gateway.stop();
      const { error } = await gateway.ended;

      expect(responses.filter(({ status }) => status === 200)).toHaveLength(101);
      expect(error).toBe('');
    },
  );

  test.concurrent(
    'the process completes running requests and accepts no others after SIGTERM',
    async () => {
      await using upstream = await startSlowUpstream();
      await using gateway = run({
        ...upstream.environment,
        NODE_ENV: 'production',
        ALLOW_UNAUTHENTICATED: 'true',
      });

      const { greeting, url } = await gateway.started();
      const idle = await openIdleConnection(url);
      const answering = ask(url, chat);
      const response = await upstream.asked;
      gateway.stop();
      await idle.closed;
      const laterStatus = await statusOf(`${url}/readyz`);
      const stream = await fetch(`${url}/graphql/stream?query=subscription{chatUpdated{change}}`, {
        headers: { accept: 'text/event-stream' },
      });
      response.end(JSON.stringify(wireChat()));
      const { data } = await answering;
      const { code, out, error } = await gateway.ended;

      expect(data).toEqual({ chat: { id: '5208' } });
      expect(laterStatus).toBe(503);
      // A stream would keep the process until the grace period is over.
      expect(stream.status).toBe(503);
      expect({ code, out }).toEqual({ code: 0, out: greeting });
      const lines = error
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines).toMatchObject([
        { msg: 'gateway started' },
        { msg: 'gateway stopping', signal: 'SIGTERM' },
        { msg: 'request rejected', reason: 'unavailable' },
        { msg: 'operation', code: 'OK', calls: 1 },
        { msg: 'gateway stopped' },
      ]);
      expect(greeting).toMatch(/mode +live/);
      expect(greeting).toContain(upstream.url);
      expect(greeting).not.toContain(upstream.key);
      expect(greeting).not.toContain('explorer');
    },
  );

  test.concurrent('the process exits immediately after a second SIGTERM', async () => {
    await using upstream = await startSlowUpstream();
    await using gateway = run(upstream.environment);

    const { url } = await gateway.started();
    const idle = await openIdleConnection(url);
    const answering = ask(url, chat).catch((error: unknown) => error);
    const response = await upstream.asked;
    gateway.stop();
    await idle.closed;
    gateway.stop();
    const { code } = await gateway.ended;

    expect(code).toBe(1);
    expect(await answering).toHaveProperty('message', 'fetch failed');
    expect(response.writableFinished).toBe(false);
  });

  test.concurrent.each(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])(
    'the process exits with 0 on %s while its modules are loading',
    async (signal) => {
      const code = `process.on('newListener', (name) => {
        if (name === '${signal}') process.kill(process.pid, name);
      });`;

      const ended = await run({}, ['--import', `data:text/javascript,${encodeURIComponent(code)}`])
        .ended;

      expect(ended).toMatchObject({ code: 0, signal: null, out: '', error: '' });
    },
  );

  test.concurrent(
    'the process uses the secrets of a file that has changed before a SIGHUP during the start',
    async () => {
      const secrets = ['6f1c09d2a75b4e83b0a2c7d95e4f1836', '83b0a2c7d95e4f18366f1c09d2a75b4e'];
      const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-start-'));
      const [secretFile, changedFile] = [join(directory, 'secret'), join(directory, 'changed')];
      execFileSync('mkfifo', [secretFile]);
      await writeFile(changedFile, secrets[1] ?? '');
      await using gateway = run({ AUTH: 'jwt', JWT_SECRET_FILE: secretFile });

      // The process waits for the content of the pipe, which it has opened.
      const pipe = await open(secretFile, 'w');
      await rename(changedFile, secretFile);
      gateway.send('SIGHUP');
      await pipe.writeFile(secrets[0] ?? '');
      await pipe.close();
      const { url } = await gateway.started();
      const statuses = await Promise.all(
        secrets.map(async (secret) => {
          const key = new TextEncoder().encode(secret);
          const headers = {
            ...(await bearer({ role: 'agent' }, { key })),
            'apollo-require-preflight': '1',
          };
          return (await fetch(`${url}/graphql?query={viewer{role}}`, { headers })).status;
        }),
      );
      gateway.stop();
      const { error } = await gateway.ended;
      await rm(directory, { recursive: true });

      expect(statuses).toEqual([401, 200]);
      expect(error).toContain('"msg":"configuration reloaded"');
    },
  );

  test.concurrent(
    'the process does not start with invalid settings and lists each of them',
    async () => {
      const { ended } = run({ PORT: 'abc', HELPCRUNCH_RATE_LIMIT: '-1', AUTH: 'unknown' });

      const { code, out, error } = await ended;

      const [first, ...problems] = error.trimEnd().split('\n');
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(first).toBe('The gateway cannot start with these settings:');
      expect(problems.map((problem) => problem.trim().split(':')[0]).sort()).toEqual([
        'AUTH',
        'HELPCRUNCH_RATE_LIMIT',
        'PORT',
      ]);
    },
  );

  test.concurrent(
    'the process does not start in production without a key, and names the misspelled variable',
    async () => {
      const { code, out, error } = await run({
        NODE_ENV: 'production',
        HELPCRUNCH_API_KEY: '',
        HELPCRUNCH_APIKEY: 'my-key',
      }).ended;

      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(/^ {2}HELPCRUNCH_API_KEY: is not set.*DEMO=true/m);
      expect(error).toContain(
        'Warning: HELPCRUNCH_APIKEY: is not a setting. Did you mean HELPCRUNCH_API_KEY?\n',
      );
      expect(error).not.toContain('my-key');
    },
  );

  test.concurrent(
    'the process serves simulated data in production with DEMO=true, and a metric reports it',
    async () => {
      await using gateway = run({
        NODE_ENV: 'production',
        DEMO: 'true',
        LOG_LEVEL: 'warn',
        METRICS_PORT: '0',
      });

      const { greeting, metricsUrl } = await gateway.started();
      const metrics = await (await fetch(metricsUrl)).text();
      gateway.stop();
      const { code, error } = await gateway.ended;

      expect(greeting).toMatch(/mode +demo/);
      expect(metrics).toContain('\nhelpcrunch_demo 1\n');
      expect({ code, error }).toEqual({ code: 0, error: '' });
    },
  );

  test.concurrent(
    'the process logs a warning for each questionable setting once at the start as JSON',
    async () => {
      await using upstream = await startSlowUpstream();
      await using gateway = run({
        ...upstream.environment,
        NODE_ENV: 'production',
        LOG_LEVEL: 'warn',
        MAX_DEPHT: '5',
        METRICS_PORT: '0',
      });

      const { metricsUrl } = await gateway.started();
      const metrics = await (await fetch(metricsUrl)).text();
      gateway.stop();
      const { error } = await gateway.ended;

      expect(metrics).toContain('\nhelpcrunch_demo 0\n');
      expect(
        error
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toMatchObject([
        { level: 40, msg: 'questionable setting', variable: 'AUTH' },
        { level: 40, msg: 'questionable setting', variable: 'MAX_DEPHT' },
      ]);
    },
  );

  test.concurrent(
    'the process does not start with an account that every client could use',
    async () => {
      const { code, out, error } = await run({ HOST: '0.0.0.0', HELPCRUNCH_API_KEY: 'my-key' })
        .ended;

      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toContain('ALLOW_UNAUTHENTICATED');
      expect(error).not.toContain('my-key');
    },
  );

  test.concurrent.each([
    ['error', "throw new Error('of ours')"],
    ['rejected promise', "void Promise.reject(new Error('of ours'))"],
  ])('the process logs an uncaught %s once and exits', async (_what, statement) => {
    const code = `process.once('SIGALRM', () => { ${statement}; });`;
    await using gateway = run({ LOG_LEVEL: 'warn' }, [
      '--import',
      `data:text/javascript,${encodeURIComponent(code)}`,
    ]);

    await gateway.started();
    gateway.send('SIGALRM');
    const ended = await gateway.ended;

    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(JSON.parse(ended.error)).toMatchObject({
      level: 50,
      msg: 'unexpected error',
      error: { message: 'of ours' },
    });
  });

  test.concurrent(
    'the process continues after operations that cost too much and need another transport',
    async () => {
      await using gateway = run({});
      const { url } = await gateway.started();
      const agent = (fields: string) => `agent: lastCommunicatedAgent { ${fields} }`;
      const chats = (fields: string) => `chats(first: 100) { nodes { ${fields} } }`;
      const costly = agent(chats(agent(chats(agent('id')))));
      const mutation = `mutation { markChatRead(id: 1, by: AGENT, read: true) { ${costly} } }`;

      const subscribed = await ask(url, `subscription { chatUpdated { chat { ${costly} } } }`);
      const written = await fetch(`${url}/graphql?query=${encodeURIComponent(mutation)}`, {
        headers: { 'apollo-require-preflight': '1' },
      });

      expect(subscribed.errors).toMatchObject([
        { message: expect.stringContaining('Subscribe over WebSocket at /graphql') },
      ]);
      expect(written.status).toBe(405);
      expect(await statusOf(`${url}/healthz`)).toBe(200);
    },
  );

  test.concurrent('the process continues after clients reset their connections', async () => {
    await using gateway = run({});
    const { url } = await gateway.started();
    const host = 'Host: localhost';
    const connectRequest = head('CONNECT localhost:443 HTTP/1.1', host);
    const webSocket = (...lines: readonly string[]) =>
      head('GET /graphql HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket', ...lines);
    const requests = [
      connectRequest,
      head('GET /healthz HTTP/1.1', host) + connectRequest,
      head('GET / HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: x'),
      webSocket(host),
      webSocket('Host: evil.example'),
      webSocket(host, 'Origin: https://evil.example'),
      'GET\r\n\r\n',
    ];
    for (let count = 0; count < 100; count += 1) {
      for (const request of requests) {
        const { socket, closed } = await openConnection(url);
        socket.write(request, () => socket.resetAndDestroy());
        await closed;
      }
    }

    expect(await statusOf(`${url}/healthz`)).toBe(200);
  });

  test.concurrent.each(['PORT', 'METRICS_PORT'])(
    'the process reports a busy %s in one line',
    async (variable) => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;

      const { code, out, error } = await run({ [variable]: String(port) }).ended;
      other.close();

      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(
        new RegExp(`^Port ${port} is in use\\. Set ${variable} to another port, .*\n$`),
      );
    },
  );

  test.concurrent('the process reports an address of another machine in one line', async () => {
    const { code, out, error } = await run({ HOST: '192.0.2.1', DEMO: 'true' }).ended;

    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(error.split('\n').at(-2)).toBe(
      'HOST: 192.0.2.1 is not a name or address of this machine. Set 127.0.0.1, or 0.0.0.0 for all addresses.',
    );
  });
});
