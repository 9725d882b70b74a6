import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { readConfig } from '../../src/config/settings.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { callTool, postMcp } from '../support/mcp.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { openSocket } from '../support/socket.ts';
import { post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const mcp = { isEnabled: true, operations: undefined, allowsWrites: false };

const start = (config = {}) =>
  startTestGateway({
    upstream: helpCrunch,
    config: { basePath: '/support', webhookSecret, mcp, ...config },
  });

const query = '{ chat(id: 5208) { id } }';

describe('below BASE_PATH', () => {
  test('every route is served, and none outside of it', async () => {
    await using gateway = await start();
    const { origin } = new URL(gateway.url);
    const paths = [
      '/healthz',
      '/readyz',
      '/metrics',
      '/',
      '/explorer',
      '/explorer/explorer.js',
      `/graphql?query=${encodeURIComponent(query)}`,
    ];
    const headers = { 'apollo-require-preflight': 'true' };
    const statusesAt = (base: string) =>
      Promise.all(paths.map(async (path) => (await fetch(base + path, { headers })).status));

    expect(gateway.url).toBe(`${origin}/support`);
    expect(await statusesAt(gateway.url)).toEqual(paths.map(() => 200));
    expect(await statusesAt(origin)).toEqual(paths.map(() => 404));
    expect(await statusesAt(`${origin}/supporting`)).toEqual(paths.map(() => 404));
  });

  test('operations, WebSockets, webhooks and tools are served', async () => {
    await using gateway = await start();
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    socket.send({ id: '1', type: 'subscribe', payload: { query } });

    expect((await gateway.query(query)).data).toEqual({ chat: { id: '5208' } });
    expect(await socket.nextMessage()).toMatchObject({
      payload: { data: { chat: { id: '5208' } } },
    });
    const webhook = await post(gateway, wireDelivery({ event: 'other.event', eventData: {} }));
    expect(webhook.outcome).toBe('ignored');
    expect((await callTool(gateway.url, 'readChat', { chatId: '5208' })).isError).toBe(false);
  });

  test('a WebSocket outside of it is not opened', async () => {
    await using gateway = await start();
    const url = `${new URL(gateway.url).origin.replace('http', 'ws')}/graphql`;
    const socket = new WebSocket(url, 'graphql-transport-ws');

    const [error] = await once(socket, 'error');

    expect(error.message).toBe('Unexpected server response: 404');
  });

  test('pages refer to the explorer below it', async () => {
    await using gateway = await start();
    const pages = await Promise.all(
      ['/', '/explorer'].map(async (path) => (await fetch(gateway.url + path)).text()),
    );

    for (const [index, page] of pages.entries()) {
      const base = `${gateway.url}${['/', '/explorer'][index]}`;
      const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        const { status } = await fetch(new URL(link, base));
        expect(`${link} ${status}`).toBe(`${link} 200`);
      }
    }
  });

  test('browsers are redirected below it', async () => {
    await using gateway = await start();
    const headers = { accept: 'text/html' };
    const targetOf = async (url: string) =>
      (await fetch(url, { headers, redirect: 'manual' })).headers.get('location');

    expect(await targetOf(`${gateway.url}/graphql`)).toBe('/support/');
    expect(await targetOf(gateway.url)).toBe('/support/');
  });

  test('the metadata of the protected resource is announced to clients, and where RFC 9728 places it', async () => {
    const auth = jwtAuth();
    await using gateway = await start({ auth, publicUrl: 'https://example.com/support' });
    const { origin } = new URL(gateway.url);

    const { headers } = await postMcp(gateway.url, { jsonrpc: '2.0', id: 1, method: 'ping' });
    const challenge = headers.get('www-authenticate') ?? '';
    const [, announced = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
    const path = announced.replace('https://example.com', '');
    const documents: any[] = await Promise.all(
      [path, '/.well-known/oauth-protected-resource/support/mcp'].map(async (place) =>
        (await fetch(origin + place)).json(),
      ),
    );

    expect(announced).toBe('https://example.com/support/.well-known/oauth-protected-resource');
    for (const document of documents) {
      expect(document.resource).toBe('https://example.com/support/mcp');
    }
    const agent = await bearer({ role: 'agent' });
    expect((await callTool(gateway.url, 'readChat', { chatId: '5208' }, agent)).isError).toBe(
      false,
    );
  });
});

test.each(['support', '/a/../b', '/a//b', '/a?b', '/ü', '/.', '//evil.example'])(
  'BASE_PATH=%s is rejected',
  (BASE_PATH) => {
    expect(() => readConfig({ BASE_PATH })).toThrow('BASE_PATH: must be a path such as /support');
  },
);

test.each([
  ['/', ''],
  ['/support', '/support'],
  ['/a/b-c.d/', '/a/b-c.d'],
])('BASE_PATH=%s is the prefix "%s"', (BASE_PATH, expected) => {
  expect(readConfig({ BASE_PATH }).basePath).toBe(expected);
});
