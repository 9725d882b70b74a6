import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  createOperationDescriptor,
  fetchQuery,
  getRequest,
  requestSubscription,
} from 'relay-runtime';
import { createApolloClient } from '../../examples/clients/apollo.ts';
import { createRelayEnvironment } from '../../examples/clients/relay.ts';
import { createUrqlClient } from '../../examples/clients/urql.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { rest } from '../support/rest.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo({ customers: 120, chats: 400 });
});

afterAll(() => demo[Symbol.asyncDispose]());

afterEach(() => demo.simulator.behave({ faults: [] }));

const endpoint = () => `${demo.url}/graphql`;

const idsOf = (connection: any): string[] => connection.edges.map(({ node }: any) => node.id);

/** What comes back is looked at, not typed. */
type Document = TypedDocumentNode<any, any>;

const newest = '{ chats(first: 1) { nodes { id nodeId readByAgent } } }';
const mark =
  'mutation ($id: ID!, $read: Boolean!) { markChatRead(id: $id, by: AGENT, read: $read) { id } }';

describe('Apollo Client', () => {
  const list: Document = gql`
    query List($filter: ChatFilter, $after: String) {
      chats(first: 10, after: $after, filter: $filter) {
        edges {
          cursor
          node {
            id
            status
            readByAgent
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `;

  test('puts the pages of a list together, those of another filter apart', async () => {
    const client = createApolloClient(endpoint());
    const closed = { filter: { status: 'CLOSED' } };
    const { data: first } = await client.query({ query: list });
    const watched = client.watchQuery({ query: list });
    const subscription = watched.subscribe({});

    await watched.fetchMore({ variables: { after: first.chats.pageInfo.endCursor } });
    await client.query({ query: list, variables: closed });
    const all: any = client.readQuery({ query: list });
    const some: any = client.readQuery({ query: list, variables: closed });

    expect(new Set(idsOf(all.chats)).size).toBe(20);
    expect(idsOf(all.chats).slice(0, 10)).toEqual(idsOf(first.chats));
    expect(some.chats.edges.map(({ node }: any) => node.status)).toEqual(Array(10).fill('CLOSED'));
    subscription.unsubscribe();
    client.stop();
  });

  test('appends pages without cursors of edges, but keeps only the last page of nodes', async () => {
    const client = createApolloClient(endpoint());
    const both: Document = gql`
      query Both($after: String) {
        chats(first: 10, after: $after) {
          edges {
            node {
              id
            }
          }
          nodes {
            id
          }
          pageInfo {
            endCursor
          }
        }
      }
    `;
    const watched = client.watchQuery({ query: both });
    const subscription = watched.subscribe({});
    const { data: first } = await client.query({ query: both });

    const { data: second } = await watched.fetchMore({
      variables: { after: first.chats.pageInfo.endCursor },
    });
    const { chats }: any = client.readQuery({ query: both });
    const idsOfNodes = chats.nodes.map(({ id }: any) => id);

    expect(idsOf(chats)).toEqual([...idsOf(first.chats), ...idsOf(second.chats)]);
    expect(idsOfNodes).toEqual(idsOf(second.chats));
    subscription.unsubscribe();
    client.stop();
  });

  test('shows each item once when an item is added between two pages', async () => {
    await using upstream = await startControlledUpstream();
    await using gateway = await startTestGateway({ upstream });
    upstream.seed({ chats: [1, 2, 3, 4, 5].map((id) => ({ id })) });
    const client = createApolloClient(`${gateway.url}/graphql`);
    const page: Document = gql`
      query Page($after: String) {
        chats(first: 2, after: $after) {
          edges {
            cursor
            node {
              id
            }
          }
          pageInfo {
            endCursor
          }
        }
      }
    `;
    const watched = client.watchQuery({ query: page });
    const subscription = watched.subscribe({});
    const { data: first } = await client.query({ query: page });
    upstream.seed({ chats: [{ id: 6 }] });

    const { data: second } = await watched.fetchMore({
      variables: { after: first.chats.pageInfo.endCursor },
    });
    const both = idsOf(client.readQuery<any>({ query: page }).chats);
    await watched.fetchMore({ variables: { after: second.chats.pageInfo.endCursor } });
    const all = idsOf(client.readQuery<any>({ query: page }).chats);
    await watched.refetch();
    const refetched = idsOf(client.readQuery<any>({ query: page }).chats);

    expect(idsOf(second.chats)).toEqual(['3', '2']);
    expect(both).toEqual(['5', '4', '3', '2']);
    expect(all).toEqual(['5', '4', '3', '2', '1']);
    expect(refetched).toEqual(['6', '5']);
    subscription.unsubscribe();
    client.stop();
  });

  test('null in a filter is rejected, an omitted condition is not', async () => {
    const client = createApolloClient(endpoint());
    const send = (filter: unknown) =>
      client.query({ query: list, variables: { filter }, errorPolicy: 'all' });

    const [omitted, rejected] = await Promise.all([
      send({ status: undefined }),
      send({ status: null }),
    ]);

    expect(omitted.data.chats.edges).toHaveLength(10);
    expect(
      CombinedGraphQLErrors.is(rejected.error) && rejected.error.errors[0]?.extensions?.['code'],
    ).toBe('BAD_USER_INPUT');
    client.stop();
  });

  test('finds a chat of a list again by its id, without a request, and changed by a mutation', async () => {
    const client = createApolloClient(endpoint());
    const { data: listed } = await client.query({ query: list });
    const [{ node: known }] = listed.chats.edges;
    const { length: before } = demo.simulator.calls;

    const chat: Document = gql`
      query Open($id: ID!) {
        chat(id: $id) {
          id
          readByAgent
        }
      }
    `;
    const { data: opened } = await client.query({ query: chat, variables: { id: known.id } });
    const { length: after } = demo.simulator.calls;
    await client.mutate({
      mutation: gql`
        mutation Mark($id: ID!, $read: Boolean!) {
          markChatRead(id: $id, by: AGENT, read: $read) {
            id
            readByAgent
          }
        }
      `,
      variables: { id: known.id, read: !known.readByAgent },
    });
    const changed: any = client.readQuery({ query: list });

    expect(opened.chat.readByAgent).toBe(known.readByAgent);
    expect(after).toBe(before);
    expect(changed.chats.edges[0].node.readByAgent).toBe(!known.readByAgent);
    client.stop();
  });

  test('receives events on the address of queries', async () => {
    const client = createApolloClient(endpoint());
    const [{ id, readByAgent }] = (await demo.query(newest)).data.chats.nodes;
    const changes: Document = gql`
      subscription {
        chatUpdated {
          change
          chat {
            id
            readByAgent
          }
        }
      }
    `;
    const arrived = new Promise<any>((resolve) => {
      const subscription = client.subscribe({ query: changes }).subscribe((result) => {
        subscription.unsubscribe();
        resolve(result);
      });
    });
    await demo.waitForSubscriptions(1);
    await demo.query(mark, { id, read: !readByAgent });
    const { data } = await arrived;
    await demo.waitForSubscriptions(0);

    expect(data.chatUpdated).toMatchObject({ change: 'READ', chat: { id } });
    expect(client.extract()).toMatchObject({ [`Chat:${id}`]: { readByAgent: !readByAgent } });
    client.stop();
  });

  test('gets the code of an error, and with errorPolicy "all" what did not fail', async () => {
    const client = createApolloClient(endpoint());

    const query: Document = gql`
      {
        customer(id: 1) {
          id
        }
        rateLimit {
          limit
        }
      }
    `;
    const { data, error } = await client.query({ query, errorPolicy: 'all' });

    expect(data).toMatchObject({ customer: null, rateLimit: { limit: expect.any(Number) } });
    expect(CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions).toMatchObject({
      code: 'NOT_FOUND',
      retryable: false,
    });
    client.stop();
  });

  test('retries after Retry-After of RATE_LIMITED and gets its result', async () => {
    await using hasty = await startTestGateway({
      upstream: demo.simulator,
      config: { operationTimeoutMs: 900, logLevel: 'info' },
    });
    const client = createApolloClient(`${hasty.url}/graphql`);
    const fault = { kind: 'status', status: 429, headers: { 'retry-after': '1' } } as const;
    demo.simulator.behave({ faults: [{ match: 'GET /chats', times: 1, fault }] });

    const { data, error } = await client.query({ query: list, errorPolicy: 'all' });
    const codes = hasty.logged.map((line) => JSON.parse(line).code);

    expect(error).toBeUndefined();
    expect(data.chats.edges).toHaveLength(10);
    expect(codes.filter((code) => code !== undefined)).toEqual(['RATE_LIMITED', 'OK']);
    client.stop();
  });

  describe('after HTTP 429', () => {
    let limited: Awaited<ReturnType<typeof startTestGateway>>;

    beforeAll(async () => {
      limited = await startTestGateway({
        upstream: demo.simulator,
        config: { requestRateLimit: 1, logLevel: 'info' },
      });
      await limited.query('{ __typename }');
    });

    afterAll(() => limited.stop());

    let waitMs = 0;

    test('does not wait for the end of the minute and hands the error on', async () => {
      const client = createApolloClient(`${limited.url}/graphql`);
      const { error } = await client.query({ query: list, errorPolicy: 'all' });

      expect(CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions).toMatchObject({
        code: 'RATE_LIMITED',
        retryAfterMs: expect.any(Number),
      });
      const [first] = CombinedGraphQLErrors.is(error) ? error.errors : [];
      waitMs = Number(first?.extensions?.['retryAfterMs']);
      client.stop();
    });

    test('retries a short time later', async () => {
      const { now } = Date;
      // The limit is per minute of the wall clock.
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + waitMs - 1_000);
      const requests = jest.spyOn(globalThis, 'fetch');
      const client = createApolloClient(`${limited.url}/graphql`);
      const { data, error } = await client.query({ query: list, errorPolicy: 'all' });
      clock.mockRestore();

      expect(error).toBeUndefined();
      expect(data.chats.edges).toHaveLength(10);
      expect(requests).toHaveBeenCalledTimes(2);
      requests.mockRestore();
      client.stop();
    });
  });

  test('does not retry an operation that has returned some of its data', async () => {
    await using hasty = await startTestGateway({
      upstream: demo.simulator,
      config: { operationTimeoutMs: 900, logLevel: 'info' },
    });
    const client = createApolloClient(`${hasty.url}/graphql`);
    const fault = { kind: 'status', status: 429, headers: { 'retry-after': '1' } } as const;
    demo.simulator.behave({ faults: [{ match: 'GET /chats', times: 1, fault }] });
    const query: Document = gql`
      {
        viewer {
          role
        }
        chats {
          edges {
            cursor
          }
        }
      }
    `;

    const { data, error } = await client.query({ query, errorPolicy: 'all' });

    expect(data).toMatchObject({ viewer: { role: 'ALL' } });
    expect(CombinedGraphQLErrors.is(error) && error.errors).toMatchObject([
      { path: ['chats'], extensions: { code: 'RATE_LIMITED' } },
    ]);
    client.stop();
  });
});

