import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { isNonNullType, isObjectType } from 'graphql';
import { createGraphcacheClient } from '../../examples/clients/urqlGraphcache.ts';
import { createSchema } from '../../src/graphql/schema/build.ts';
import { resourceResolvers } from '../../src/resources/resolvers.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';

let demo: Awaited<ReturnType<typeof startDemo>>;
let warnings: jest.SpiedFunction<typeof console.warn>;

beforeAll(async () => {
  demo = await startDemo({ customers: 120, chats: 400 });
});

afterAll(() => demo[Symbol.asyncDispose]());

beforeEach(() => {
  warnings = jest.spyOn(console, 'warn');
});

afterEach(() => {
  expect(warnings).not.toHaveBeenCalled();
  jest.restoreAllMocks();
  demo.simulator.behave({ faults: [] });
});

const create = () => createGraphcacheClient(`${demo.url}/graphql`);

const list = `query List($after: String, $filter: ChatFilter) {
  chats(first: 10, after: $after, filter: $filter) {
    edges { node { id readByAgent } }
    pageInfo { hasNextPage endCursor }
  }
}`;

const mark = `mutation ($id: ID!, $read: Boolean!) {
  markChatRead(id: $id, by: AGENT, read: $read) { id readByAgent }
}`;

const idsOf = (data: any): string[] => data.chats.edges.map(({ node }: any) => node.id);

test('Graphcache has a key for every type without an id', () => {
  const example = readFileSync('examples/clients/urqlGraphcache.ts', 'utf8');
  const schema = createSchema(resourceResolvers, { mutations: 'all', subgraph: undefined });
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const withoutId = Object.values(schema.getTypeMap()).filter((type) => {
    if (!isObjectType(type) || type.name.startsWith('__') || roots.includes(type)) return false;
    // Graphcache treats these as parts of their parents.
    if (/(Connection|Edge|PageInfo)$/.test(type.name)) return false;
    return !isNonNullType(type.getFields()['id']?.type);
  });

  const [, keys = ''] = /keys: \{([^}]*)\}/.exec(example) ?? [];

  expect([...keys.matchAll(/(\w+): embedded/g)].map(([, name]) => name)).toEqual(
    withoutId.map(({ name }) => name).toSorted(),
  );
});

test('Graphcache caches objects without an id in their parents', async () => {
  const { data, error } = await create()
    .query(
      `{
        viewer { role }
        rateLimit { limit }
        chats(first: 20) {
          nodes {
            id
            customer { id tags { name } location { city } device { id platform } }
            messages(first: 2) { nodes { id text } }
          }
        }
      }`,
      {},
    )
    .toPromise();

  expect(error).toBeUndefined();
  expect(data.chats.nodes).toHaveLength(20);
});

test('Graphcache puts the pages of a list together, those of another filter apart, and each chat once', async () => {
  const client = create();
  const first = await client.query(list, {}).toPromise();
  const second = { after: first.data.chats.pageInfo.endCursor };
  const closed = { filter: { status: 'CLOSED' } };

  const both = await client.query(list, second).toPromise();
  const others = await client.query(list, closed).toPromise();

  expect(new Set(idsOf(both.data)).size).toBe(20);
  expect(idsOf(both.data)).toHaveLength(20);
  expect(idsOf(others.data)).toHaveLength(10);
});

test('Graphcache puts the pages of a view together, and those of another view apart', async () => {
  const inbox = `query Inbox($view: InboxView!, $after: String) {
    chats: inbox(view: $view, first: 10, after: $after) {
      edges { node { id } }
      pageInfo { hasNextPage endCursor }
    }
  }`;
  const client = create();
  const first = await client.query(inbox, { view: 'WAITING' }).toPromise();
  const second = { view: 'WAITING', after: first.data.chats.pageInfo.endCursor };

  const both = await client.query(inbox, second).toPromise();
  const others = await client.query(inbox, { view: 'UNREAD' }).toPromise();

  expect(new Set(idsOf(both.data)).size).toBe(20);
  expect(idsOf(both.data)).toHaveLength(20);
  expect(idsOf(others.data).length).toBeLessThanOrEqual(10);
});

