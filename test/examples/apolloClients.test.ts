import type { TypedDocumentNode } from '@apollo/client';
import { ApolloClient, gql, HttpLink } from '@apollo/client';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  closeChat,
  customerByUserId,
  messagesOfChat,
  reply,
  tagCustomer,
  tagsOfCustomer,
  upsertCustomer,
} from '../../examples/clients/apolloOptimistic.ts';
import { createCache } from '../../examples/clients/apolloCache.ts';
import { createPersistedQueryClient } from '../../examples/clients/apolloPersistedQueries.ts';
import { hydrate, loadPage } from '../../examples/clients/apolloServer.ts';
import { createWebSocketClient } from '../../examples/clients/apolloWebSocket.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
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
    const { client, webSocket } = createWebSocketClient(`${gateway.url}/graphql`, undefined, {
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

  test('requests and connections have the token of their time', async () => {
    await using own = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
    upstream.seed({ chats: [{ id: 1, readByAgent: false }] });
    const { authorization } = await bearer({ role: 'agent' });
    let tokens = 0;
    const authorize = () => Promise.resolve(++tokens > 0 ? authorization : '');
    const { client, webSocket } = createWebSocketClient(`${own.url}/graphql`, authorize, {
      webSocketImpl: WebSocket,
    });

    const { data } = await client.query({ query: chat });
    const event = new Promise<any>((resolve) => {
      client.subscribe({ query: changes }).subscribe(resolve);
    });
    await own.waitForSubscriptions(1);
    await own.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }', undefined, {
      authorization,
    });
    const { data: changed } = await event;
    await webSocket.dispose();
    client.stop();

    expect(data.chat.id).toBe('1');
    expect(changed.chatUpdated.chat).toMatchObject({ id: '1', readByAgent: true });
    expect(tokens).toBe(2);
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

describe('optimistic updates', () => {
  async function startClient() {
    const demo = await startDemo({ customers: 5, chats: 5 });
    const client = new ApolloClient({
      link: new HttpLink({ uri: `${demo.url}/graphql` }),
      cache: createCache(),
    });
    const { data } = await demo.query(
      '{ chats(first: 1) { nodes { id customer { id } } } agents { id } }',
    );
    return {
      ...demo,
      client,
      chatId: data.chats.nodes[0].id as string,
      customerId: data.chats.nodes[0].customer.id as string,
      agentId: data.agents[0].id as string,
      async [Symbol.asyncDispose]() {
        client.stop();
        await demo[Symbol.asyncDispose]();
      },
    };
  }

  test('a reply is shown once, before and after its response', async () => {
    await using own = await startClient();
    const { client, chatId, agentId } = own;
    const query = { query: messagesOfChat, variables: { id: chatId } };
    const { data: before } = await client.query(query);
    const shown = () =>
      client.cache.readQuery({ ...query, optimistic: true })?.chat?.messages?.edges;
    const count = before?.chat?.messages?.edges.length ?? 0;

    const sending = reply(client, { chatId, agentId, text: 'On it', key: 'key-1' });
    const optimistic = shown()?.map(({ node }) => node);
    const { data } = await sending;
    const real = shown()?.map(({ node }) => node);

    expect(optimistic).toHaveLength(count + 1);
    expect(optimistic?.[0]).toMatchObject({ id: 'key-1', text: 'On it' });
    expect(real).toHaveLength(count + 1);
    expect(real?.[0]).toEqual(data?.sendMessage);
    expect(real?.[0]?.id).not.toBe('key-1');
  });

  test('a reply that fails disappears', async () => {
    await using own = await startClient();
    const { client, chatId } = own;
    const query = { query: messagesOfChat, variables: { id: chatId } };
    const { data: before } = await client.query(query);

    const sending = reply(client, { chatId, agentId: '999999', text: 'On it', key: 'key-2' });
    const [optimistic] =
      client.cache.readQuery({ ...query, optimistic: true })?.chat?.messages?.edges ?? [];
    await expect(sending).rejects.toThrow();

    expect(optimistic?.node.text).toBe('On it');
    expect(client.cache.readQuery({ ...query, optimistic: true })).toEqual(before);
  });

  test('a closed chat is shown as closed at once, and leaves the list of open chats', async () => {
    await using own = await startClient();
    const { client, chatId } = own;
    await own.query(`mutation { setChatStatus(id: ${chatId}, status: OPENED) { id } }`);
    const open: TypedDocumentNode<any, any> = gql`
      query OpenChats {
        chats(filter: { status: OPENED }) {
          edges {
            cursor
            node {
              id
              status
            }
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    `;
    const watched = client.watchQuery({ query: open });
    const subscription = watched.subscribe({});
    await client.query({ query: open });
    const statusOf = () =>
      client.cache.readFragment<{ status: string }>({
        id: `Chat:${chatId}`,
        fragment: gql`
          fragment Status on Chat {
            status
          }
        `,
        optimistic: true,
      })?.status;

    const before = statusOf();
    const closing = closeChat(client, chatId);
    const optimistic = statusOf();
    await closing;
    const { data } = await client.query({ query: open, fetchPolicy: 'network-only' });

    expect([before, optimistic, statusOf()]).toEqual(['OPENED', 'CLOSED', 'CLOSED']);
    expect(data.chats.edges.map(({ node }: any) => node.id)).not.toContain(chatId);
    subscription.unsubscribe();
  });

  test('a tag is added to the known tags at once', async () => {
    await using own = await startClient();
    const { client, customerId } = own;
    const id = `Customer:${customerId}`;
    const names = () =>
      client.cache
        .readFragment({ id, fragment: tagsOfCustomer, optimistic: true })
        ?.tags?.map(({ name }) => name);

    const unknown = tagCustomer(client, customerId, 'first');
    const beforeResponse = names();
    await unknown;
    const known = names() ?? [];
    const adding = tagCustomer(client, customerId, 'second');
    const optimistic = names();
    await adding;

    expect(beforeResponse).toBeUndefined();
    expect(known).toContain('first');
    expect(optimistic).toEqual([...known, 'second']);
    expect(names()?.toSorted()).toEqual([...known, 'second'].toSorted());
  });

  test('an upsert is shown at once for a known customer only', async () => {
    await using own = await startClient();
    const { client } = own;
    const query = { query: customerByUserId, variables: { userId: 'own-1' } };
    const name = () =>
      client.cache.readQuery({ ...query, optimistic: true })?.customerByUserId?.name;

    const creating = upsertCustomer(client, 'own-1', 'Ada');
    const whileCreating = name();
    await creating;
    const created = name();
    const updating = upsertCustomer(client, 'own-1', 'Ada Lovelace');
    const whileUpdating = name();
    await updating;

    expect([whileCreating, created]).toEqual([undefined, 'Ada']);
    expect([whileUpdating, name()]).toEqual(['Ada Lovelace', 'Ada Lovelace']);
  });
});
