import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { WireRow } from '../support/rest.ts';
import { restRows } from '../support/rest.ts';

const oneHour = 3_600_000;

const clock = createManualClock();

let simulator: Simulator;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let chats: readonly WireRow[];
let customers: readonly WireRow[];
let agents: readonly WireRow[];
let departments: readonly WireRow[];
let made = 0;

beforeAll(async () => {
  simulator = await startSimulator({
    customers: 260,
    // All fit in one page.
    chats: 96,
    rateLimit: 0,
    clock: createManualClock(),
    onCall: () => {
      made += 1;
    },
  });
  const { cacheTtlsMs } = readConfig({});
  gateway = await startTestGateway({
    upstream: simulator,
    clock,
    config: { rateLimit: 0, cacheTtlsMs },
  });
  chats = await restRows(simulator, '/chats', { sort: 'chats.createdAt', order: 'desc' });
  customers = await restRows(simulator, '/customers');
  agents = await restRows(simulator, '/agents');
  departments = await restRows(simulator, '/departments');
});

afterAll(async () => {
  await gateway.stop();
  await simulator.close();
});

beforeEach(() => {
  // Whatever an earlier test has left is too old by now.
  clock.advance(oneHour);
  made = 0;
});

interface Row {
  readonly what: string;
  readonly calls: number;
  readonly document: string;
  readonly variables?: () => Record<string, unknown>;
  /** Whether it is also executed by many clients concurrently. */
  readonly isCrowded?: true;
}

const agentFields = 'id nodeId name email role';

/** All fields that an upstream chat contains. */
const carried = `
  id nodeId status closedBy closedAt rating createdAt createdWith lastMessageAt lastCustomerMessageAt lastMessageText
  lastMessageId lastCommunicatedAgentId snoozedUntil applicationId readByAgent readByCustomer
  agents { ${agentFields} }
  assignee { ${agentFields} }
  customer { id nodeId name email userId }
  department { id nodeId name }
`;

const customerFields = `
  id userId name email company phone firstSeen lastSeen location { city countryCode regionCode }
  device { platform timezone userAgent } unsubscribed blocked source referer lastPage locale createdFrom integrationId
  notes tags { name color } customData
`;

const someChat = () => ({ id: chats[0]?.['id'] });
const someCustomer = () => ({ id: chats[0]?.['customer'].id });

const references = (typename: string, keys: () => readonly object[]) => () => ({
  references: keys().map((key) => ({ __typename: typename, ...key })),
});

const entities = (selection: string) =>
  `query ($references: [_Any!]!) { _entities(representations: $references) { ${selection} } }`;

const ids = (rows: readonly WireRow[]) => rows.map(({ id }) => ({ id }));

const table: readonly Row[] = [
  {
    what: 'a chat with all that it carries',
    calls: 1,
    isCrowded: true,
    document: `query ($id: ID!) { chat(id: $id) { ${carried} } }`,
    variables: someChat,
  },
  {
    what: '50 chats with all that they carry',
    calls: 1,
    document: `{ chats(first: 50) { nodes { ${carried} } edges { cursor node { id } } totalCount
      pageInfo { hasNextPage endCursor } } }`,
  },
  {
    what: '50 chats with what only whole customers have',
    calls: 2,
    isCrowded: true,
    document: '{ chats(first: 50) { nodes { id customer { phone company tags { name } } } } }',
  },
  {
    what: '50 chats with the agents of their departments',
    calls: 2,
    document: '{ chats(first: 50) { nodes { id department { agents { name } } } } }',
  },
  {
    what: '20 customers with their first chats',
    calls: 2,
    isCrowded: true,
    document: '{ customers(first: 20) { nodes { id chats(first: 5) { nodes { status } } } } }',
  },
  {
    what: '100 references to customers by id',
    calls: 1,
    isCrowded: true,
    document: entities('... on Customer { id name phone }'),
    variables: references('Customer', () => ids(customers.slice(0, 100))),
  },
  {
    what: '100 references to customers by user id',
    calls: 1,
    document: entities('... on Customer { id name phone }'),
    variables: references('Customer', () =>
      customers
        .flatMap(({ userId }) => (typeof userId === 'string' ? [{ userId }] : []))
        .slice(0, 100),
    ),
  },
  {
    what: 'references to every agent',
    calls: 1,
    document: entities('... on Agent { name role }'),
    variables: references('Agent', () => [...ids(agents), ...ids(agents)]),
  },
  {
    what: 'references to every department',
    calls: 1,
    document: entities('... on Department { name agents { name email } }'),
    variables: references('Department', () => ids(departments)),
  },
];