test('Graphcache shows what a mutation and an event have changed without another request', async () => {
  const client = create();
  const { data } = await client.query(list, {}).toPromise();
  const { id, readByAgent } = data.chats.edges[0].node;
  const readOf = () =>
    client.readQuery(list, {})?.data.chats.edges.find(({ node }: any) => node.id === id).node
      .readByAgent;
  const requests = jest.spyOn(globalThis, 'fetch');

  await client.mutation(mark, { id, read: !readByAgent }).toPromise();
  const afterMutation = readOf();
  const requestsAfterMutation = requests.mock.calls.length;
  let unsubscribe: (() => void) | undefined;
  const arrived = new Promise((resolve) => {
    ({ unsubscribe } = client
      .subscription('subscription { chatUpdated { change chat { id readByAgent } } }', {})
      .subscribe(resolve));
  });
  await demo.waitForSubscriptions(1);
  await demo.query(mark, { id, read: readByAgent });
  await arrived;
  unsubscribe?.();
  await demo.waitForSubscriptions(0);

  expect(afterMutation).toBe(!readByAgent);
  expect(requestsAfterMutation).toBe(1);
  expect(readOf()).toBe(readByAgent);
});

test('Graphcache shows a chat as read before the response, and as before if the mutation fails', async () => {
  const client = create();
  const { data } = await client.query(list, {}).toPromise();
  const { id, readByAgent } = data.chats.edges[0].node;
  const shown: boolean[] = [];
  const { unsubscribe } = client.query(list, {}).subscribe((result) => {
    const edge = result.data?.chats.edges.find(({ node }: any) => node.id === id);
    if (edge.node.readByAgent !== shown.at(-1)) shown.push(edge.node.readByAgent);
  });
  const failure = { kind: 'status', status: 404 } as const;
  demo.simulator.behave({
    faults: [{ match: 'PUT /chats/readByAgent', times: 1, fault: failure }],
  });

  const { error } = await client.mutation(mark, { id, read: !readByAgent }).toPromise();
  unsubscribe();

  expect(error?.graphQLErrors[0]?.extensions['code']).toBe('NOT_FOUND');
  expect(shown).toEqual([readByAgent, !readByAgent, readByAgent]);
});

test('persisted queries of urql are registered once and then sent as GET with a hash', async () => {
  await using gateway = await startTestGateway({ upstream: demo.simulator });
  const requests = jest.spyOn(globalThis, 'fetch');
  const ask = async () => {
    const client = createGraphcacheClient(`${gateway.url}/graphql`);
    const { data, error } = await client.query(list, {}).toPromise();
    expect(error).toBeUndefined();
    return idsOf(data).length;
  };

  const lengths = [await ask(), await ask()];
  const sent = requests.mock.calls.map(([url, options]) => {
    const address = typeof url === 'string' ? url : '';
    return [options?.method, address.includes('sha256Hash'), address.includes('query=')];
  });

  expect(lengths).toEqual([10, 10]);
  expect(sent).toEqual([
    ['GET', true, false],
    ['GET', true, true],
    ['GET', true, false],
  ]);
});

const fault = { kind: 'status', status: 429, headers: { 'retry-after': '1' } } as const;

/** A gateway whose operations do not wait for the end of `fault`. */
const startHasty = () =>
  startTestGateway({
    upstream: demo.simulator,
    config: { operationTimeoutMs: 900, logLevel: 'info' },
  });

const codesOf = ({ logged }: Awaited<ReturnType<typeof startHasty>>): string[] =>
  logged.map((line) => JSON.parse(line).code).filter((code) => code !== undefined);

test('urql repeats a rate-limited query after retryAfterMs and gets its result', async () => {
  await using hasty = await startHasty();
  demo.simulator.behave({ faults: [{ match: 'GET /chats', times: 1, fault }] });

  const { data, error } = await createGraphcacheClient(`${hasty.url}/graphql`)
    .query(list, {})
    .toPromise();

  expect(error).toBeUndefined();
  expect(idsOf(data)).toHaveLength(10);
  expect(codesOf(hasty).slice(-2)).toEqual(['RATE_LIMITED', 'OK']);
});

test('urql repeats neither a rate-limited mutation nor a query that must wait for long', async () => {
  await using hasty = await startHasty();
  await using limited = await startTestGateway({
    upstream: demo.simulator,
    config: { requestRateLimit: 1 },
  });
  await limited.query('{ __typename }');
  const [{ node }] = (await demo.query(list)).data.chats.edges;
  demo.simulator.behave({ faults: [{ match: 'PUT /chats/readByAgent', times: 1, fault }] });
  const requests = jest.spyOn(globalThis, 'fetch');

  const written = await createGraphcacheClient(`${hasty.url}/graphql`)
    .mutation(mark, { id: node.id, read: true })
    .toPromise();
  const read = await createGraphcacheClient(`${limited.url}/graphql`).query(list, {}).toPromise();

  for (const { error } of [written, read]) {
    expect(error?.graphQLErrors[0]?.extensions['code']).toBe('RATE_LIMITED');
  }
  expect(requests).toHaveBeenCalledTimes(2);
});