describe('urql', () => {
  const list = '{ chats(first: 5) { edges { node { id readByAgent } } } }';

  test('refetches a list when a mutation has changed one of its chats', async () => {
    const client = createUrqlClient(endpoint());
    const heard: any[] = [];
    const first = await client.query(list, {}).toPromise();
    const [{ node: known }] = first.data.chats.edges;
    const changed = new Promise((resolve) => {
      client.query(list, {}).subscribe(({ data, stale }) => {
        heard.push(data.chats.edges[0].node.readByAgent);
        if (!stale && heard.at(-1) !== known.readByAgent) resolve(undefined);
      });
    });

    await client
      .mutation(
        'mutation ($id: ID!, $read: Boolean!) { markChatRead(id: $id, by: AGENT, read: $read) { id readByAgent } }',
        { id: known.id, read: !known.readByAgent },
      )
      .toPromise();
    await changed;

    expect(heard[0]).toBe(known.readByAgent);
    expect(heard.at(-1)).toBe(!known.readByAgent);
  });

  test('receives events on the address of queries', async () => {
    const client = createUrqlClient(endpoint());
    const [{ id, readByAgent }] = (await demo.query(newest)).data.chats.nodes;
    let unsubscribe: (() => void) | undefined;
    const arrived = new Promise<any>((resolve) => {
      ({ unsubscribe } = client
        .subscription('subscription { chatUpdated { change chat { id readByAgent } } }', {})
        .subscribe(resolve));
    });
    await demo.waitForSubscriptions(1);
    await demo.query(mark, { id, read: !readByAgent });
    const { data } = await arrived;
    unsubscribe?.();
    await demo.waitForSubscriptions(0);

    expect(data.chatUpdated).toMatchObject({
      change: 'READ',
      chat: { id, readByAgent: !readByAgent },
    });
  });

  test('gets the code of an error beside what did not fail', async () => {
    const { data, error } = await createUrqlClient(endpoint())
      .query('{ customer(id: 1) { id } rateLimit { limit } }', {})
      .toPromise();

    expect(data).toMatchObject({ customer: null, rateLimit: { limit: expect.any(Number) } });
    expect(error?.graphQLErrors.map(({ extensions }) => extensions['code'])).toEqual(['NOT_FOUND']);
  });
});