const frontend: readonly Row[] = [
  {
    what: 'the inbox',
    calls: 1,
    document: `query ($filter: ChatFilter) {
      chats(first: 25, filter: $filter, orderBy: { field: LAST_MESSAGE_AT, direction: DESC }) {
        totalCount
        pageInfo { hasNextPage endCursor }
        edges { cursor node {
          id status lastMessageText lastMessageAt readByAgent
          customer { id name email }
          assignee { id name }
          department { id name }
        } }
      }
    }`,
    variables: () => ({ filter: { statusNot: 'CLOSED' } }),
  },
  {
    what: 'the inbox with telephones and channels',
    calls: 3,
    document: `{ chats(first: 25) { nodes {
      id lastMessageText customer { name phone } application { displayName }
    } } }`,
  },
  {
    what: 'a chat as an agent sees it',
    calls: 3,
    isCrowded: true,
    document: `query ($id: ID!) { chat(id: $id) {
      ${carried}
      customer { ${customerFields} }
      messages(first: 50) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes { id from type text createdAt read agent { id name } }
      }
    } }`,
    variables: someChat,
  },
  {
    what: 'the card of a customer',
    calls: 2,
    document: `query ($id: ID!) { customer(id: $id) {
      ${customerFields}
      chats(first: 10) { totalCount nodes { id status createdAt rating assignee { name } } }
    } }`,
    variables: someCustomer,
  },
  {
    what: 'a customer found by the id of another system',
    calls: 1,
    document: `query ($userId: String!) { customerByUserId(userId: $userId) { ${customerFields} } }`,
    variables: () => ({
      userId: customers.find(({ userId }) => typeof userId === 'string')?.['userId'],
    }),
  },
  {
    what: 'the board of agents',
    calls: 2,
    document: `{ agents { ${agentFields} chats(first: 5) { nodes { id status customer { name } } } } }`,
  },
  {
    what: 'the board of departments',
    calls: 2,
    document: `{ departments { id name agents { ${agentFields} }
      chats(first: 10, orderBy: { field: LAST_MESSAGE_AT, direction: DESC }) { nodes { id status assignee { name } } }
    } }`,
  },
  {
    what: 'the open chats of one agent',
    calls: 1,
    document: `query ($filter: ChatFilter) { chats(first: 20, filter: $filter) {
      totalCount nodes { id status lastMessageText customer { name } }
    } }`,
    variables: () => ({ filter: { assigneeId: agents[1]?.['id'], status: 'OPENED' } }),
  },
  {
    what: 'a search for people',
    calls: 1,
    document: `query ($filter: CustomerFilter) { customers(first: 10, filter: $filter) {
      totalCount nodes { id name email phone company }
    } }`,
    variables: () => ({
      filter: { anyOf: [{ name: { contains: 'an' } }, { email: { contains: 'an' } }] },
    }),
  },
  {
    what: 'people found, with how often they wrote',
    calls: 2,
    document: `{ customers(first: 10, filter: { name: { contains: "a" } }) {
      nodes { id name chats(first: 1) { totalCount nodes { createdAt } } }
    } }`,
  },
  {
    what: 'the counts of a dashboard',
    calls: 6,
    document: `query ($from: DateTime!) {
      all: chats { totalCount }
      fresh: chats(filter: { status: NEW }) { totalCount }
      open: chats(filter: { status: OPENED }) { totalCount }
      closed: chats(filter: { status: CLOSED, closedAt: { from: $from } }) { totalCount }
      bad: chats(filter: { anyOf: [{ rating: POOR }, { rating: VERY_POOR }] }) { totalCount }
      people: customers { totalCount }
    }`,
    variables: () => ({ from: '2026-01-01T00:00:00.000Z' }),
  },
  {
    what: 'what a page needs at its start',
    calls: 4,
    isCrowded: true,
    document: `{
      viewer { role } rateLimit { limit }
      organization { id domain teamOnline chatEnabled }
      agents { ${agentFields} }
      departments { id name agents { id } }
      applications { id displayName type active }
    }`,
  },
  {
    what: 'more of what was said',
    calls: 1,
    document: entities(`... on Chat {
      id messages(first: 100) { nodes { id text from agent { name role } chat { id } } }
    }`),
    variables: references('Chat', () => [{ id: chats[0]?.['id'] }]),
  },
  {
    what: 'the same things under several names',
    calls: 2,
    document: `query ($id: ID!) {
      a: chat(id: $id) { status }
      b: chat(id: $id) { rating assignee { name } }
      c: chats(first: 10) { nodes { id } }
      d: chats(first: 10) { nodes { status } totalCount }
    }`,
    variables: someChat,
  },
  {
    what: 'some chats by their global ids',
    calls: 3,
    document: 'query ($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { ... on Chat { id status } } }',
    variables: () => ({
      nodeIds: chats
        .slice(0, 3)
        .map(({ id }) => Buffer.from(`Chat:${String(id)}`).toString('base64url')),
    }),
  },
  {
    what: 'who last answered in each chat',
    calls: 1,
    document: '{ chats(first: 50) { nodes { id lastCommunicatedAgent { name role } } } }',
  },
];

