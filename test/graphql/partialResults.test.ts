import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { toNodeId } from '../../src/lib/ids.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

let helpCrunch: RecordingUpstream;
const gateways: Record<string, Gateway> = {};

/** HelpCrunch returns chats and messages, and refuses everything else. */
beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  const chats = [1, 2].map((id) =>
    wireChat({
      id,
      customer: { id: 7000 + id, name: `Customer ${id}` },
      agents: [{ id: 12, name: 'Olena' }],
      assignee: { id: 13, email: 'taras@example.com' },
      lastCommunicatedAgentId: 14,
    }),
  );
  const messages = [{ id: 90, from: 'agent', agent: { id: 12, name: 'Olena' }, text: 'Hello' }];
  helpCrunch.respond('*', { status: 403, body: { errors: [] } });
  helpCrunch.respond('GET /chats', { body: { data: chats, meta: { total: 2 } } });
  helpCrunch.respond('GET /chats/1', { body: chats[0] });
  helpCrunch.respond('GET /chats/1/messages', { body: { data: messages, meta: { total: 1 } } });
  helpCrunch.respond('GET /chats/9/messages', { body: { data: messages, meta: { total: 1 } } });
  for (const operationCache of ['on', 'off'] as const) {
    gateways[operationCache] = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0, operationCache, webhookSecret },
    });
  }
});

afterAll(async () => {
  for (const gateway of Object.values(gateways)) await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

beforeEach(() => helpCrunch.clearCalls());

const entity = (type: string, values: string, fields: string) =>
  `{ _entities(representations: [{ __typename: "${type}", ${values} }]) { ... on ${type} { ${fields} } } }`;

interface Row {
  readonly what: string;
  readonly query: string;
  readonly data: unknown;
  readonly paths: readonly string[];
  readonly calls: readonly string[];
}

const rows: readonly Row[] = [
  {
    what: 'the customers of chats in a list',
    query: '{ chats { nodes { customer { id nodeId name phone tags { name } } } } }',
    data: {
      chats: {
        nodes: [1, 2].map((id) => ({
          customer: {
            id: String(7000 + id),
            nodeId: toNodeId('Customer', String(7000 + id)),
            name: `Customer ${id}`,
            phone: null,
            tags: null,
          },
        })),
      },
    },
    paths: [0, 1].flatMap((index) =>
      ['phone', 'tags'].map((field) => `chats.nodes.${index}.customer.${field}`),
    ),
    calls: ['GET /chats', 'POST /customers/search'],
  },
  {
    what: 'the customer of a chat',
    query:
      '{ chat(id: 1) { customer { id ...More } } } fragment More on Customer { n: name p: phone }',
    data: { chat: { customer: { id: '7001', n: 'Customer 1', p: null } } },
    paths: ['chat.customer.p'],
    calls: ['GET /chats/1', 'GET /customers/7001'],
  },
  {
    what: 'the agents of a chat',
    query:
      '{ chat(id: 1) { agents { id name role } assignee { id name email } lastCommunicatedAgent { id name } } }',
    data: {
      chat: {
        agents: [{ id: '12', name: 'Olena', role: null }],
        assignee: { id: '13', name: null, email: 'taras@example.com' },
        lastCommunicatedAgent: { id: '14', name: null },
      },
    },
    paths: ['chat.agents.0.role', 'chat.assignee.name', 'chat.lastCommunicatedAgent.name'],
    calls: ['GET /agents', 'GET /chats/1'],
  },
  {
    what: 'the department and the application of a chat',
    query: '{ chat(id: 1) { department { id name agents { id } } application { id name } } }',
    data: {
      chat: {
        department: { id: '3', name: 'Sales', agents: null },
        application: { id: '2', name: null },
      },
    },
    paths: ['chat.application.name', 'chat.department.agents'],
    calls: ['GET /applications', 'GET /chats/1', 'GET /departments'],
  },
  {
    what: 'the author of a message',
    query:
      '{ chat(id: 1) { messages { nodes { text agent { id name role } chat { id status } } } } }',
    data: {
      chat: {
        messages: {
          nodes: [
            {
              text: 'Hello',
              agent: { id: '12', name: 'Olena', role: null },
              chat: { id: '1', status: 'OPENED' },
            },
          ],
        },
      },
    },
    paths: ['chat.messages.nodes.0.agent.role'],
    calls: ['GET /agents', 'GET /chats/1', 'GET /chats/1/messages'],
  },
  {
    what: 'a reference to a chat, and the chat of its messages',
    query: entity(
      'Chat',
      'id: 9, lastCommunicatedAgentId: 12',
      'id rating customer { id } lastCommunicatedAgent { id } messages { nodes { id chat { id rating } } }',
    ),
    data: {
      _entities: [
        {
          id: '9',
          rating: null,
          customer: null,
          lastCommunicatedAgent: { id: '12' },
          messages: { nodes: [{ id: '90', chat: { id: '9', rating: null } }] },
        },
      ],
    },
    paths: [
      '_entities.0.customer',
      '_entities.0.messages.nodes.0.chat.rating',
      '_entities.0.rating',
    ],
    calls: ['GET /chats/9', 'GET /chats/9/messages'],
  },
  {
    what: 'a reference to a chat without a field that is never null',
    query: entity('Chat', 'id: 9', 'id status'),
    data: { _entities: [null] },
    paths: ['_entities.0.status'],
    calls: ['GET /chats/9'],
  },
  {
    what: 'a reference to a customer',
    query: entity('Customer', 'id: 7009, name: "Ada"', 'id name phone'),
    data: { _entities: [{ id: '7009', name: 'Ada', phone: null }] },
    paths: ['_entities.0.phone'],
    calls: ['GET /customers/7009'],
  },
  {
    what: 'a reference to a customer by its user id',
    query: entity('Customer', 'userId: "u-9"', 'userId phone'),
    data: { _entities: [{ userId: 'u-9', phone: null }] },
    paths: ['_entities.0.phone'],
    calls: ['POST /customers/search'],
  },
  {
    what: 'a reference to an agent',
    query: entity('Agent', 'id: 12, name: "Olena"', 'name role'),
    data: { _entities: [{ name: 'Olena', role: null }] },
    paths: ['_entities.0.role'],
    calls: ['GET /agents'],
  },
  {
    what: 'a reference to a department',
    query: entity('Department', 'id: 3', 'id agents { id }'),
    data: { _entities: [{ id: '3', agents: null }] },
    paths: ['_entities.0.agents'],
    calls: ['GET /departments'],
  },
  {
    what: 'a reference to an application',
    query: entity('ChatApplication', 'id: 2', 'id active'),
    data: { _entities: [{ id: '2', active: null }] },
    paths: ['_entities.0.active'],
    calls: ['GET /applications'],
  },
];

const pathsOf = ({ errors }: Pick<Awaited<ReturnType<Gateway['query']>>, 'errors'>) =>
  errors.map(({ path = [] }) => path.join('.')).toSorted();

const linesOfCalls = () =>
  helpCrunch.calls.map(({ method, path }) => `${method} ${path}`).toSorted();

describe.each(['on', 'off'])('with OPERATION_CACHE=%s', (operationCache) => {
  test.each(rows)(
    'known fields are returned when the others cannot be loaded: $what',
    async ({ query, data, paths, calls }) => {
      const answer = await gateways[operationCache]!.query(query);

      expect(answer.data).toEqual(data);
      expect(pathsOf(answer)).toEqual(paths);
      expect(new Set(answer.errors.map(({ extensions }) => extensions['code']))).toEqual(
        new Set(['UPSTREAM_FORBIDDEN']),
      );
      expect(linesOfCalls()).toEqual(calls);
    },
  );
});

test('the id of the viewer is returned when its other fields cannot be loaded', async () => {
  await using gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { rateLimit: 0, auth: jwtAuth() },
  });
  const query = '{ viewer { role agent { id name } customer { id name } } }';

  const agent = await gateway.query(query, {}, await bearer({ role: 'agent', agentId: 12 }));
  const customer = await gateway.query(
    query,
    {},
    await bearer({ role: 'customer', customerId: 7 }),
  );

  expect(agent.data.viewer).toEqual({
    role: 'AGENT',
    agent: { id: '12', name: null },
    customer: null,
  });
  expect(customer.data.viewer).toEqual({
    role: 'CUSTOMER',
    agent: null,
    customer: { id: '7', name: null },
  });
  expect(pathsOf(agent)).toEqual(['viewer.agent.name']);
  expect(pathsOf(customer)).toEqual(['viewer.customer.name']);
});

