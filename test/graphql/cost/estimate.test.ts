import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GraphQLField, GraphQLObjectType } from 'graphql';
import {
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isUnionType,
  parse,
} from 'graphql';
import { createCostLimiter, createCostPlugin } from '../../../src/graphql/cost/limiter.ts';
import type { Context } from '../../../src/graphql/context.ts';
import { estimateCost } from '../../../src/graphql/cost/estimate.ts';
import type { IsCached } from '../../../src/resources/declarations.ts';
import { estimateNodes } from '../../../src/graphql/limits/responseNodes.ts';
import { createSchema } from '../../../src/graphql/schema/build.ts';
import { toNodeId } from '../../../src/lib/ids.ts';
import { startDemo } from '../../support/gateway.ts';
import { propertyParameters } from '../../support/propertyRuns.ts';

const schema = createSchema([], { subgraph: { excludedRootFields: [] } });

const price = (document: string, variables: Record<string, unknown> = {}, isCached?: IsCached) =>
  estimateCost(parse(document), { schema, variables, isCached });

const references = (count: number, key: (index: number) => object) => ({
  representations: Array.from({ length: count }, (_, index) => key(index + 1)),
});

const ofType = (typename: string) => (id: number) => ({ __typename: typename, id: String(id) });

const entitiesOf = (selection: string) =>
  `query ($representations: [_Any!]!) { _entities(representations: $representations) { ${selection} } }`;

/** Counts the objects of an answer. An object without `__typename` is the value of a JSON field. */
const objectsIn = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, item) => sum + objectsIn(item), 0);
  return inside + ('__typename' in value ? 1 : 0);
};

type Row = readonly [worst: number, typical: number, document: string, variables?: object];

