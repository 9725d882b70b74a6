import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isObjectType } from 'graphql';
import {
  fieldDeclarations,
  policyOf,
  fieldDeclarationProblems,
} from '../../../src/graphql/schema/fields.ts';
import { createSchema } from '../../../src/graphql/schema/build.ts';
import { resourceResolvers } from '../../../src/resources/resolvers.ts';
import { toNodeId } from '../../../src/lib/ids.ts';
import type { GraphQLResponse } from '../../support/gateway.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { startTwoCustomers, wireMessage } from '../../support/twoCustomers.ts';

const audience = 'helpdesk';

const ada = { role: 'customer', customerId: 7001, aud: audience };
const bob = { role: 'customer', customerId: 7002, aud: audience };
const adaByUserId = { role: 'customer', userId: 'u-ada', aud: audience };
const unknownCustomer = { role: 'customer', userId: 'u-unknown', aud: audience };
const agent = { role: 'agent', agentId: 12, aud: audience };

interface Row {
  readonly query: string;
  readonly ada: unknown;
  readonly bob: unknown;
  readonly agent: unknown;
}

const entity = (typename: string, key: string, fields = 'id') =>
  `{ _entities(representations: [{ __typename: "${typename}", ${key} }]) { ... on ${typename} { ${fields} } } }`;

