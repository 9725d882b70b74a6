import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { codesOf, rowsOf, startAccount, type TestAccount } from './client.ts';

let account: TestAccount;

const customers = [
  { name: 'Ada Bennett', email: 'Ada@Example.com', userId: 'A1', lastSeen: 100, city: 'Lviv' },
  { name: 'Тарас Ткаченко', email: 'taras@example.org', userId: 'a2', lastSeen: '300' },
  { name: null, email: null, lastSeen: null, createdFrom: 'telegram_bot', integrationId: '77' },
  { name: 'ada lovelace', email: 'ada@example.com', userId: 'A3', lastSeen: 200.9, phone: '+38' },
];
const tagged = [['VIP', 'Trial'], ['vip'], [], ['Trial']];

/** Ids in the order the rows were made: `first` is the first customer's. */
let first = 0;

beforeAll(async () => {
  account = await startAccount({ customers: 2, chats: 0 });
  for (const [place, customer] of customers.entries()) {
    const tags = (tagged[place] ?? []).map((name) => ({ name }));
    const { body } = await account.call('POST', '/customers', { body: { ...customer, tags } });
    if (place === 0) first = body.id as number;
    account.clock.advance(1000);
    await account.call('POST', '/chats', { body: { customer: body.id, application: 2 } });
  }
  const say = (chat: number, agent?: number) =>
    account.call('POST', '/messages', { body: { chat, agent, text: 'Hi', type: 'message' } });
  await account.call('PUT', '/chats/assignee', { body: { id: 5000, assignee: 12 } });
  await account.call('PUT', '/chats/department', { body: { id: 5001, department: 4 } });
  await say(5000, 12);
  await say(5000, 14);
  account.clock.advance(5000);
  await say(5002);
  await account.call('PUT', '/chats/status', { body: { id: 5003, status: 'on-hold' } });
  await account.call('PUT', '/chats/status', { body: { id: 5000, status: 'closed' } });
  await account.call('PUT', '/chats/rate', { body: { id: 5000, rating: 'very poor' } });
});

afterAll(() => account.simulator.close());

const ask = async (collection: string, body: unknown) =>
  account.call('POST', `/${collection}/search`, { body });

const filtersOf = (...filters: readonly (readonly [string, string, unknown])[]) =>
  filters.map(([field, operator, value]) => ({ field, operator, value }));

/** Which of the rows above came back: 0 is the first. */
const places = async (collection: string, body: unknown, firstId: number): Promise<number[]> => {
  const reply = await ask(collection, body);
  expect(reply).toMatchObject({ status: 200 });
  return rowsOf(reply.body).map(({ id }) => id - firstId);
};

describe('a customer filter', () => {
  const date = 'customers.lastSeen';
  test.each([
    ['customers.userId', '=', 'a1', [0]],
    ['customers.email', '=', 'ADA@example.com', [0, 3]],
    ['customers.email', '!=', 'ada@example.com', [1, 2]],
    ['customers.email', '~', '@example.', [0, 1, 3]],
    ['customers.email', '!~', '.org', [0, 2, 3]],
    ['customers.name', '~', 'ТКАЧ', [1]],
    ['customers.city', '=', 'lviv', [0]],
    ['customers.phone', '~', '+38', [3]],
    ['customers.telegramId', '=', '77', [2]],
    ['customers.viberId', '=', '77', []],
    ['customers.tagsData', '=', [{ name: 'vip' }], [0, 1]],
    ['customers.tagsData', '=', [{ name: 'Trial' }, { name: 'VIP' }], [0]],
    [date, '=', 300, [1]],
    [date, '=', '200', [3]],
    [date, '>', '100', [1, 3]],
    [date, '>=', 100, [0, 1, 3]],
    [date, '<', 200, [0]],
    [date, '<=', '200', [0, 3]],
    [date, '!=', 300, [0, 2, 3]],
  ])('%s %s %j', async (...[field, operator, value, expected]) => {
    const filter = filtersOf(['customers.id', '>=', String(first)], [field, operator, value]);

    expect(await places('customers', { filter, comparison: 'AND' }, first)).toEqual(expected);
  });
});