describe('cost estimates', () => {
  const carried =
    'status customer { id name email userId } agents { name } assignee { role } department { id name } application { id }';

  test.each<Row>([
    // The table of the table.
    [1, 1, `mutation { markChatRead(id: 1, by: AGENT, read: true) { ${carried} } }`],
    [0, 0, 'subscription { chatUpdated { change at chat { id nodeId } } }'],
    [1, 1, `subscription { chatUpdated { chat { ${carried} } } }`],
    [2, 2, 'subscription { chatUpdated { chat { status customer { phone } } } }'],
    [0, 0, 'subscription { messageReceived { text from chat { id } } }'],
    [1, 1, 'subscription { messageReceived { text chat { status } } }'],
    [0, 0, 'subscription { customerUpdated(id: 1) { id } }'],
    [1, 1, 'subscription { customerUpdated(id: 1) { name } }'],
    [1, 1, `{ chat(id: 1) { ${carried} } }`],
    [1, 1, `{ chats(first: 50) { nodes { ${carried} } } }`],
    [2, 2, '{ chats(first: 50) { nodes { customer { phone company tags { name } } } } }'],
    [2, 2, '{ chats(first: 50) { nodes { department { agents { name } } } } }'],
    [21, 2, '{ customers { nodes { chats(first: 5) { nodes { status } } } } }'],
    [1, 1, entitiesOf('... on Customer { name }'), references(100, ofType('Customer'))],
    [
      1,
      1,
      entitiesOf('... on Customer { name }'),
      references(100, (id) => ({ __typename: 'Customer', userId: `u${id}` })),
    ],
    [1, 1, entitiesOf('... on Agent { name }'), references(100, ofType('Agent'))],
    [1, 1, entitiesOf('... on Department { name }'), references(100, ofType('Department'))],
    [
      0,
      0,
      entitiesOf('... on Customer { id } ... on Agent { id nodeId __typename }'),
      references(100, ofType('Customer')),
    ],

    // What costs nothing.
    [0, 0, '{ __typename __schema { types { name } } __type(name: "Chat") { name } }'],
    [0, 0, '{ rateLimit { limit remaining } viewer { role } _service { sdl } }'],
    [0, 0, '{ chats { __typename } customers { __typename } }'],

    // Single things.
    [1, 1, '{ chat(id: 1) { id } }'],
    [1, 1, '{ a: chat(id: 1) { status } b: chat(id: "1") { rating } }'],
    [2, 2, '{ a: chat(id: 1) { status } b: chat(id: 2) { status } }'],
    [
      1,
      1,
      '{ a: customer(id: 1) { name } b: customer(id: 2) { name } c: customer(id: 1) { email } }',
    ],
    [
      1,
      1,
      '{ a: customerByUserId(userId: "x") { name } b: customerByUserId(userId: "y") { name } }',
    ],
    [2, 2, '{ customer(id: 1) { name } customerByUserId(userId: "x") { name } }'],
    [1, 1, '{ agent(id: 1) { id } agents { name } }'],
    [1, 1, '{ department(id: 1) { name agents { name } } departments { id } }'],
    [
      4,
      4,
      '{ agents { id } departments { id } applications { id } a: organization { id } b: organization { id } }',
    ],
    [0, 0, '{ node(nodeId: "nonsense") { nodeId } }'],
    [1, 1, `{ node(nodeId: "${toNodeId('Chat', '1')}") { ... on Chat { status } } }`],
    [
      1,
      1,
      `{ node(nodeId: "${toNodeId('Agent', '1')}") { nodeId ... on Chat { customer { phone } } } }`,
    ],
    [
      5,
      5,
      'query ($all: [ID!]!) { nodes(nodeIds: $all) { nodeId } }',
      {
        all: ['Chat:1', 'Chat:2', 'Customer:1', 'Customer:2', 'Agent:1', 'Department:1'].map(
          (name) => toNodeId(...(name.split(':') as [string, string])),
        ),
      },
    ],

    // Lists.
    [1, 1, '{ chats(first: 100) { totalCount } }'],
    [1, 1, '{ customers { pageInfo { hasNextPage } } }'],
    [2, 1, '{ chats(last: 10) { nodes { id } } }'],
    [1, 1, '{ chats(last: 10) { totalCount } }'],
    [3, 2, '{ chat(id: 1) { messages(last: 10) { nodes { id } } } }'],
    [8, 2, '{ chat(id: 1) { messages(last: 10, before: "c") { nodes { id } } } }'],
    [2, 2, '{ chats(first: 50) { nodes { url } } }'],
    [2, 2, '{ a: chat(id: 1) { url } organization { domain } }'],
    [1, 1, 'subscription { chatUpdated { chat { id url } } }'],
    [7, 1, '{ chats(last: 10, before: "c") { nodes { id } } }'],
    [7, 1, '{ chats(first: 90, after: "c") { nodes { id } } }'],
    [8, 2, '{ chats(first: 91, after: "c") { nodes { id } } }'],
    [1, 1, '{ chats(first: 91, after: "c") { totalCount } }'],
    [
      8,
      2,
      '{ a: chats(first: 9, after: "a") { nodes { id } } b: chats(first: 9, after: "b") { nodes { id } } }',
    ],
    [1, 1, '{ a: chats(first: 5) { nodes { id } } b: chats(first: 5) { nodes { status } } }'],
    [2, 2, '{ a: chats(first: 5) { nodes { id } } b: chats(first: 6) { nodes { id } } }'],
    [
      1,
      1,
      'query ($n: Int) { a: chats(first: $n) { nodes { id } } b: chats(first: 5) { nodes { status } } }',
      { n: 5 },
    ],
    [2, 2, '{ a: chats(first: 5) { nodes { id } } b: chats(first: 5) { totalCount } }'],
    [
      4,
      2,
      '{ customers(filter: { ids: [1, 2, 3] }) { nodes { chats(first: 5) { nodes { id } } } } }',
    ],

    // What a chat carries only in part.
    [2, 1, '{ chat(id: 1) { lastCommunicatedAgent { name } } }'],
    [1, 1, '{ chat(id: 1) { lastCommunicatedAgent { id nodeId } } }'],
    [2, 2, '{ chats { nodes { application { name } } } }'],
    [2, 2, '{ chats(first: 100) { nodes { customer { phone } } } }'],
    [2, 2, '{ a: chat(id: 1) { customer { phone } } b: chat(id: 1) { customer { email } } }'],
    [3, 3, '{ a: chat(id: 1) { customer { phone } } b: chat(id: 2) { customer { phone } } }'],
    [
      2,
      2,
      '{ chats { nodes { customer { phone } } edges { node { customer { tags { name } } } } } }',
    ],

    // Messages.
    [51, 51, '{ chats(first: 50) { nodes { messages { nodes { text } } } } }'],
    [51, 51, '{ chats(first: 50) { nodes { messages { totalCount } } } }'],
    [1, 1, '{ chats(first: 50) { nodes { messages { __typename } } } }'],
    [3, 2, '{ chat(id: 1) { messages { nodes { agent { name } } } } }'],
    [2, 2, '{ chat(id: 1) { messages { nodes { chat { status customer { name } } } } } }'],
    [2, 2, '{ chat(id: 1) { messages { nodes { chat { messages { nodes { text } } } } } } }'],
    [3, 3, '{ chat(id: 1) { messages { nodes { chat { customer { phone } } } } } }'],
    [41, 41, '{ chats { nodes { messages { nodes { chat { customer { phone } } } } } } }'],

    // The chats of a customer or an agent.
    [2, 2, '{ customer(id: 1) { chats { nodes { id } totalCount } } }'],
    [22, 2, '{ customers { nodes { chats(first: 5) { nodes { status } totalCount } } } }'],
    [22, 2, '{ customers { nodes { chats(first: 100) { nodes { status } } } } }'],
    [1, 1, '{ customers { nodes { chats { __typename } } } }'],
    [102, 2, '{ customers(first: 100) { nodes { chats(first: 100) { nodes { id } } } } }'],
    [52, 2, '{ agents { chats(first: 3) { nodes { id } } } }'],
    [12, 2, '{ departments { chats { nodes { id } } } }'],
    [
      4,
      2,
      '{ a: customer(id: 1) { chats(first: 100) { nodes { id } } } b: customer(id: 2) { chats(first: 100) { nodes { id } } } }',
    ],
    [11, 2, '{ chats(first: 50) { nodes { department { chats(first: 3) { nodes { id } } } } } }'],

    // References.
    [
      1,
      1,
      entitiesOf('... on Customer { name }'),
      references(100, () => ({ __typename: 'Customer', id: '1' })),
    ],
    [2, 2, entitiesOf('... on Customer { name }'), references(101, ofType('Customer'))],
    [100, 100, entitiesOf('... on Chat { status }'), references(100, ofType('Chat'))],
    [
      0,
      0,
      entitiesOf('... on Chat { id messages { __typename } }'),
      references(100, ofType('Chat')),
    ],
    [
      3,
      3,
      entitiesOf('... on Chat { messages { nodes { text } } }'),
      references(3, ofType('Chat')),
    ],
    [
      6,
      6,
      entitiesOf('... on Chat { messages { nodes { chat { status } } } }'),
      references(3, ofType('Chat')),
    ],
    [
      0,
      0,
      entitiesOf('__typename'),
      {
        representations: [
          null,
          7,
          {},
          { __typename: 'Chat' },
          { __typename: 'CustomerTag', id: 1 },
          { __typename: {}, id: {} },
        ],
      },
    ],

    // Fragments, directives, variables.
    [
      2,
      2,
      'query { ...A } fragment A on Query { chats { ...B } } fragment B on ChatConnection { nodes { ... { customer { ...C } } } } fragment C on Customer { phone }',
    ],
    [0, 0, '{ chats @skip(if: true) { nodes { id } } ... @include(if: false) { agents { id } } }'],
    [
      1,
      1,
      'query ($all: Boolean = false) { chats { nodes { id } } agents @include(if: $all) { id } }',
    ],
    [
      2,
      2,
      'query ($all: Boolean = false) { chats { nodes { id } } agents @include(if: $all) { id } }',
      { all: true },
    ],
    [4, 4, 'query ($n: Int = 3) { chats(first: $n) { nodes { messages { nodes { id } } } } }'],
    [
      8,
      8,
      'query ($n: Int = 3) { chats(first: $n) { nodes { messages { nodes { id } } } } }',
      { n: 7 },
    ],
    [
      21,
      21,
      'query ($n: Int) { chats(first: $n) { nodes { messages { nodes { id } } } } }',
      { n: null },
    ],
    [2, 2, '{ chats { nodes { customer { name } } } chats { nodes { customer { phone } } } }'],

    // Changes.
    [
      3,
      3,
      'mutation { a: markChatRead(id: 1, by: AGENT, read: true) { id } b: markChatRead(id: 1, by: AGENT, read: false) { customer { phone } } }',
    ],
  ])(
    'the estimate is %d calls in the worst case and %d in the typical case for %s',
    (worst, typical, document, variables = {}) => {
      expect(price(document, { ...variables })).toMatchObject({ worst, typical });
    },
  );
});