describe('Relay', () => {
  const folders: string[] = [];

  /** Compiles the example and returns its folder and its artifacts. */
  function compile(config: Readonly<Record<string, unknown>> = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    folders.push(folder);
    writeFileSync(join(folder, 'persisted.json'), '{}');
    cpSync(join(root, 'examples/clients/relay'), folder, { recursive: true });
    const example = JSON.parse(readFileSync(join(folder, 'relay.config.json'), 'utf8'));
    writeFileSync(
      join(folder, 'relay.config.json'),
      // CommonJS, because Jest is to load it.
      JSON.stringify({ ...example, schema: 'schema.graphql', eagerEsModules: false, ...config }),
    );
    // Whatever a folder around it says.
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'commonjs' }));
    cpSync(join(root, 'schema.graphql'), join(folder, 'schema.graphql'));
    const compiler = join(root, 'node_modules/relay-compiler/cli.js');
    execFileSync(process.execPath, [compiler, 'relay.config.json'], { cwd: folder });
    const require = createRequire(join(folder, 'chats.js'));
    return { folder, load: (name: string): any => require(`./__generated__/${name}.graphql`) };
  }

  let load: (name: string) => any;

  beforeAll(() => {
    ({ load } = compile());
  });

  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  test('compiles against schema.graphql, and puts the pages of a list together', async () => {
    const environment = createRelayEnvironment(endpoint());
    const query = load('chatsQuery');
    const filter = { status: 'CLOSED' };
    const see = () => {
      const { fragment } = createOperationDescriptor(getRequest(query), { first: 5, filter });
      const { chats }: any = environment.lookup(fragment).data;
      return chats;
    };

    await fetchQuery(environment, query, { first: 5, filter }).toPromise();
    const first = see();
    const after = first.pageInfo.endCursor;
    await fetchQuery(environment, query, { first: 5, after, filter }).toPromise();
    const both = see();

    expect(first.edges).toHaveLength(5);
    expect(both.edges).toHaveLength(10);
    expect(new Set(both.edges.map(({ node }: any) => node.__id)).size).toBe(10);
    expect(both.edges.slice(0, 5)).toEqual(first.edges);
  });

  test('gives messages an identity, and shows none twice when one is added between two pages', async () => {
    const environment = createRelayEnvironment(endpoint());
    const query = load('chatsMessagesQuery');
    const [{ id }] = (await demo.query(newest)).data.chats.nodes;
    const post = (text: string) =>
      rest(demo.simulator, '/messages', {
        method: 'POST',
        body: { chat: Number(id), text, type: 'message', agent: 11 },
      });
    for (const text of ['one', 'two', 'three']) await post(text);
    const { fragment } = createOperationDescriptor(getRequest(query), { id, first: 2 });
    const see = (): string[] => {
      const { chat }: any = environment.lookup(fragment).data;
      return idsOf(chat.messages);
    };

    await fetchQuery(environment, query, { id, first: 2 }).toPromise();
    const first = see();
    const {
      chat: { messages },
    }: any = environment.lookup(fragment).data;
    await post('four');
    const { endCursor: after } = messages.pageInfo;
    await fetchQuery(environment, query, { id, first: 2, after }).toPromise();
    const both = see();

    const source = environment.getStore().getSource();
    expect(both.filter((messageId) => !source.has(`ChatMessage:${messageId}`))).toEqual([]);
    expect(both).toHaveLength(4);
    expect(both.slice(0, 2)).toEqual(first);
    expect(new Set(both).size).toBe(4);
  });

  /** Changes a chat while a subscription is active; resolves after its event has been delivered. */
  async function receiveUpdate(
    environment: ReturnType<typeof createRelayEnvironment>,
    artifacts: typeof load,
    gateway: Pick<typeof demo, 'query' | 'waitForSubscriptions'>,
  ) {
    const [{ id, nodeId, readByAgent }] = (await demo.query(newest)).data.chats.nodes;
    const arrived = new Promise<void>((resolve, reject) => {
      const { dispose } = requestSubscription(environment, {
        subscription: artifacts('chatsUpdatesSubscription'),
        variables: {},
        onNext: () => {
          dispose();
          resolve();
        },
        onError: reject,
      });
    });
    await gateway.waitForSubscriptions(1);
    await gateway.query(mark, { id, read: !readByAgent });
    await arrived;
    await gateway.waitForSubscriptions(0);
    return { record: environment.getStore().getSource().get(nodeId), read: !readByAgent };
  }

  test('updates a chat of a list by an event', async () => {
    const environment = createRelayEnvironment(endpoint());
    await fetchQuery(environment, load('chatsQuery'), { first: 5 }).toPromise();

    const { record, read } = await receiveUpdate(environment, load, demo);

    expect(record).toMatchObject({ __typename: 'Chat', readByAgent: read });
  });

  test('sends ids instead of texts when the compiler has persisted the operations', async () => {
    const persisted = compile({ persistConfig: { file: 'persisted.json', algorithm: 'SHA256' } });
    const manifest = readFileSync(join(persisted.folder, 'persisted.json'), 'utf8');
    await using closed = await startTestGateway({
      upstream: demo.simulator,
      config: {
        persistedOperations: new Map<string, string>([
          ...Object.entries<string>(JSON.parse(manifest)),
          ['mark', mark],
        ]),
        persistedOnly: 'true',
      },
    });
    const environment = createRelayEnvironment(`${closed.url}/graphql`);
    const query = persisted.load('chatsQuery');

    const result: any = await fetchQuery(environment, query, { first: 5 }).toPromise();
    const update = await receiveUpdate(environment, persisted.load, closed);
    const unknown = await closed.query('{ agents { id } }');

    expect(getRequest(query).params.text).toBeNull();
    expect(result.chats.edges).toHaveLength(5);
    expect(update.record).toMatchObject({ readByAgent: update.read });
    expect(unknown.errors[0]?.extensions['code']).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  test('refetches a chat by its nodeId, and distinguishes it from a customer with the same id', async () => {
    const environment = createRelayEnvironment(endpoint());
    await fetchQuery(environment, load('chatsQuery'), { first: 5 }).toPromise();
    const { data, errors } = await demo.query(newest);
    expect(errors).toEqual([]);
    const [{ id, nodeId, readByAgent }] = data.chats.nodes;
    await demo.query(
      `mutation { markChatRead(id: ${id}, by: AGENT, read: ${!readByAgent}) { id } }`,
    );

    await fetchQuery(environment, load('chatsRowQuery'), { nodeId }).toPromise();
    const record = environment.getStore().getSource().get(nodeId);

    expect(record).toMatchObject({ __typename: 'Chat', id, readByAgent: !readByAgent });
    expect(environment.getStore().getSource().get(id)).toBeUndefined();
  });
});