test.each([
  {
    what: 'a field that may be null',
    fields: 'id rating',
    chat: { id: '9', rating: null },
    path: ['chatUpdated', 'chat', 'rating'],
  },
  {
    what: 'a field that is never null',
    fields: 'id status',
    chat: null,
    path: ['chatUpdated', 'chat', 'status'],
  },
])(
  'an event is delivered when $what of its chat cannot be loaded',
  async ({ fields, chat, path }) => {
    const gateway = gateways['on']!;
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const query = `subscription { chatUpdated { change chat { ${fields} } } }`;
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    await gateway.waitForSubscriptions(1);

    await deliver(gateway, { event: 'chat.rated', eventData: chatData(wireChat({ id: 9 })) });

    const { payload } = await socket.nextMessage();
    expect(payload.data).toEqual({ chatUpdated: { change: 'RATED', chat } });
    expect(payload.errors.map((error: any) => [error.path, error.extensions.code])).toEqual([
      [path, 'UPSTREAM_FORBIDDEN'],
    ]);
    await socket[Symbol.asyncDispose]();
    await gateway.waitForSubscriptions(0);
  },
);

test('a response has at most 1,000 errors, except for an authenticated router', async () => {
  const secret = 'a secret of the router only';
  await using routed = await startTestGateway({
    upstream: helpCrunch,
    config: { rateLimit: 0, routerSecret: secret },
  });
  const query =
    'query ($references: [_Any!]!) { _entities(representations: $references) { ... on Agent { id name email role } } }';
  const references = Array.from({ length: 400 }, (_, id) => ({ __typename: 'Agent', id: id + 1 }));

  const planned = await gateways['on']!.query(query, { references });
  const unplanned = await gateways['off']!.query(query, { references });
  const forRouter = await routed.query(query, { references }, { 'x-router-secret': secret });

  for (const { data } of [planned, unplanned, forRouter]) {
    expect(data._entities[399]).toEqual({ id: '400', name: null, email: null, role: null });
  }
  expect(planned.errors).toHaveLength(1_000);
  expect(unplanned.errors).toHaveLength(1_000);
  expect(forRouter.errors).toHaveLength(1_200);
});

test('a failed call with many missing fields is logged once', async () => {
  const gateway = gateways['on']!;
  gateway.logged.length = 0;

  const { errors } = await gateway.query(rows[0]!.query);

  expect(errors).toHaveLength(4);
  expect(gateway.logged.filter((line) => line.includes('upstream call failed'))).toHaveLength(1);
});