describe('a chat filter', () => {
  test.each([
    ['chats.assignee', '=', '12', [0]],
    ['chats.assignee', '!=', 12, [1, 2, 3]],
    ['chats.assignee', '>', 1, [0]],
    ['chats.agents', '=', 14, [0]],
    ['chats.agents', '!=', 14, [1, 2, 3]],
    ['chats.agents', '<', 13, [0]],
    ['chats.department', '=', 4, [1]],
    ['chats.customer.email', '~', 'ADA@', [0, 3]],
    ['chats.customer.userId', '=', 'a2', [1]],
    ['chats.customer.tagsData', '=', [{ name: 'Trial' }], [0, 3]],
    ['chats.status', '=', 'on hold', [3]],
    ['chats.status', '!=', 'empty', [0, 2, 3]],
    ['chats.rating', '=', 'very poor', [0]],
    ['chats.closedAt', '>', 0, [0]],
    ['chats.createdAt', '<', 0, []],
    ['chats.updatedAt', '>', 0, [0, 1, 2, 3]],
  ])('%s %s %j', async (...[field, operator, value, expected]) => {
    expect(await places('chats', { filter: filtersOf([field, operator, value]) }, 5000)).toEqual(
      expected,
    );
  });

  test('a chat filter accepts the id of a customer', async () => {
    const filter = filtersOf(['chats.customer', '=', first + 2]);

    expect(await places('chats', { filter }, 5000)).toEqual([2]);
  });
});

test('filters have one comparison, by default AND', async () => {
  const filter = filtersOf(['customers.userId', '=', 'A1'], ['customers.phone', '=', '+38']);
  const ids = filtersOf(['customers.id', '=', first], ['customers.id', '=', String(first + 3)]);

  expect(await places('customers', { filter }, first)).toEqual([]);
  expect(await places('customers', { filter, comparison: 'AND' }, first)).toEqual([]);
  expect(await places('customers', { filter, comparison: 'OR' }, first)).toEqual([0, 3]);
  expect(await places('customers', { filter: ids, comparison: 'OR' }, first)).toEqual([0, 3]);
  expect(await places('customers', { filter: ids }, first)).toEqual([]);
  expect(
    await places('customers', { filter: [...ids, ...filter], comparison: 'OR' }, first),
  ).toEqual([0, 3]);
});

test('a search without filters lists everything, in the order of the ids', async () => {
  for (const body of [{}, { filter: [] }, { filter: null }]) {
    const { body: page } = await ask('customers', body);
    expect(page.total).toBe(6);
    expect(rowsOf(page).map(({ id }) => id)).toEqual([7001, 7002, 7003, 7004, 7005, 7006]);
  }
});

test('a sort puts nulls last and keeps equal rows in the order of their ids', async () => {
  const filter = filtersOf(['customers.id', '>=', first]);
  const sort = 'customers.lastSeen';

  expect(await places('customers', { filter, sort }, first)).toEqual([0, 3, 1, 2]);
  expect(await places('customers', { filter, sort, order: 'DESC' }, first)).toEqual([1, 3, 0, 2]);
  expect(await places('chats', { sort: 'chats.lastMessageAt', order: 'desc' }, 5000)).toEqual([
    2, 0, 1, 3,
  ]);
  expect(await places('chats', { sort: 'chats.closedAt', order: 'ASC' }, 5000)).toEqual([
    0, 1, 2, 3,
  ]);
});

test('a page is cut after the search and the total counts all that match', async () => {
  const body = { filter: filtersOf(['customers.id', '>=', first]), offset: '1', limit: '2' };

  const { body: page } = await ask('customers', body);
  const { body: chats } = await ask('chats', { limit: 1, offset: 9 });

  expect(rowsOf(page).map(({ id }) => id)).toEqual([first + 1, first + 2]);
  expect(page.total).toBe(4);
  expect(chats).toEqual({ data: [], meta: { total: 4 }, total: 4 });
});