/** Expected results of a query for Ada's data, by viewer: the data, or an error code. */
const matrix: Readonly<Record<string, Row>> = {
  'Query.chat': {
    query: '{ chat(id: 1) { id } }',
    ada: { chat: { id: '1' } },
    bob: 'NOT_FOUND',
    agent: { chat: { id: '1' } },
  },
  'Query.chats': {
    query: '{ chats { totalCount nodes { id } edges { node { id } } } }',
    ada: {
      chats: {
        totalCount: 2,
        nodes: [{ id: '1' }, { id: '3' }],
        edges: [{ node: { id: '1' } }, { node: { id: '3' } }],
      },
    },
    bob: { chats: { totalCount: 1, nodes: [{ id: '2' }], edges: [{ node: { id: '2' } }] } },
    agent: expect.objectContaining({ chats: expect.objectContaining({ totalCount: 3 }) }),
  },
  'Query.customer': {
    query: '{ customer(id: 7001) { email phone } }',
    ada: { customer: { email: 'ada@example.com', phone: '+1' } },
    bob: 'NOT_FOUND',
    agent: { customer: { email: 'ada@example.com', phone: '+1' } },
  },
  'Query.customerByUserId': {
    query: '{ customerByUserId(userId: "u-ada") { id } }',
    ada: { customerByUserId: { id: '7001' } },
    bob: 'NOT_FOUND',
    agent: { customerByUserId: { id: '7001' } },
  },
  'Query.customers': {
    query: '{ customers { totalCount nodes { id } } }',
    ada: { customers: { totalCount: 1, nodes: [{ id: '7001' }] } },
    bob: { customers: { totalCount: 1, nodes: [{ id: '7002' }] } },
    agent: { customers: { totalCount: 2, nodes: [{ id: '7001' }, { id: '7002' }] } },
  },
  'Query.agent': {
    query: '{ agent(id: 12) { id nodeId name } }',
    ada: { agent: { id: '12', nodeId: toNodeId('Agent', '12'), name: 'Olena' } },
    bob: { agent: { id: '12', nodeId: toNodeId('Agent', '12'), name: 'Olena' } },
    agent: { agent: { id: '12', nodeId: toNodeId('Agent', '12'), name: 'Olena' } },
  },
  'Query.agents': {
    query: '{ agents { name } }',
    ada: { agents: [{ name: 'Olena' }, { name: 'Taras' }] },
    bob: { agents: [{ name: 'Olena' }, { name: 'Taras' }] },
    agent: { agents: [{ name: 'Olena' }, { name: 'Taras' }] },
  },
  'Query.department': {
    query: '{ department(id: 3) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { department: { id: '3' } },
  },
  'Query.departments': {
    query: '{ departments { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { departments: [{ id: '3' }] },
  },
  'Query.applications': {
    query: '{ applications { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { applications: [{ id: '2' }] },
  },
  'Query.organization': {
    query: '{ organization { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { organization: { id: '1' } },
  },
  'Query.inboxSummary': {
    query: '{ inboxSummary { open } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { inboxSummary: { open: 2 } },
  },
  'Query.inbox': {
    query: '{ inbox(view: WAITING) { totalCount } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { inbox: { totalCount: 0 } },
  },
  'Query.node': {
    query: `{ node(nodeId: "${toNodeId('Chat', '1')}") { nodeId } }`,
    ada: { node: { nodeId: toNodeId('Chat', '1') } },
    bob: 'NOT_FOUND',
    agent: { node: { nodeId: toNodeId('Chat', '1') } },
  },
  'Query.nodes': {
    query: `{ nodes(nodeIds: ["${toNodeId('Customer', '7001')}"]) { nodeId } }`,
    ada: { nodes: [{ nodeId: toNodeId('Customer', '7001') }] },
    bob: 'NOT_FOUND',
    agent: { nodes: [{ nodeId: toNodeId('Customer', '7001') }] },
  },
  'Query.viewer': {
    query: '{ viewer { role agent { name } customer { id name } } }',
    ada: { viewer: { role: 'CUSTOMER', agent: null, customer: { id: '7001', name: 'Ada' } } },
    bob: { viewer: { role: 'CUSTOMER', agent: null, customer: { id: '7002', name: 'Bob' } } },
    agent: { viewer: { role: 'AGENT', agent: { name: 'Olena' }, customer: null } },
  },
  'Query.rateLimit': {
    query: '{ rateLimit { limit } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { rateLimit: { limit: 1000 } },
  },
  'Query._service': {
    query: '{ _service { __typename } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { _service: { __typename: '_Service' } },
  },
  'Query._entities': {
    query: '{ _entities(representations: []) { __typename } }',
    ada: { _entities: [] },
    bob: { _entities: [] },
    agent: { _entities: [] },
  },
  'reference to Chat': {
    query: entity('Chat', 'id: 1'),
    ada: { _entities: [{ id: '1' }] },
    bob: { _entities: [null] },
    agent: { _entities: [{ id: '1' }] },
  },
  'reference to Customer': {
    query: entity('Customer', 'id: 7001'),
    ada: { _entities: [{ id: '7001' }] },
    bob: { _entities: [null] },
    agent: { _entities: [{ id: '7001' }] },
  },
  'reference to Agent': {
    query: entity('Agent', 'id: 12', 'name'),
    ada: { _entities: [{ name: 'Olena' }] },
    bob: { _entities: [{ name: 'Olena' }] },
    agent: { _entities: [{ name: 'Olena' }] },
  },
  'reference to Department': {
    query: entity('Department', 'id: 3'),
    ada: { _entities: [null] },
    bob: { _entities: [null] },
    agent: { _entities: [{ id: '3' }] },
  },
  'reference to ChatApplication': {
    query: entity('ChatApplication', 'id: 2'),
    ada: { _entities: [null] },
    bob: { _entities: [null] },
    agent: { _entities: [{ id: '2' }] },
  },
  'Mutation.markChatRead': {
    query: 'mutation { markChatRead(id: 1, by: CUSTOMER, read: true) { readByCustomer } }',
    ada: { markChatRead: { readByCustomer: true } },
    bob: 'NOT_FOUND',
    agent: 'FORBIDDEN',
  },
  'Mutation.setChatStatus': {
    query: 'mutation { setChatStatus(id: 1, status: CLOSED) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { setChatStatus: { id: '1' } },
  },
  'Mutation.assignChat': {
    query: 'mutation { assignChat(id: 1, agentId: 12) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { assignChat: { id: '1' } },
  },
  'Mutation.unassignChat': {
    query: 'mutation { unassignChat(id: 1) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { unassignChat: { id: '1' } },
  },
  'Mutation.moveChat': {
    query: 'mutation { moveChat(id: 1, departmentId: 3) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { moveChat: { id: '1' } },
  },
  'Mutation.snoozeChat': {
    query: 'mutation { snoozeChat(id: 1, until: "2100-01-01T00:00:00Z") { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { snoozeChat: { id: '1' } },
  },
  'Mutation.unsnoozeChat': {
    query: 'mutation { unsnoozeChat(id: 1) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { unsnoozeChat: { id: '1' } },
  },
  'Mutation.rateChat': {
    query: 'mutation { rateChat(id: 1, rating: GREAT) { id } }',
    ada: { rateChat: { id: '1' } },
    bob: 'NOT_FOUND',
    agent: { rateChat: { id: '1' } },
  },
  'Mutation.sendMessage': {
    query: 'mutation { sendMessage(chatId: 1, by: CUSTOMER, text: "Hi") { chat { id } } }',
    ada: { sendMessage: { chat: { id: '1' } } },
    bob: 'NOT_FOUND',
    agent: { sendMessage: { chat: { id: '1' } } },
  },
  'Mutation.addChatNote': {
    query: 'mutation { addChatNote(chatId: 1, text: "Hi") { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { addChatNote: { id: '9' } },
  },
  'Mutation.createChat': {
    query: 'mutation { createChat(input: { customerId: 7001, applicationId: 2 }) { id } }',
    ada: { createChat: { id: '1' } },
    bob: 'FORBIDDEN',
    agent: { createChat: { id: '1' } },
  },
  'Mutation.createCustomer': {
    query: 'mutation { createCustomer(input: { name: "Cy" }) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { createCustomer: { id: '7003' } },
  },
  'Mutation.upsertCustomer': {
    query: 'mutation { upsertCustomer(userId: "u-ada", input: { name: "Ada" }) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { upsertCustomer: { id: '7001' } },
  },
  'Mutation.updateCustomer': {
    query: 'mutation { updateCustomer(id: 7001, input: { name: "Ada" }) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { updateCustomer: { id: '7001' } },
  },
  'Mutation.updateCustomers': {
    query: 'mutation { updateCustomers(updates: [{ id: 7001, input: { name: "Ada" } }]) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { updateCustomers: [{ id: '7001' }] },
  },
  'Mutation.deleteCustomer': {
    query: 'mutation { deleteCustomer(id: 7001) { id nodeId } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { deleteCustomer: { id: '7001', nodeId: toNodeId('Customer', '7001') } },
  },
  'Mutation.addCustomerTags': {
    query: 'mutation { addCustomerTags(customerId: 7001, tags: [{ name: "vip" }]) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { addCustomerTags: { id: '7001' } },
  },
  'Mutation.removeCustomerTags': {
    query: 'mutation { removeCustomerTags(customerId: 7001, names: ["vip"]) { id } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { removeCustomerTags: { id: '7001' } },
  },
  'Mutation.recordCustomerEvent': {
    query:
      'mutation { recordCustomerEvent(customerId: 7001, name: "order") { customer { name } } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { recordCustomerEvent: { customer: { name: 'Ada' } } },
  },
  'Mutation.unsubscribeAgent': {
    query: 'mutation { unsubscribeAgent(id: 12) { name } }',
    ada: 'FORBIDDEN',
    bob: 'FORBIDDEN',
    agent: { unsubscribeAgent: { name: 'Olena' } },
  },
};