async function run({ document, variables }: Pick<Row, 'document' | 'variables'>) {
  const before = made;
  const answer = await gateway.query(document, variables?.() ?? {});
  expect(answer.errors).toEqual([]);
  return { ...answer, calls: made - before, said: answer.extensions.upstream };
}

describe('upstream calls', () => {
  test.each([...table, ...frontend])(
    '$what costs $calls calls, and 0 calls when repeated',
    async (row) => {
      const cold = await run(row);
      const warm = await run(row);

      expect([cold.calls, warm.calls]).toEqual([row.calls, 0]);
      expect(cold.said).toMatchObject({ calls: row.calls, rateLimit: { limit: 0, remaining: 0 } });
      expect(warm.said).toMatchObject({ calls: 0, cacheHits: expect.any(Number), shared: 0 });
      expect(warm.said['cacheHits']).toBeGreaterThanOrEqual(row.calls);
      expect([cold, warm].map(({ headers }) => headers.get('x-upstream-calls'))).toEqual([
        String(row.calls),
        '0',
      ]);
      expect(warm.data).toEqual(cold.data);
      expect(JSON.stringify(cold.data).length).toBeGreaterThan(20);
    },
  );

  test.each(['AGENT', 'CUSTOMER'])(
    'each markChatRead by %s with all embedded fields costs one call',
    async (by) => {
      const mark = {
        document: `mutation ($id: ID!, $by: ReadBy!) { markChatRead(id: $id, by: $by, read: true) { ${carried} } }`,
        variables: () => ({ ...someChat(), by }),
      };

      const calls = [(await run(mark)).calls, (await run(mark)).calls];
      const read = await run({
        document: `query ($id: ID!) { chat(id: $id) { ${carried} } }`,
        variables: someChat,
      });

      expect(calls).toEqual([1, 1]);
      expect(read.calls).toBe(0);
    },
  );

  test('references with key fields only cost 0 calls', async () => {
    const { data, calls } = await run({
      document: entities(`
        ... on Customer { id nodeId }
        ... on Agent { id nodeId }
        ... on Chat { id nodeId }
        ... on Department { id }
        ... on ChatApplication { id }
      `),
      variables: () => ({
        references: ['Customer', 'Agent', 'Chat', 'Department', 'ChatApplication'].map((name) => ({
          __typename: name,
          id: 1,
        })),
      }),
    });

    expect(data._entities.map(({ id }: any) => id)).toEqual(Array(5).fill('1'));
    expect(calls).toBe(0);
  });

  test('references by userId with key fields only cost 0 calls', async () => {
    const { data, calls } = await run({
      document: entities('__typename ... on Customer { userId }'),
      variables: references('Customer', () => [{ userId: 'yours-1' }]),
    });

    expect(data._entities).toEqual([{ __typename: 'Customer', userId: 'yours-1' }]);
    expect(calls).toBe(0);
  });

  test('a cached page of the inbox with another selection costs 0 calls', async () => {
    await run({ document: '{ chats(first: 30) { nodes { id } } }' });

    const { calls } = await run({
      document: `query ($id: ID!) {
        chats(first: 30) { edges { cursor node { ${carried} } } pageInfo { endCursor } totalCount }
        chat(id: $id) { ${carried} }
      }`,
      variables: someChat,
    });

    expect(calls).toBe(0);
  });

  test.each([...table, ...frontend].filter(({ isCrowded }) => isCrowded))(
    '$what of 100 concurrent clients costs $calls calls',
    async (row) => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => gateway.query(row.document, row.variables?.() ?? {})),
      );

      expect(made).toBe(row.calls);
      const calls = answers.map(({ extensions }) => extensions.upstream.calls);
      expect(calls.reduce((sum, count) => sum + count, 0)).toBe(row.calls);
      for (const { data, errors, extensions } of answers) {
        expect(errors).toEqual([]);
        expect(data).toEqual(answers[0]?.data);
        const { calls, cacheHits, shared } = extensions.upstream as Record<string, any>;
        expect(Math.max(calls, cacheHits, shared)).toBeGreaterThan(0);
      }
    },
  );
});

test('the header X-Upstream-Calls is not sent in production', async () => {
  await using production = await startTestGateway({
    upstream: simulator,
    config: { isProduction: true },
  });

  const { headers } = await production.query('{ organization { id } }');

  expect(headers.get('x-upstream-calls')).toBeNull();
});