describe('a search is rejected with the path of the property', () => {
  const valid = { field: 'customers.id', operator: '=', value: 1 };
  test.each<[string, object]>([
    ['filter', { filter: 'customers.id' }],
    ['filter[0].field', { filter: [{ ...valid, field: '' }] }],
    ['filter[0].field', { filter: [{ ...valid, field: 'chats.id' }] }],
    ['filter[1].field', { filter: [valid, { ...valid, field: 'chats.status' }] }],
    ['filter[0].operator', { filter: [{ ...valid, operator: 'IN' }] }],
    ['filter[0].operator', { filter: [{ ...valid, operator: undefined }] }],
    ['filter[0].operator', { filter: [{ ...valid, operator: '~' }] }],
    ['filter[0].operator', { filter: [{ ...valid, field: 'customers.name', operator: '>' }] }],
    [
      'filter[0].operator',
      { filter: [{ field: 'customers.tagsData', operator: '!=', value: [{ name: 'a' }] }] },
    ],
    ['filter[0].value', { filter: [{ ...valid, value: 'seven' }] }],
    ['filter[0].value', { filter: [{ ...valid, value: [1] }] }],
    ['filter[0].value', { filter: [{ ...valid, value: null }] }],
    ['filter[1].value', { filter: [valid, { ...valid, value: 1.5 }], comparison: 'OR' }],
    ['filter[0].value', { filter: [{ ...valid, field: 'customers.name', value: true }] }],
    ['filter[0].value', { filter: [{ ...valid, field: 'customers.lastSeen', value: 'today' }] }],
    ['filter[0].value', { filter: [{ ...valid, field: 'customers.tagsData', value: 'VIP' }] }],
    [
      'filter[0].value[0].name',
      { filter: [{ ...valid, field: 'customers.tagsData', value: ['VIP'] }] },
    ],
    ['comparison', { comparison: 'XOR' }],
    ['sort', { sort: 'customers.name' }],
    ['sort', { sort: 'lastSeen' }],
    ['order', { order: 'newest' }],
    ['limit', { limit: 0 }],
    ['limit', { limit: 'many' }],
    ['offset', { offset: -1 }],
    ['body', [valid]],
  ])('%s in %j', async (path, body) => {
    const reply = await ask('customers', body);

    expect(reply.status).toBe(400);
    expect(reply.body.errors).toEqual([
      { code: 'invalid_request', message: 'Invalid request' },
      { code: path, message: expect.any(String) },
    ]);
  });
});

test('a search is rejected with all its errors', async () => {
  const { body } = await ask('chats', {
    filter: [{ field: 'chats.status', operator: '=' }, {}],
    sort: 'id',
  });

  expect(body.errors).toEqual([
    { code: 'invalid_request', message: 'Invalid request' },
    { code: 'filter[0].value', message: 'This value should not be blank.' },
    { code: 'filter[1].field', message: 'This value should not be blank.' },
    { code: 'filter[1].operator', message: 'This value should not be blank.' },
    { code: 'sort', message: 'The value you selected is not a valid choice.' },
  ]);
});

describe('a list', () => {
  test('a list reads sort and page from its query and ignores other parameters', async () => {
    const { body } = await account.call(
      'GET',
      '/customers?sort=customers.lastSeen&order=desc&limit=1&offset=2&filter[name]=Ada',
    );

    expect(body.total).toBe(6);
    expect(body.data).toHaveLength(1);
  });

  test.each(['/chats', '/customers', '/agents', '/departments', '/chats/5000/messages'])(
    'a list at %s rejects an invalid page',
    async (path) => {
      const { status, body } = await account.call('GET', `${path}?limit=-1&offset=x`);

      expect(status).toBe(400);
      expect(codesOf(body)).toEqual(['offset', 'limit']);
    },
  );
});