const schema = createSchema(resourceResolvers, { subgraph: { excludedRootFields: [] } });

/** Every way into the schema. */
const entrances = [schema.getQueryType(), schema.getMutationType()]
  .flatMap((type) =>
    type ? Object.keys(type.getFields()).map((name) => `${type.name}.${name}`) : [],
  )
  .concat(
    Object.values(schema.getTypeMap()).flatMap((type) =>
      isObjectType(type) && 'resolveReference' in type ? [`reference to ${type.name}`] : [],
    ),
  );

let helpCrunch: Awaited<ReturnType<typeof startTwoCustomers>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startTwoCustomers();
  gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { auth: jwtAuth({ audience }), rateLimit: 1_000, mutations: 'all' },
  });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const askAs = async (claims: object, query: string): Promise<GraphQLResponse> =>
  gateway.query(query, {}, await bearer({ ...claims }));

/** The data, or the code of what went wrong. */
const outcomeOf = ({ data, errors }: GraphQLResponse): unknown =>
  errors.length === 0 ? data : errors.map(({ extensions }) => extensions['code']).join();

describe('access rules', () => {
  test('every field has an access rule', () => {
    expect(fieldDeclarationProblems(schema)).toEqual([]);
  });

  test('every entry field of the schema is covered by the access matrix', () => {
    expect(Object.keys(matrix).sort()).toEqual([...entrances].sort());
  });

  test('only staff fields have the tag internal', () => {
    const tagged = [...fieldDeclarations.keys()].filter((at) => {
      const [type = '', name = ''] = at.split('.');
      const node = schema.getType(type);
      const field = isObjectType(node) ? node.getFields()[name]?.astNode : undefined;
      return field?.directives?.some((directive) => directive.name.value === 'tag') === true;
    });

    for (const at of tagged) expect([at, policyOf(at)]).toEqual([at, 'staff']);
    expect(tagged).toEqual(
      expect.arrayContaining(['Agent.email', 'Chat.snoozedUntil', 'Customer.notes']),
    );
  });

  test.each(Object.entries(matrix))('%s', async (_name, { query, ...expected }) => {
    const outcomes = {
      ada: outcomeOf(await askAs(ada, query)),
      bob: outcomeOf(await askAs(bob, query)),
      agent: outcomeOf(await askAs(agent, query)),
    };

    expect(outcomes).toEqual(expected);
  });

  test.each(Object.entries(matrix))(
    '%s is UNAUTHENTICATED without valid credentials',
    async (_name, { query }) => {
      helpCrunch.clearCalls();
      const headers = {
        'no credentials': {},
        forged: await bearer(agent, { key: Buffer.from('not the secret of the gateway, 32') }),
        expired: await bearer({ ...agent, exp: 1_000_000_000 }),
        'wrong audience': await bearer({ ...agent, aud: 'shop' }),
      };

      for (const [name, header] of Object.entries(headers)) {
        const answer = await gateway.query(query, {}, header);

        expect({
          name,
          status: answer.status,
          outcome: outcomeOf(answer),
          data: answer.data,
        }).toEqual({
          name,
          status: 401,
          outcome: 'UNAUTHENTICATED',
          data: undefined,
        });
      }
      expect(helpCrunch.calls).toEqual([]);
    },
  );
});

