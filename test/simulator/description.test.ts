import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

import { startAccount, type CallOptions, type Reply, type TestAccount } from './client.ts';

type Json = Record<string, any>;

interface Case {
  readonly status: number;
  readonly path: string;
  readonly body?: unknown;
}

const file = new URL('../../docs/helpcrunch/openapi.yaml', import.meta.url);
const description: Json = parse(readFileSync(file, 'utf8'));
const ajv = new Ajv({ strict: false, validateSchema: false }).addSchema(description, 'api');

/** One case for each way an operation can end; 401 and 429 are the same for all and made below. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  'GET /chats': [
    { status: 200, path: '/chats?sort=chats.closedAt&order=DESC&limit=100' },
    { status: 400, path: '/chats?sort=id' },
  ],
  'POST /chats': [
    {
      status: 201,
      path: '/chats',
      body: { customer: 7001, application: 2, assignee: 12, department: 3 },
    },
    { status: 400, path: '/chats', body: { customer: 'x' } },
    { status: 404, path: '/chats', body: { customer: 1, application: 2 } },
  ],
  'POST /chats/search': [
    {
      status: 200,
      path: '/chats/search',
      body: {
        comparison: 'OR',
        filter: [
          { field: 'chats.status', operator: '=', value: 'closed' },
          { field: 'chats.customer', operator: '=', value: 7001 },
        ],
      },
    },
    { status: 400, path: '/chats/search', body: { filter: [{}] } },
  ],
  'GET /chats/{chatId}': [
    { status: 200, path: '/chats/5208' },
    { status: 404, path: '/chats/1' },
  ],
  'GET /chats/{chatId}/messages': [
    { status: 200, path: '/chats/5208/messages' },
    { status: 404, path: '/chats/1/messages' },
  ],
  'PUT /chats/status': write('status', { status: 'on hold' }, { status: 'empty' }),
  'PUT /chats/assignee': write('assignee', { assignee: null }, { assignee: 999 }),
  'PUT /chats/department': write('department', { department: 3 }, { department: null }),
  'PUT /chats/snooze': write('snooze', { snoozedUntil: '1800000000' }, { snoozedUntil: 'soon' }),
  'PUT /chats/rate': [
    ...write('rate', { rating: 'very poor' }, { rating: 'good' }),
    { status: 400, path: '/chats/rate', body: { id: 5208, rating: 'great' } },
  ],
  'PUT /chats/readByAgent': write('readByAgent', { read: true }, { read: 'yes' }),
  'PUT /chats/readByCustomer': write('readByCustomer', { read: false }, {}),
  'PUT /chats/read': write('read', { read: true }, { read: 1 }),
  'POST /messages': [
    {
      status: 201,
      path: '/messages',
      body: { chat: 5208, text: 'Your parcel leaves tomorrow.', type: 'message', agent: 12 },
    },
    { status: 400, path: '/messages', body: { chat: 5208, type: 'email' } },
    { status: 404, path: '/messages', body: { chat: 1, text: 'Hello', type: 'message' } },
  ],
  'GET /customers': [
    { status: 200, path: '/customers?sort=customers.lastSeen' },
    { status: 400, path: '/customers?limit=0' },
  ],
  'POST /customers': [
    {
      status: 201,
      path: '/customers',
      body: { ...description['components'].examples.CustomerInputExample.value, userId: 'new' },
    },
    { status: 400, path: '/customers', body: { email: 'nobody' } },
  ],
  'POST /customers/search': [
    {
      status: 200,
      path: '/customers/search',
      body: { filter: [{ field: 'customers.id', operator: '>=', value: 7001 }] },
    },
    { status: 400, path: '/customers/search', body: { order: 'up' } },
  ],
  'PUT /customers/batch': [
    {
      status: 200,
      path: '/customers/batch',
      body: [
        { customer: 7005, company: 'Demo LLC' },
        { customer: 7006, unsubscribed: true },
      ],
    },
    { status: 400, path: '/customers/batch', body: [] },
    { status: 404, path: '/customers/batch', body: [{ customer: 1 }] },
  ],
  'GET /customers/{customerId}': [
    { status: 200, path: '/customers/7001' },
    { status: 404, path: '/customers/1' },
  ],
  'PUT /customers/{customerId}': customerWrite(
    '',
    { company: 'Demo LLC', notes: null },
    { name: [] },
  ),
  'PATCH /customers/{customerId}': customerWrite('', { company: 'Demo LLC' }, { blocked: null }),
  'DELETE /customers/{customerId}': [
    { status: 200, path: '/customers/7009' },
    { status: 404, path: '/customers/1' },
  ],
  'PUT /customers/{customerId}/tags': customerWrite(
    '/tags',
    { tags: [{ name: 'VIP', color: '#ff9f1c' }, { name: 'Nový' }] },
    { tags: [{}] },
  ),
  'DELETE /customers/{customerId}/tags': customerWrite(
    '/tags',
    { tags: [{ name: 'VIP' }] },
    { tags: [] },
  ),
  'POST /events': [
    {
      status: 200,
      path: '/events',
      body: { customer: 7001, name: 'order_paid', data: { amount: 59.9, gift: false, note: null } },
    },
    { status: 400, path: '/events', body: { customer: 7001, name: 'x', data: { deep: {} } } },
    { status: 404, path: '/events', body: { customer: 1, name: 'order_paid' } },
  ],
  'GET /agents': [{ status: 200, path: '/agents' }],
  'GET /agents/{agentId}/unsubscribe': [
    { status: 200, path: '/agents/12/unsubscribe' },
    { status: 404, path: '/agents/1/unsubscribe' },
  ],
  'GET /departments': [{ status: 200, path: '/departments' }],
  'GET /applications': [{ status: 200, path: '/applications' }],
  'GET /organization': [{ status: 200, path: '/organization' }],
};

/** Described, but never given: 201 is what clients see, and the organization is always there. */
const neverGiven = new Set(['POST /messages 200', 'GET /organization 404']);

