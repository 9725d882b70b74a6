import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { bearer } from '../support/issuer.ts';
import { killAll, run } from '../support/process.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { wireMessage } from '../support/twoCustomers.ts';
import { signatureOf } from '../support/webhooks.ts';

// Each test starts a process.

const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-reload-'));
afterAll(async () => {
  killAll();
  await rm(directory, { recursive: true });
});

const oldSecret = '6f1c09d2a75b4e83b0a2c7d95e4f1836';
const newSecret = 'b18b5e0d7c9a4f6e8d3c2b1a09f8e7d6';
const oldKey = 'q8b5e0d7c9a4f6';
const newKey = 'z3c2b1a09f8e7d';

const path = (name: string) => join(directory, name);
const write = (name: string, text: string) => writeFile(path(name), text);

const runWith = (upstream: RecordingUpstream) =>
  run({
    HELPCRUNCH_API_URL: upstream.url,
    HELPCRUNCH_API_KEY_FILE: path('key'),
    HELPCRUNCH_WEBHOOK_SECRET_FILE: path('webhook'),
    PERSISTED_OPERATIONS: path('operations.json'),
    AUTH: 'jwt',
    JWT_SECRET_FILE: path('jwt'),
    CACHE_CHATS_TTL_MS: '0',
  });

async function startFromFiles() {
  const upstream = await startRecordingUpstream();
  upstream.respond('GET /chats/5208', { body: wireChat() });
  await write('key', oldKey);
  await write('jwt', oldSecret);
  await write('webhook', `${oldSecret}w`);
  await write('operations.json', '{"a":"{ viewer { role } }"}');
  const gateway = runWith(upstream);
  const { url } = await gateway.started();

  async function ask(secret: string, request: object = { query: '{ chat(id: 5208) { id } }' }) {
    const key = new TextEncoder().encode(secret);
    const { authorization } = await bearer({ role: 'agent' }, { key });
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify(request),
    });
    return { status: response.status, text: await response.text() };
  }

  async function deliver(secret: string): Promise<number> {
    const body = JSON.stringify({ event: 'unknown', eventData: {}, id: secret });
    const response = await fetch(`${url}/webhooks/helpcrunch`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-helpcrunch-signature': signatureOf(body, secret),
      },
      body,
    });
    return response.status;
  }

  /** One after the other, because concurrent reads share a call. */
  async function statuses(...secrets: readonly string[]) {
    const results: number[] = [];
    for (const secret of secrets) results.push((await ask(secret)).status);
    return results;
  }
  const deliveries = (...secrets: readonly string[]) =>
    Promise.all(secrets.map((secret) => deliver(`${secret}w`)));

  return { ...gateway, url, upstream, ask, statuses, deliveries };
}

describe('SIGHUP', () => {
  test('secrets of files and persisted operations are replaced, and previous secrets stay valid while they are listed', async () => {
    await using gateway = await startFromFiles();
    const { upstream, ask, statuses, deliveries } = gateway;
    expect(await statuses(oldSecret, newSecret)).toEqual([200, 401]);
    expect(await deliveries(oldSecret, newSecret)).toEqual([200, 401]);

    await write('key', newKey);
    await write('jwt', `${newSecret}\n${oldSecret}`);
    await write('webhook', `${newSecret}w\n${oldSecret}w`);
    await write('operations.json', '{"b":"{ viewer { role } __typename }"}');
    gateway.send('SIGHUP');
    await gateway.heard('configuration reloaded');

    expect(await statuses(oldSecret, newSecret)).toEqual([200, 200]);
    expect(await deliveries(oldSecret, newSecret)).toEqual([200, 200]);
    expect(upstream.calls.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${oldKey}`,
      `Bearer ${newKey}`,
      `Bearer ${newKey}`,
    ]);
    expect((await ask(newSecret, { documentId: 'b' })).status).toBe(200);
    expect((await ask(newSecret, { documentId: 'a' })).text).toContain('PERSISTED_QUERY_NOT_FOUND');

    await write('jwt', newSecret);
    await write('webhook', `${newSecret}w`);
    gateway.send('SIGHUP');
    await gateway.heard('configuration reloaded', 2);

    expect(await statuses(oldSecret, newSecret)).toEqual([401, 200]);
    expect(await deliveries(oldSecret, newSecret)).toEqual([401, 200]);
    await upstream[Symbol.asyncDispose]();
  });

  test('cursors of customers are encrypted with the new API key, and valid at an instance that was started with it', async () => {
    await using gateway = await startFromFiles();
    const { upstream } = gateway;
    const messages = [3, 2, 1].map((id) =>
      wireMessage({ id, createdAt: String(1_600_000_000 + id) }),
    );
    upstream.respond('GET /chats/5208/messages', { body: { data: messages, total: 3 } });
    const headers = await bearer(
      { role: 'customer', customerId: '7001' },
      { key: new TextEncoder().encode(oldSecret) },
    );
    const page = async (url: string, after: string | null) => {
      const query = `query ($after: String) {
        chat(id: 5208) { messages(first: 1, after: $after) { edges { cursor node { id } } } }
      }`;
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables: { after } }),
      });
      const { data }: any = await response.json();
      return data.chat.messages?.edges[0];
    };

    await write('key', newKey);
    gateway.send('SIGHUP');
    await gateway.heard('configuration reloaded');
    await using later = runWith(upstream);
    const { url } = await later.started();
    const first = await page(gateway.url, null);

    expect(await page(url, first.cursor)).toMatchObject({ node: { id: '2' } });
    expect(await page(gateway.url, first.cursor)).toMatchObject({ node: { id: '2' } });
    await upstream[Symbol.asyncDispose]();
  });

  test('an invalid file changes nothing and is logged without its content', async () => {
    await using gateway = await startFromFiles();
    const { upstream, statuses } = gateway;

    await write('jwt', 'much too short');
    await write('key', newKey);
    gateway.send('SIGHUP');
    const text = await gateway.heard('reload failed');

    const line = text.split('\n').find((each) => each.includes('reload failed')) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      level: 50,
      problems: ['JWT_SECRET: must have at least 32 bytes'],
    });
    expect(text).not.toContain('much too short');
    expect(await statuses(oldSecret)).toEqual([200]);
    expect(upstream.calls[0]?.headers.authorization).toBe(`Bearer ${oldKey}`);
    await upstream[Symbol.asyncDispose]();
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s drains the process, which logs its start and stop',
    async (signal) => {
      await using gateway = run({});
      const { url } = await gateway.started();

      gateway.send(signal);
      const { code, error } = await gateway.ended;

      const lines = error
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(code).toBe(0);
      expect(lines).toMatchObject([
        { msg: 'gateway started', mode: 'demo', auth: 'none', url },
        { msg: 'gateway stopping', signal },
        { msg: 'gateway stopped' },
      ]);
    },
  );
});