test('estimates list the most expensive fields first, by their response keys', () => {
  const { fields } = price(
    '{ inbox: chats(first: 50) { nodes { messages { nodes { text } } customer { phone } } } }',
  );

  expect(fields).toEqual([
    { path: 'inbox.nodes.messages', calls: 50 },
    { path: 'inbox', calls: 1 },
    { path: 'inbox.nodes.customer', calls: 1 },
  ]);
});

test('the estimate is that of the named operation', () => {
  const document = parse('query A { agents { id } } query B { agents { id } departments { id } }');

  expect(estimateCost(document, { schema, operationName: 'A' }).worst).toBe(1);
  expect(estimateCost(document, { schema, operationName: 'B' }).worst).toBe(2);
  expect(estimateCost(document, { schema, operationName: 'C' }).worst).toBe(0);
});

test('the estimate of cached data is zero', () => {
  const isCached: IsCached = (kind, id) => kind === 'agents' || (kind === 'chat' && id === '1');
  const document =
    '{ agents { id } departments { id } a: chat(id: 1) { id } b: chat(id: 2) { id } }';

  expect(price(document).worst).toBe(4);
  expect(price(document, {}, isCached).worst).toBe(2);
});

describe('estimates for customers', () => {
  const byId = { role: 'CUSTOMER', id: '7001', userId: undefined } as const;
  const byUserId = { role: 'CUSTOMER', id: undefined, userId: 'u-1' } as const;
  const worst = (document: string, variables: Record<string, unknown> = {}) =>
    [byId, byUserId].map(
      (customer) => estimateCost(parse(document), { schema, variables, customer }).worst,
    );

  test.each<readonly [number, number, string, Record<string, unknown>]>([
    [1, 2, '{ chat(id: 1) { status } }', {}],
    [1, 2, '{ chats { nodes { id } } }', {}],
    [2, 3, 'mutation { markChatRead(id: 1, by: CUSTOMER, read: true) { id } }', {}],
    [6, 7, '{ chat(id: 1) { messages { nodes { id } } } }', {}],
    [25, 26, '{ chats { nodes { messages { nodes { id } } } } }', {}],
    [3, 4, entitiesOf('... on Chat { id }'), references(3, ofType('Chat'))],
    [0, 1, entitiesOf('... on Customer { id }'), references(3, ofType('Customer'))],
  ])(
    'the estimate for a customer is %i calls with a known id and %i otherwise: %s',
    (known, unknown, document, variables) => {
      expect(worst(document, variables)).toEqual([known, unknown]);
    },
  );
});

