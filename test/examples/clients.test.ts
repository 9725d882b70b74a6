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
import { createOperationDescriptor, fetchQuery, getRequest } from 'relay-runtime';
import { createApolloClient } from '../../examples/clients/apollo.ts';
import { createRelayEnvironment } from '../../examples/clients/relay.ts';
import { createUrqlClient } from '../../examples/clients/urql.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';

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

  test('gets the code of an error beside what did not fail', async () => {
    const { data, error } = await createUrqlClient(endpoint())
      .query('{ customer(id: 1) { id } rateLimit { limit } }', {})
      .toPromise();

    expect(data).toMatchObject({ customer: null, rateLimit: { limit: expect.any(Number) } });
    expect(error?.graphQLErrors.map(({ extensions }) => extensions['code'])).toEqual(['NOT_FOUND']);
  });
});

describe('Relay', () => {
  let folder: string;
  let load: (name: string) => any;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'relay-'));
    cpSync(join(root, 'examples/clients/relay'), folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(folder, 'relay.config.json'), 'utf8'));
    writeFileSync(
      join(folder, 'relay.config.json'),
      // CommonJS, because Jest is to load it.
      JSON.stringify({ ...config, schema: 'schema.graphql', eagerEsModules: false }),
    );
    // Whatever a folder around it says.
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'commonjs' }));
    cpSync(join(root, 'schema.graphql'), join(folder, 'schema.graphql'));
    const compiler = join(root, 'node_modules/relay-compiler/cli.js');
    execFileSync(process.execPath, [compiler, 'relay.config.json'], { cwd: folder });
    const require = createRequire(join(folder, 'chats.js'));
    load = (name) => require(`./__generated__/${name}.graphql`);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

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

  test('refetches a chat by its nodeId, and distinguishes it from a customer with the same id', async () => {
    const environment = createRelayEnvironment(endpoint());
    await fetchQuery(environment, load('chatsQuery'), { first: 5 }).toPromise();
    const { data } = await demo.query('{ chats(first: 1) { nodes { id nodeId readByAgent } } }');
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

test('docs/clients.md shows the clients that are tested here', () => {
  const blocks = [
    ...readFileSync(join(root, 'docs/clients.md'), 'utf8').matchAll(
      /^`(examples\/clients\/\S+)`[^\n]*\n\n```\w+\n([\s\S]*?)^```$/gm,
    ),
  ];

  expect(blocks.map(([, file]) => file)).toEqual([
    'examples/clients/apollo.ts',
    'examples/clients/urql.ts',
    'examples/clients/relay/relay.config.json',
    'examples/clients/relay.ts',
  ]);
  for (const [, file = '', body] of blocks) {
    expect(body).toBe(readFileSync(join(root, file), 'utf8'));
  }
});
