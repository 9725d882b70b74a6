import type { TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { createPersistedQueryClient } from '../../examples/clients/apolloPersistedQueries.ts';
import { hydrate, loadPage } from '../../examples/clients/apolloServer.ts';
import { createWebSocketClient } from '../../examples/clients/apolloWebSocket.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';

let upstream: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startControlledUpstream();
  gateway = await startTestGateway({ upstream });
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

const chat: TypedDocumentNode<any, any> = gql`
  query {
    chat(id: 1) {
      id
      lastMessageText
      readByAgent
    }
  }
`;

test('persisted queries are registered once and then sent as GET with a hash', async () => {
  upstream.seed({ chats: [{ id: 1 }] });
  const requests = jest.spyOn(globalThis, 'fetch');
  const ask = async () => {
    const client = createPersistedQueryClient(`${gateway.url}/graphql`);
    const { data } = await client.query({ query: chat });
    client.stop();
    return data.chat.id;
  };

  const ids = [await ask(), await ask()];
  const sent = requests.mock.calls.map(([url, options]) => {
    const address = typeof url === 'string' ? url : '';
    return [options?.method, address.includes('sha256Hash'), address.includes('lastMessageText')];
  });

  expect(ids).toEqual(['1', '1']);
  expect(sent).toEqual([
    ['GET', true, false],
    ['POST', false, false],
    ['GET', true, false],
  ]);
});

describe('server-side rendering', () => {
  test('the page needs no request, and a message cannot end its script', async () => {
    const text = '</script><script>alert(1)</script>';
    upstream.seed({ chats: [{ id: 1, lastMessageText: text }] });
    await using own = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
    const { authorization } = await bearer({ role: 'agent' });

    const state = await loadPage(`${own.url}/graphql`, authorization, chat);
    const requests = jest.spyOn(globalThis, 'fetch');
    const client = hydrate(`${own.url}/graphql`, state);
    const { data } = await client.query({ query: chat });

    expect(state).not.toContain('<');
    expect(data.chat.lastMessageText).toBe(text);
    expect(requests).not.toHaveBeenCalled();
    client.stop();
  });

  test('a request with other credentials sees nothing of an earlier one', async () => {
    upstream.seed({ chats: [{ id: 1 }] });
    await using own = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
    const { authorization } = await bearer({ role: 'agent' });

    const first = await loadPage(`${own.url}/graphql`, authorization, chat);
    const second = await loadPage(`${own.url}/graphql`, 'Bearer invalid', chat);

    expect(first).toContain('Chat:1');
    expect(second).not.toContain('Chat:1');
  });
});

describe('subscriptions over WebSocket', () => {
  const changes: TypedDocumentNode<any, any> = gql`
    subscription {
      chatUpdated {
        chat {
          id
          readByAgent
        }
      }
    }
  `;
  const mark = (id: number) =>
    gateway.query(`mutation { markChatRead(id: ${id}, by: AGENT, read: true) { id } }`);

  test('events update the cache, and active queries are refetched after a reconnection', async () => {
    upstream.seed({ chats: [{ id: 1, readByAgent: false }] });
    const sockets: WebSocket[] = [];
    class RecordedWebSocket extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    }
    const { client, webSocket } = createWebSocketClient(`${gateway.url}/graphql`, {
      webSocketImpl: RecordedWebSocket,
      retryWait: () => Promise.resolve(),
    });
    const texts: string[] = [];
    let notify: (() => void) | undefined;
    const shows = async (text: string) => {
      while (!texts.includes(text)) await new Promise<void>((resolve) => (notify = resolve));
    };
    const query = client.watchQuery({ query: chat }).subscribe(({ data }) => {
      texts.push(`${data?.chat?.lastMessageText} ${data?.chat?.readByAgent}`);
      notify?.();
    });
    const subscription = client.subscribe({ query: changes }).subscribe({});
    await gateway.waitForSubscriptions(1);
    await shows('0 false');

    await mark(1);
    await shows('0 true');
    upstream.seed({ chats: [{ id: 1, readByAgent: true, lastMessageText: 'while offline' }] });
    sockets[0]?.terminate();
    await shows('while offline true');

    expect(sockets).toHaveLength(2);
    query.unsubscribe();
    subscription.unsubscribe();
    await webSocket.dispose();
    client.stop();
    await gateway.waitForSubscriptions(0);
  });

  test.each([
    [[], 403],
    [['https://helpdesk.example'], 101],
  ])('with CORS_ORIGINS %j the Origin of a native app gets %s', async (corsOrigins, status) => {
    await using own = await startTestGateway({ upstream, config: { corsOrigins } });
    const socket = new WebSocket(
      `${own.url.replace('http', 'ws')}/graphql`,
      'graphql-transport-ws',
      { origin: 'https://helpdesk.example' },
    );
    const received = await new Promise((resolve) => {
      socket.on('error', resolve);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('open', () => resolve(101));
    });
    socket.terminate();

    expect(received).toBe(status);
  });
});