describe('excessive operations', () => {
  const nested = (depth: number): string =>
    depth === 0
      ? '{ nodes { id } }'
      : `{ nodes { customer { chats(first: 100) ${nested(depth - 1)} } } }`;

  test('the estimate of multiplied lists is at most MAX_SAFE_INTEGER', () => {
    const { worst } = price(`{ chats(first: 100) ${nested(20)} }`);

    expect(worst).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('the estimate of an operation that is nested too deeply is infinite', () => {
    expect(price(`{ chats(first: 1) ${nested(60)} }`).worst).toBe(Infinity);
  });

  test('the estimate of exponentially nested fragments ends early and is infinite', () => {
    const fragments = Array.from(
      { length: 30 },
      (_, index) =>
        `fragment F${index} on Customer { a: chats { nodes { customer { ...F${index + 1} } } } b: chats { nodes { customer { ...F${index + 1} } } } }`,
    );
    const before = process.cpuUsage();

    const { worst, typical } = price(
      `{ customer(id: 1) { ...F0 } } ${fragments.join(' ')} fragment F30 on Customer { id }`,
    );

    expect({ worst, typical }).toEqual({ worst: Infinity, typical: Infinity });
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
  });
});

describe('admission', () => {
  let server: ApolloServer<Context>;
  let cached = new Set<string>();

  beforeAll(() => {
    server = new ApolloServer<Context>({
      schema,
      stopOnTerminationSignals: false,
      plugins: [
        ApolloServerPluginInlineTraceDisabled(),
        createCostPlugin(
          createCostLimiter(schema, {
            maxCalls: 30,
            maxReferenceCalls: () => 60,
            maxNodes: 20_000,
            isCached: () => (kind) => cached.has(kind),
          }),
        ),
      ],
    });
  });

  beforeEach(() => {
    cached = new Set();
  });

  afterAll(() => server.stop());

  async function ask(query: string, variables: Record<string, unknown> = {}, isRouter = false) {
    // No resolver of this schema looks at a context.
    const contextValue = { isRouter, quota: { shortage: () => undefined } } as unknown as Context;
    const { http, body } = await server.executeOperation({ query, variables }, { contextValue });
    if (body.kind !== 'single') throw new Error('One answer is expected.');
    const [error] = body.singleResult.errors ?? [];
    return {
      status: http.status ?? 200,
      message: error?.message,
      code: error?.extensions?.['code'],
    };
  }

  test('an operation above the cost limit is rejected with its most expensive fields', async () => {
    const answer = await ask(
      '{ chats(first: 50) { nodes { messages { nodes { agent { name } } } } } }',
    );

    expect(answer).toEqual({
      status: 400,
      code: 'OPERATION_TOO_EXPENSIVE',
      message:
        'This operation could cost 52 calls to HelpCrunch; the limit is 30. Most expensive fields: chats.nodes.messages (50).',
    });
  });

  test('an operation that is too large to be estimated is rejected', async () => {
    const fields = Array.from({ length: 11_000 }, (_, index) => `a${index}: __typename`);

    const answer = await ask(`{ ${fields.join(' ')} }`);

    expect(answer).toEqual({
      status: 400,
      code: 'OPERATION_TOO_EXPENSIVE',
      message:
        'The cost of this operation cannot be estimated: it selects too many or too deeply nested fields.',
    });
  });

  test('admission uses the values of variables', async () => {
    const query = 'query ($n: Int!) { chats(first: $n) { nodes { messages { nodes { id } } } } }';

    expect((await ask(query, { n: 30 })).code).toBe('OPERATION_TOO_EXPENSIVE');
    expect((await ask(query, { n: 29 })).code).not.toBe('OPERATION_TOO_EXPENSIVE');
  });

  test('representations of a router have their own cost limit', async () => {
    const query = entitiesOf('... on Chat { status }');

    const askFor = (count: number, isRouter: boolean) =>
      ask(query, references(count, ofType('Chat')), isRouter);
    expect((await askFor(60, true)).code).not.toBe('OPERATION_TOO_EXPENSIVE');
    expect((await askFor(61, true)).message).toContain('the limit is 60');
    expect((await askFor(31, false)).message).toContain('the limit is 30');
  });

  test('an operation above the cost limit is admitted if enough of its data is cached', async () => {
    const query = entitiesOf('... on Chat { status }').replace('{ _e', '{ agents { id } _e');
    const variables = references(30, ofType('Chat'));

    expect((await ask(query, variables)).code).toBe('OPERATION_TOO_EXPENSIVE');
    cached.add('agents');
    expect((await ask(query, variables)).code).not.toBe('OPERATION_TOO_EXPENSIVE');
  });
});

/** Compares estimates with the calls that the simulator counts, from empty caches, on an account smaller than estimates assume. */
describe('a running gateway', () => {
  let demo: Awaited<ReturnType<typeof startDemo>>;
  let known: Readonly<Record<'chat' | 'customer' | 'userId' | 'agent' | 'department', string[]>>;

  beforeAll(async () => {
    // Chance writes more aliases than any limit would take, and it is the price that is looked at.
    const limits = { depth: 100, aliases: 100_000, directives: 100, tokens: 1_000_000 };
    demo = await startDemo({ customers: 200, chats: 800, config: { rateLimit: 0, limits } });
    const { data } = await demo.query(
      '{ chats(first: 8) { nodes { id } } customers(first: 30) { nodes { id userId } } agents { id } departments { id } }',
    );
    const idsOf = (things: { id: string }[]) => things.map(({ id }) => id);
    known = {
      chat: idsOf(data.chats.nodes),
      customer: idsOf(data.customers.nodes).slice(0, 8),
      userId: data.customers.nodes.flatMap((customer: any) => customer.userId ?? []).slice(0, 8),
      agent: idsOf(data.agents).slice(0, 8),
      department: idsOf(data.departments),
    };
  });

  afterAll(() => demo[Symbol.asyncDispose]());

  const text = (value: string) => JSON.stringify(value);

  const someOf = (kind: keyof typeof known) => fc.constantFrom(...known[kind]);

  const aNodeId = () =>
    fc.oneof(
      someOf('chat').map((id) => text(toNodeId('Chat', id))),
      someOf('customer').map((id) => text(toNodeId('Customer', id))),
      someOf('agent').map((id) => text(toNodeId('Agent', id))),
      someOf('department').map((id) => text(toNodeId('Department', id))),
    );

  const aReference = () =>
    fc.oneof(
      someOf('chat').map((id) => `{ __typename: "Chat", id: "${id}" }`),
      someOf('customer').map((id) => `{ __typename: "Customer", id: "${id}" }`),
      someOf('userId').map((id) => `{ __typename: "Customer", userId: ${text(id)} }`),
      someOf('agent').map((id) => `{ __typename: "Agent", id: "${id}" }`),
      someOf('department').map((id) => `{ __typename: "Department", id: "${id}" }`),
      fc.constant('{ __typename: "ChatApplication", id: "1" }'),
    );

  const listed = (values: readonly string[]) => `[${values.join(', ')}]`;

  const aPage = fc.oneof(
    fc.constantFrom('', '(orderBy: { field: CREATED_AT, direction: ASC })'),
    fc.constantFrom('(first: 1)', '(first: 2)', '(first: 3)', '(first: 4)', '(first: 100)'),
  );

  const aRootPage = fc.constantFrom(
    '(first: 1)',
    '(first: 2)',
    '(first: 4)',
    '(last: 2)',
    '(first: 7)',
  );

  /** The arguments of a field, ids of which are there. */
  function argumentsOf(path: string): fc.Arbitrary<string> {
    const one = (name: string, values: fc.Arbitrary<string>) =>
      values.map((value) => `(${name}: ${value})`);
    switch (path) {
      case 'Query.chat':
        return one('id', someOf('chat'));
      case 'Query.customer':
        return one('id', someOf('customer'));
      case 'Query.customerByUserId':
        return one('userId', someOf('userId').map(text));
      case 'Query.agent':
        return one('id', someOf('agent'));
      case 'Query.department':
        return one('id', someOf('department'));
      case 'Query.node':
        return one('nodeId', aNodeId());
      case 'Query.nodes':
        return one('nodeIds', fc.array(aNodeId(), { maxLength: 6 }).map(listed));
      case 'Query._entities':
        return one('representations', fc.array(aReference(), { maxLength: 8 }).map(listed));
      case 'Query.chats':
      case 'Query.customers':
        return aRootPage;
      case 'Query.inbox':
        return fc.constantFrom('(view: UNREAD)', '(view: WAITING, first: 3)');
      case 'Mutation.markChatRead':
        return someOf('chat').map((id) => `(id: ${id}, by: AGENT, read: true)`);
      case 'Mutation.setChatStatus':
        return someOf('chat').map((id) => `(id: ${id}, status: PENDING)`);
      case 'Mutation.assignChat':
        return fc
          .tuple(someOf('chat'), someOf('agent'), fc.boolean())
          .map(([id, agentId, only]) => `(id: ${id}, agentId: ${agentId}, ifUnassigned: ${only})`);
      case 'Mutation.unassignChat':
      case 'Mutation.unsnoozeChat':
        return one('id', someOf('chat'));
      case 'Mutation.moveChat':
        return someOf('chat').map((id) => `(id: ${id}, departmentId: 1)`);
      case 'Mutation.snoozeChat':
        return someOf('chat').map((id) => `(id: ${id}, until: "2100-01-01T00:00:00Z")`);
      case 'Mutation.rateChat':
        return someOf('chat').map((id) => `(id: ${id}, rating: GREAT)`);
      case 'Mutation.sendMessage':
        return someOf('chat').map((id) => `(chatId: ${id}, by: CUSTOMER, text: "Hi")`);
      case 'Mutation.addChatNote':
        return someOf('chat').map((id) => `(chatId: ${id}, text: "Hi")`);
      case 'Mutation.createChat':
        return fc
          .tuple(someOf('customer'), fc.constantFrom('', ', message: { by: CUSTOMER, text: "Hi" }'))
          .map(([id, message]) => `(input: { customerId: ${id}, applicationId: 2${message} })`);
      case 'Mutation.createCustomer':
        return fc.constant('(input: { name: "New" })');
      case 'Mutation.upsertCustomer':
        return fc
          .tuple(someOf('userId').map(text), fc.constantFrom('name: "New"', 'customData: { a: 1 }'))
          .map(([userId, input]) => `(userId: ${userId}, input: { ${input} })`);
      case 'Mutation.updateCustomer':
        return fc
          .tuple(someOf('customer'), fc.constantFrom('name: "New"', 'customData: { a: 1 }'))
          .map(([id, input]) => `(id: ${id}, input: { ${input} })`);
      case 'Mutation.updateCustomers':
        return fc
          .array(someOf('customer'), { minLength: 1, maxLength: 4 })
          .map(
            (ids) =>
              `(updates: [${ids.map((id) => `{ id: ${id}, input: { name: "New" } }`).join()}])`,
          );
      case 'Mutation.addCustomerTags':
        return someOf('customer').map((id) => `(customerId: ${id}, tags: [{ name: "new" }])`);
      case 'Mutation.removeCustomerTags':
        return someOf('customer').map((id) => `(customerId: ${id}, names: ["new"])`);
      case 'Mutation.recordCustomerEvent':
        return someOf('customer').map((id) => `(customerId: ${id}, name: "new")`);
      case 'Mutation.deleteCustomer':
        return one('id', someOf('customer'));
      case 'Mutation.unsubscribeAgent':
        return one('id', someOf('agent'));
      case 'Chat.messages':
        return fc.constantFrom('', '(first: 1)', '(first: 3)');
      case 'Customer.chats':
      case 'Agent.chats':
      case 'Department.chats':
        return aPage;
      default:
        return fc.constant('');
    }
  }

  /** Plain values make no calls, so that one of them stands for all. */
  function fieldsOf(
    type: GraphQLObjectType,
    depth: number,
  ): readonly GraphQLField<unknown, unknown>[] {
    const fields = Object.values(type.getFields());
    const nested = depth > 0 ? fields.filter((field) => !isLeafType(getNamedType(field.type))) : [];
    const plain = fields.filter((field) => isLeafType(getNamedType(field.type)));
    return [...nested, ...nested, ...nested, ...plain.slice(0, 4)];
  }

  const spread = (type: GraphQLObjectType, depth: number) =>
    selectionOf(type, depth).map((selection) => `... on ${type.name} ${selection}`);

  function selectionOf(type: unknown, depth: number): fc.Arbitrary<string> {
    if (isInterfaceType(type) || isUnionType(type)) {
      return fc
        .tuple(...schema.getPossibleTypes(type).map((possible) => spread(possible, depth)))
        .map((spreads) => `{ __typename ${spreads.join(' ')} }`);
    }
    if (!isObjectType(type)) return fc.constant('');
    const fields = fieldsOf(type, depth);
    if (fields.length === 0) return fc.constant('{ __typename }');
    return fc
      .array(fc.constantFrom(...fields), { minLength: 1, maxLength: 4 })
      .chain((chosen) =>
        fc.tuple(
          ...chosen.map((field, index) =>
            fc
              .tuple(
                argumentsOf(`${type.name}.${field.name}`),
                selectionOf(getNamedType(field.type), depth - 1),
              )
              .map(
                ([given, selection]) => `${type.name}${index}: ${field.name}${given} ${selection}`,
              ),
          ),
        ),
      )
      .map((selections) => `{ __typename ${selections.join(' ')} }`);
  }

  const anOperation = () =>
    fc.oneof(
      { weight: 9, arbitrary: selectionOf(schema.getQueryType(), 6) },
      {
        weight: 1,
        arbitrary: selectionOf(schema.getMutationType(), 5).map((body) => `mutation ${body}`),
      },
    );

  test('no operation makes more calls or returns more objects than its worst-case estimate', async () => {
    await fc.assert(
      fc.asyncProperty(anOperation(), async (document) => {
        const { worst } = price(document);
        fc.pre(worst <= 300);
        const { status, data, extensions } = await demo.query(document);
        expect(status).toBe(200);
        expect(extensions.upstream.calls).toBeLessThanOrEqual(worst);
        const { nodes } = estimateNodes(parse(document), { schema });
        // The root is no node.
        expect(objectsIn(data) - (data === null ? 0 : 1)).toBeLessThanOrEqual(nodes);
      }),
      propertyParameters(30),
    );
  });
});