function write(name: string, good: object, bad: object): readonly Case[] {
  const path = `/chats/${name}`;
  return [
    { status: 200, path, body: { id: 5207, ...good } },
    { status: 400, path, body: { id: 5207, ...bad } },
    { status: 404, path, body: { id: 1, ...good } },
  ];
}

function customerWrite(tail: string, good: object, bad: object): readonly Case[] {
  return [
    { status: 200, path: `/customers/7003${tail}`, body: good },
    { status: 400, path: `/customers/7003${tail}`, body: bad },
    { status: 404, path: `/customers/1${tail}`, body: good },
  ];
}

const operations = Object.entries<Json>(description['paths']).flatMap(([path, item]) =>
  ['get', 'post', 'put', 'patch', 'delete']
    .filter((method) => method in item)
    .map((method) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation: item[method] as Json,
    })),
);

const resolve = (part: Json): Json =>
  typeof part['$ref'] === 'string'
    ? part['$ref']
        .slice(2)
        .split('/')
        .reduce<Json>((held, name) => held[name], description)
    : part;

const jsonSchema = (part: Json): Json => {
  const { schema } = resolve(part)['content']['application/json'] as Json;
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as Json;
};

const expectValid = (schema: Json, value: unknown): void => {
  const isValid = ajv.validate(schema, value);
  expect({ isValid, errors: ajv.errors, value }).toMatchObject({ isValid: true });
};

const methodOf = (name: string): string => name.split(' ')[0] ?? '';

let account: TestAccount;
let crowded: TestAccount;

beforeAll(async () => {
  account = await startAccount();
  crowded = await startAccount({ rateLimit: 1, customers: 1, chats: 0 });
  await crowded.call('GET', '/organization');

  // The chat of the writes is closed, answered and not rated.
  await account.call('POST', '/messages', {
    body: { chat: 5207, text: 'Hello', type: 'message', agent: 12 },
  });
  const { body: chats } = await account.call('POST', '/chats/search', {
    body: { filter: [{ field: 'chats.status', operator: '=', value: 'closed' }] },
  });
  const rated = chats.data.find(({ rating, agents }: Json) => rating === null && agents.length > 0);
  rateable = rated.id;
});

let rateable = 0;

afterAll(async () => {
  await account.simulator.close();
  await crowded.simulator.close();
});

describe.each(operations)('$name', ({ name, operation }) => {
  const send = ({ path, body }: Case, at = account, options: CallOptions = {}): Promise<Reply> =>
    at.call(methodOf(name), path, { ...options, ...(body !== undefined && { body }) });

  test('every described response has a case', () => {
    const described = Object.keys(operation['responses']).filter(
      (status) => !['401', '429'].includes(status) && !neverGiven.has(`${name} ${status}`),
    );

    expect([...new Set((cases[name] ?? []).map(({ status }) => String(status)))].sort()).toEqual(
      expect.arrayContaining(described),
    );
  });

  test.each(cases[name] ?? [])(
    'the response with $status at $path is as described',
    async (example) => {
      const isRating = name === 'PUT /chats/rate' && example.status === 200;
      const body = isRating ? { ...Object(example.body), id: rateable } : example.body;

      const reply = await send({ ...example, body });

      expect({ status: reply.status, body: reply.body }).toMatchObject({ status: example.status });
      const described: Json | undefined = operation['responses'][example.status];
      if (described !== undefined) expectValid(jsonSchema(described), reply.body);
      if (example.status < 400 && example.body !== undefined) {
        expectValid(jsonSchema(operation['requestBody']), example.body);
      }
    },
  );

  test('responses without a key, with a wrong key and above the limit are as described', async () => {
    const [example] = cases[name] ?? [];
    const noKey = await send(example!, account, { headers: { authorization: '' } });
    const wrongKey = await send(example!, crowded, { headers: { authorization: 'Bearer <demo>' } });
    const tooMany = await send(example!, crowded);

    expect([noKey.status, wrongKey.status, tooMany.status]).toEqual([401, 401, 429]);
    expect(noKey.body).toEqual(
      resolve(operation['responses']['401'])['content']['application/json'].examples.current.value,
    );
    expect(tooMany.body).toEqual(
      resolve(operation['responses']['429'])['content']['application/json'].examples.current.value,
    );
    expect(tooMany.headers.get('retry-after')).toBeNull();
  });
});

test('every case belongs to a described operation', () => {
  expect(Object.keys(cases).sort()).toEqual(operations.map(({ name }) => name).sort());
});

test.each([
  ['Chat', '/chats/5000'],
  ['Customer', '/customers/7001'],
])('a %s shows every described field and no other', async (entity, path) => {
  const { body } = await account.call('GET', path);

  const { properties } = description['components'].schemas[entity];
  expect(Object.keys(body as Json).sort()).toEqual(Object.keys(properties as Json).sort());
});

test.each(['seconds', 'number', 'milliseconds'] as const)(
  'all chats, messages and customers are as described with times as %s',
  async (times) => {
    account.simulator.behave({ times });
    const lists: readonly (readonly [string, string])[] = [
      ['ChatList', '/chats'],
      ['ChatList', '/chats?offset=300'],
      ['CustomerList', '/customers'],
      ['MessageList', '/chats/5000/messages'],
      ['MessageList', '/chats/5399/messages'],
    ];

    for (const [schema, path] of lists) {
      const { body } = await account.call('GET', path);
      expectValid({ $ref: `api#/components/schemas/${schema}` }, body);
    }
    account.simulator.behave({ times: 'seconds' });
  },
);