describe('a customer', () => {
  test.each([
    '{ chats { nodes { assignee { email } } } }',
    '{ chats { nodes { assignee { role } } } }',
    '{ chats { nodes { assignee { chats { totalCount } } } } }',
    '{ chats { nodes { agents { chats { nodes { id } } } } } }',
    '{ chats { nodes { lastCommunicatedAgent { email } } } }',
    '{ chats { nodes { department { agents { name } } } } }',
    '{ chats { nodes { department { chats { nodes { id } } } } } }',
    '{ chats { nodes { customer { notes } } } }',
    '{ chats { nodes { customer { tags { name } } } } }',
    '{ chats { nodes { snoozedUntil } } }',
    '{ chat(id: 1) { url } }',
    '{ viewer { customer { blocked } } }',
    '{ customer(id: 7001) { customData } }',
    '{ customers { nodes { tags { name } } } }',
    entity('Customer', 'id: 7001', 'blocked tags { name } customData notes'),
    entity('Chat', 'id: 1', 'snoozedUntil'),
    '{ chats(filter: { customerTags: ["vip"] }) { totalCount } }',
    '{ chats(filter: { anyOf: [{ customerTags: ["vip"] }, { status: NEW }] }) { totalCount } }',
    '{ customers(filter: { tags: ["vip"] }) { totalCount } }',
    '{ agents { email } }',
    '{ agents { ...F } } fragment F on Agent { chats { nodes { id } } }',
    `{ node(nodeId: "${toNodeId('Agent', '12')}") { ... on Agent { role } } }`,
    `{ node(nodeId: "${toNodeId('Department', '3')}") { nodeId } }`,
    `{ node(nodeId: "${toNodeId('Department', '9')}") { nodeId } }`,
    `{ nodes(nodeIds: ["${toNodeId('Department', '3')}"]) { nodeId } }`,
    entity('Agent', 'id: 12', 'chats { totalCount }'),
    '{ viewer { customer { notes } } }',
    '{ chats(orderBy: { field: LAST_MESSAGE_AT, direction: ASC }) { totalCount } }',
    '{ customer(id: 7001) { chats(orderBy: { field: LAST_MESSAGE_AT, direction: ASC }) { totalCount } } }',
    'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }',
    'mutation { markChatRead(id: 2, by: AGENT, read: true) { id } }',
    'mutation { sendMessage(chatId: 1, by: AGENT, text: "Hi", agentId: 12) { id } }',
    'mutation { createChat(input: { applicationId: 2, assigneeId: 12 }) { id } }',
    'mutation { createChat(input: { applicationId: 2, departmentId: 3 }) { id } }',
    'mutation { createChat(input: { applicationId: 2, message: { by: AGENT, agentId: 12, text: "Hi" } }) { id } }',
  ])('a customer gets FORBIDDEN for %s', async (query) => {
    const answer = await askAs(ada, query);

    expect(new Set(answer.errors.map(({ extensions }) => extensions['code']))).toEqual(
      new Set(['FORBIDDEN']),
    );
    expect(JSON.stringify(answer.data ?? null)).not.toMatch(/olena@|taras@|difficult|admin/);
  });

  test('a forbidden id in nodes is a null entry beside the viewer itself', async () => {
    const { data, errors } = await askAs(
      ada,
      `{ nodes(nodeIds: ["${toNodeId('Department', '3')}", "${toNodeId('Customer', '7001')}"]) { nodeId } }`,
    );

    expect(data).toEqual({ nodes: [null, { nodeId: toNodeId('Customer', '7001') }] });
    expect(errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['nodes', 0], 'FORBIDDEN'],
    ]);
  });

  test('a customer reads the permitted fields of its own chats', async () => {
    const { data, errors } = await askAs(
      ada,
      `{ chat(id: 1) {
        status assignee { id name } agents { name } department { id name } application { name }
        customer { id email } lastMessageAt lastMessageText lastMessageId lastCustomerMessageAt
      } }`,
    );

    expect(errors).toEqual([]);
    expect(data.chat).toEqual({
      status: 'OPENED',
      assignee: { id: '12', name: 'Olena' },
      agents: [{ name: 'Olena' }],
      department: { id: '3', name: 'Sales' },
      application: { name: 'web' },
      customer: { id: '7001', email: 'ada@example.com' },
      lastMessageAt: null,
      lastMessageText: null,
      lastMessageId: null,
      lastCustomerMessageAt: '2020-10-28T11:48:20.000Z',
    });
  });

  test.each([
    ['a chat', '{ chat(id: ID) { id } }', 2, 9],
    ['a customer', '{ customer(id: ID) { id } }', 7002, 7009],
    ['a customer by your own id', '{ customerByUserId(userId: "ID") { id } }', 'u-bob', 'u-absent'],
    [
      'a global id',
      '{ node(nodeId: "ID") { nodeId } }',
      toNodeId('Chat', '2'),
      toNodeId('Chat', '9'),
    ],
    ['a reference', entity('Chat', 'id: ID'), 2, 9],
    [
      'a reference by your own id',
      entity('Customer', 'userId: "ID"', 'userId'),
      'u-bob',
      'u-absent',
    ],
    ['a mutation', 'mutation { markChatRead(id: ID, by: CUSTOMER, read: true) { id } }', 2, 9],
    ['a list', '{ chats(filter: { customerId: ID }) { totalCount nodes { id } } }', 7002, 7009],
    ['a list of customers', '{ customers(filter: { ids: [ID] }) { totalCount } }', 7002, 7009],
  ])(
    'a customer gets the same response for foreign and unknown ids by %s',
    async (_name, query, foreign, absent) => {
      const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 };
      await using fresh = await startTestGateway({
        upstream: helpCrunch,
        config: { auth: jwtAuth(), cacheTtlsMs },
      });
      const ask = async (claims: object, id: unknown) =>
        fresh.query(query.replace('ID', String(id)), {}, await bearer({ ...claims }));
      const shown = ({ data, errors, status, extensions }: GraphQLResponse) => ({
        data,
        status,
        extensions,
        errors: errors.map((error) => ({
          ...error,
          extensions: { ...error.extensions, requestId: null },
        })),
      });
      // The whole team has just read what is of others, and that there is nothing else.
      for (const id of [foreign, absent]) await ask({ role: 'agent' }, id);
      await fresh.query('{ viewer { customer { phone } } }', {}, await bearer(ada));
      helpCrunch.clearCalls();

      const first = [shown(await ask(ada, foreign)), shown(await ask(ada, absent))];
      const again = [shown(await ask(ada, foreign)), shown(await ask(ada, absent))];

      expect(first[0]).toEqual(first[1]);
      expect(again[0]).toEqual(again[1]);
      expect(JSON.stringify([first, again])).not.toMatch(/bob|7002/i);
      expect(helpCrunch.callsTo('PUT /chats/readByCustomer')).toEqual([]);
    },
  );

  test('a foreign customer costs a customer no upstream call', async () => {
    helpCrunch.clearCalls();

    await askAs(ada, '{ customer(id: 7002) { id } }');
    await askAs(adaByUserId, '{ customerByUserId(userId: "u-bob") { id } }');

    expect(helpCrunch.calls).toEqual([]);
  });

  test('a customer reads its own chats from the shared cache', async () => {
    const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 };
    await using fresh = await startTestGateway({
      upstream: helpCrunch,
      config: { auth: jwtAuth(), cacheTtlsMs },
    });
    const headers = await bearer(ada);
    await fresh.query('{ chats { nodes { id } } }', {}, await bearer({ role: 'agent' }));
    helpCrunch.clearCalls();

    const { data, extensions } = await fresh.query('{ chat(id: 1) { status } }', {}, headers);

    expect(data.chat.status).toBe('OPENED');
    expect(extensions.upstream).toEqual({ calls: 0, cacheHits: 1, shared: 0 });
    expect(helpCrunch.calls).toEqual([]);
  });

  test('a filter never adds objects of others to the lists of a customer', async () => {
    const { data } = await askAs(
      ada,
      `{ a: chats(filter: { status: CLOSED }) { nodes { id } }
         b: chats(filter: { anyOf: [{ status: CLOSED }] }) { nodes { id } }
         c: customers(filter: { name: { equals: "Bob" } }) { nodes { id } }
         d: chats(filter: { customerUserId: "u-bob" }) { nodes { id } } }`,
    );
    const refused = await askAs(
      ada,
      '{ chats(filter: { anyOf: [{ status: CLOSED }, { status: OPENED }] }) { totalCount } }',
    );
    const refusedToo = await askAs(
      ada,
      '{ customers(filter: { ids: [7001, 7002] }) { totalCount } }',
    );

    expect(data).toEqual({
      a: { nodes: [{ id: '3' }] },
      b: { nodes: [{ id: '3' }] },
      c: { nodes: [] },
      d: { nodes: [] },
    });
    for (const { errors } of [refused, refusedToo]) {
      expect(errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
      expect(errors[0]?.message).toContain('to your own objects');
    }
  });

  test('a customer identified by userId costs one more call', async () => {
    const query =
      '{ viewer { customer { id } } chats { nodes { id } } customer(id: 7001) { name } }';
    helpCrunch.clearCalls();

    const { data } = await askAs(adaByUserId, query);

    expect(data).toEqual({
      viewer: { customer: { id: '7001' } },
      chats: { nodes: [{ id: '1' }, { id: '3' }] },
      customer: { name: 'Ada' },
    });
    expect(helpCrunch.calls).toHaveLength(2);
  });

  test('a customer unknown to HelpCrunch gets empty lists and NOT_FOUND', async () => {
    const { data, errors } = await askAs(
      unknownCustomer,
      `{ viewer { role customer { id } } chats { totalCount nodes { id } } customers { totalCount }
         chat(id: 1) { id } customer(id: 7001) { id } }`,
    );

    expect(data).toEqual({
      viewer: { role: 'CUSTOMER', customer: null },
      chats: { totalCount: 0, nodes: [] },
      customers: { totalCount: 0 },
      chat: null,
      customer: null,
    });
    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['NOT_FOUND', 'NOT_FOUND']);
  });

  test('a token with two customer claims identifies one customer', async () => {
    const both = { ...ada, userId: 'u-bob' };

    const { data } = await askAs(
      both,
      '{ viewer { customer { id } } a: customerByUserId(userId: "u-bob") { id } b: customerByUserId(userId: "u-ada") { id } }',
    );

    expect(data).toEqual({ viewer: { customer: { id: '7001' } }, a: null, b: null });
  });

  test('the remaining calls of the account are hidden from a customer', async () => {
    const customer = await askAs(ada, '{ chats { totalCount } }');
    const team = await askAs(agent, '{ chats { totalCount } }');

    expect(customer.extensions.upstream).toEqual({ calls: 1, cacheHits: 0, shared: 0 });
    expect(team.extensions.upstream['rateLimit']).toBeDefined();
  });

  test('rows of other customers in an upstream response are rejected', async () => {
    await using careless = await startTwoCustomers();
    careless.respond('POST /chats/search', ({ body }) => ({
      body: {
        data: [{ ...body, id: 2, status: 'opened', customer: { id: 7002, name: 'Bob' } }],
        total: 1,
      },
    }));
    await using fresh = await startTestGateway({ upstream: careless, config: { auth: jwtAuth() } });

    const answer = await fresh.query(
      '{ chats { nodes { id customer { name } } edges { node { id } } } }',
      {},
      await bearer(ada),
    );

    expect(outcomeOf(answer)).toMatch(/^UPSTREAM_INVALID_RESPONSE/);
    expect(JSON.stringify(answer)).not.toContain('Bob');
  });

  test('a customer reads the messages of its own chats only', async () => {
    helpCrunch.holdsMessages(1, [wireMessage({ id: 5, text: 'to Ada' })]);
    helpCrunch.holdsMessages(2, [wireMessage({ id: 6, text: 'to Bob' })]);
    const query = `{ chats { nodes { messages { nodes { text chat { id } agent { name } } } } } }`;

    const { data } = await askAs(ada, query);

    expect(data.chats.nodes).toEqual([
      { messages: { nodes: [{ text: 'to Ada', chat: { id: '1' }, agent: { name: 'Olena' } }] } },
      { messages: { nodes: [] } },
    ]);
  });
});

describe('an agent', () => {
  test('an agent marks chats as read for the team', async () => {
    const { data } = await askAs(
      agent,
      'mutation { markChatRead(id: 1, by: AGENT, read: true) { readByAgent } }',
    );

    expect(data).toEqual({ markChatRead: { readByAgent: true } });
  });

  test('an agent token without an agent id is accepted', async () => {
    const { data } = await askAs(
      { role: 'agent', aud: audience },
      '{ viewer { role agent { id } } }',
    );

    expect(data.viewer).toEqual({ role: 'AGENT', agent: null });
  });

  test('a token of an unknown agent has a null agent', async () => {
    const { data } = await askAs({ ...agent, agentId: 99 }, '{ viewer { agent { name } } }');

    expect(data.viewer).toEqual({ agent: null });
  });
});
