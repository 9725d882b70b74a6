import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { WireRow } from '../support/rest.ts';
import { restRows } from '../support/rest.ts';

type Kind = 'chats' | 'customers';

const lists = {
  chats: `query ($filter: ChatFilter, $orderBy: ChatOrder, $first: Int, $after: String) {
    chats(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } totalCount
    }
  }`,
  customers: `query ($filter: CustomerFilter, $orderBy: CustomerOrder, $first: Int, $after: String) {
    customers(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } totalCount
    }
  }`,
} as const;

let demo: Awaited<ReturnType<typeof startDemo>>;
let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
const held: Record<Kind, readonly WireRow[]> = { chats: [], customers: [] };

beforeAll(async () => {
  const clock = createManualClock();
  demo = await startDemo({ customers: 150, chats: 600, clock, config: { rateLimit: 0 } });
  fake = await startRecordingUpstream();
  fake.respond('*', { body: { data: [], meta: { total: 0 }, total: 0 } });
  gateway = await startTestGateway({ upstream: fake, config: { rateLimit: 0 } });
  held.chats = await restRows(demo.simulator, '/chats');
  held.customers = await restRows(demo.simulator, '/customers');
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
});

const condition = (field: string, operator: string, value: unknown) => ({ field, operator, value });

const seconds = (time: string) => Date.parse(time) / 1000;

interface Expressible {
  readonly kind: Kind;
  readonly filter: object;
  readonly comparison?: 'AND' | 'OR';
  /** The expected upstream filter. */
  readonly sent: readonly object[];
  /** Whether a row in wire format matches. */
  readonly means: (row: WireRow) => boolean;
}

const same = (one: string | null, other: string): boolean =>
  one?.toLowerCase() === other.toLowerCase();
const holds = (one: string | null, other: string): boolean =>
  one?.toLowerCase().includes(other.toLowerCase()) === true;
const customerOf = (chat: WireRow): WireRow =>
  held.customers.find(({ id }) => id === chat['customer'].id)!;
const isTagged = (customer: WireRow, ...names: string[]): boolean =>
  names.every((name) => customer['tags'].some((tag: WireRow) => same(tag['name'], name)));

/** Which spelling HelpCrunch finds is unknown. */
const onHold = (operator: string) =>
  ['on hold', 'onhold', 'on-hold'].map((value) => condition('chats.status', operator, value));

const differs = (spelling: string) => condition('chats.status', '!=', spelling);

const chatFilters: readonly Omit<Expressible, 'kind'>[] = [
  ...(
    [
      ['NEW', 'new'],
      ['OPENED', 'opened'],
      ['PENDING', 'pending'],
      ['NO_COMMUNICATION', 'no communication'],
      ['CLOSED', 'closed'],
      ['EMPTY', 'empty'],
    ] as const
  ).flatMap(([status, spelling]) => [
    {
      filter: { status },
      sent: [condition('chats.status', '=', spelling)],
      means: (chat: WireRow) => chat['status'] === spelling,
    },
    {
      filter: { statusNot: status },
      sent: [condition('chats.status', '!=', spelling)],
      means: (chat: WireRow) => chat['status'] !== spelling,
    },
  ]),
  {
    filter: { status: 'ON_HOLD' },
    comparison: 'OR',
    sent: onHold('='),
    means: ({ status }) => status === 'on hold',
  },
  {
    filter: { statusNot: 'ON_HOLD' },
    sent: onHold('!='),
    means: ({ status }) => status !== 'on hold',
  },
  {
    filter: { status: 'ON_HOLD', departmentId: '3' },
    sent: [condition('chats.status', '=', 'on hold'), condition('chats.department', '=', 3)],
    means: ({ status, department }) => status === 'on hold' && department?.id === 3,
  },
  {
    filter: { statusNot: 'ON_HOLD', departmentId: '3' },
    sent: [...onHold('!='), condition('chats.department', '=', 3)],
    means: ({ status, department }) => status !== 'on hold' && department?.id === 3,
  },
  ...(
    [
      ['PERFECT', 'perfect'],
      ['GREAT', 'great'],
      ['AVERAGE', 'average'],
      ['POOR', 'poor'],
      ['VERY_POOR', 'very poor'],
    ] as const
  ).map(([rating, spelling]) => ({
    filter: { rating },
    sent: [condition('chats.rating', '=', spelling)],
    means: (chat: WireRow) => chat['rating'] === spelling,
  })),
  {
    filter: { assigneeId: '12' },
    sent: [condition('chats.assignee', '=', 12)],
    means: ({ assignee }) => assignee?.id === 12,
  },
  {
    filter: { assigneeId: 12 },
    sent: [condition('chats.assignee', '=', 12)],
    means: ({ assignee }) => assignee?.id === 12,
  },
  ...(
    [
      [['NEW', 'OPENED', 'NEW'], ['pending', 'no communication', 'closed', 'empty'], true],
      [['CLOSED', 'ON_HOLD'], ['new', 'opened', 'pending', 'no communication', 'empty'], false],
    ] as const
  ).map(([statusIn, others, excludesOnHold]) => ({
    filter: { statusIn, departmentId: '3' },
    sent: [
      ...others.slice(0, excludesOnHold ? 1 : undefined).map((other) => differs(other)),
      ...(excludesOnHold
        ? [...onHold('!='), ...others.slice(1).map((other) => differs(other))]
        : []),
      condition('chats.department', '=', 3),
    ],
    means: ({ status, department }: WireRow) =>
      !others.includes(status) && (!excludesOnHold || status !== 'on hold') && department?.id === 3,
  })),
  {
    filter: { statusIn: ['ON_HOLD'], assigneeIdNot: '12' },
    sent: [
      ...['new', 'opened', 'pending', 'no communication', 'closed', 'empty'].map((other) =>
        differs(other),
      ),
      condition('chats.assignee', '!=', 12),
    ],
    means: ({ status, assignee }) => status === 'on hold' && assignee?.id !== 12,
  },
  {
    filter: { statusNotIn: ['CLOSED', 'ON_HOLD', 'CLOSED'], departmentIdNot: '4' },
    sent: [differs('closed'), ...onHold('!='), condition('chats.department', '!=', 4)],
    means: ({ status, department }) =>
      status !== 'closed' && status !== 'on hold' && department?.id !== 4,
  },
  {
    filter: { status: 'CLOSED', ratingNot: 'VERY_POOR' },
    sent: [condition('chats.status', '=', 'closed'), condition('chats.rating', '!=', 'very poor')],
    means: ({ status, rating }) => status === 'closed' && rating !== 'very poor',
  },
  {
    filter: { agentId: '14' },
    sent: [condition('chats.agents', '=', 14)],
    means: ({ agents }) => agents.some(({ id }: WireRow) => id === 14),
  },
  {
    filter: { departmentId: '4' },
    sent: [condition('chats.department', '=', 4)],
    means: ({ department }) => department?.id === 4,
  },
  {
    filter: { customerId: '7004' },
    sent: [condition('chats.customer', '=', 7004)],
    means: ({ customer }) => customer.id === 7004,
  },
  {
    filter: { customerEmail: 'Nobody@example.com' },
    sent: [condition('chats.customer.email', '=', 'Nobody@example.com')],
    means: () => false,
  },
  {
    filter: { customerUserId: 'u-7002' },
    sent: [condition('chats.customer.userId', '=', 'u-7002')],
    means: ({ customer }) => same(customer.userId, 'u-7002'),
  },
  {
    filter: { customerTags: ['vip'] },
    sent: [condition('chats.customer.tagsData', '=', [{ name: 'vip' }])],
    means: (chat) => isTagged(customerOf(chat), 'vip'),
  },
  {
    filter: { createdAt: { from: '2025-12-01T00:00:00Z' } },
    sent: [condition('chats.createdAt', '>=', seconds('2025-12-01T00:00:00Z'))],
    means: ({ createdAt }) => Number(createdAt) >= seconds('2025-12-01T00:00:00Z'),
  },
  {
    filter: { createdAt: { to: '2025-12-01T00:00:00+02:00' } },
    sent: [condition('chats.createdAt', '<=', seconds('2025-11-30T22:00:00Z'))],
    means: ({ createdAt }) => Number(createdAt) <= seconds('2025-11-30T22:00:00Z'),
  },
  {
    filter: { closedAt: { from: '2025-12-01T00:00:00Z', to: '2025-12-31T23:59:59Z' } },
    sent: [
      condition('chats.closedAt', '>=', seconds('2025-12-01T00:00:00Z')),
      condition('chats.closedAt', '<=', seconds('2025-12-31T23:59:59Z')),
    ],
    means: ({ closedAt }) =>
      closedAt !== null &&
      Number(closedAt) >= seconds('2025-12-01T00:00:00Z') &&
      Number(closedAt) <= seconds('2025-12-31T23:59:59Z'),
  },
  {
    filter: { status: 'CLOSED', departmentId: '3', rating: 'PERFECT' },
    sent: [
      condition('chats.status', '=', 'closed'),
      condition('chats.department', '=', 3),
      condition('chats.rating', '=', 'perfect'),
    ],
    means: ({ status, department, rating }) =>
      status === 'closed' && department?.id === 3 && rating === 'perfect',
  },
  {
    filter: { anyOf: [{ status: 'PENDING' }, { status: 'ON_HOLD' }, { departmentId: '5' }] },
    comparison: 'OR',
    sent: [
      condition('chats.status', '=', 'pending'),
      ...onHold('='),
      condition('chats.department', '=', 5),
    ],
    means: ({ status, department }) =>
      status === 'pending' || status === 'on hold' || department?.id === 5,
  },
  {
    filter: {
      anyOf: [
        { anyOf: [{ status: 'PENDING' }, { anyOf: [{ rating: 'POOR' }] }] },
        { createdAt: { to: '2025-11-15T00:00:00Z' } },
      ],
    },
    comparison: 'OR',
    sent: [
      condition('chats.status', '=', 'pending'),
      condition('chats.rating', '=', 'poor'),
      condition('chats.createdAt', '<=', seconds('2025-11-15T00:00:00Z')),
    ],
    means: ({ status, rating, createdAt }) =>
      status === 'pending' ||
      rating === 'poor' ||
      Number(createdAt) <= seconds('2025-11-15T00:00:00Z'),
  },
  {
    filter: { statusNot: 'CLOSED', anyOf: [{ departmentId: '4' }] },
    sent: [condition('chats.status', '!=', 'closed'), condition('chats.department', '=', 4)],
    means: ({ status, department }) => status !== 'closed' && department?.id === 4,
  },
  {
    filter: { anyOf: [{ status: 'CLOSED', rating: 'GREAT' }] },
    sent: [condition('chats.status', '=', 'closed'), condition('chats.rating', '=', 'great')],
    means: ({ status, rating }) => status === 'closed' && rating === 'great',
  },
  {
    filter: { anyOf: [{ anyOf: [{ statusNot: 'CLOSED' }] }], departmentId: '3' },
    sent: [condition('chats.department', '=', 3), condition('chats.status', '!=', 'closed')],
    means: ({ status, department }) => status !== 'closed' && department?.id === 3,
  },
];

const textFields = ['name', 'email', 'company', 'phone'] as const;

const customerFilters: readonly Omit<Expressible, 'kind'>[] = [
  ...textFields.map((field) => ({
    filter: { [field]: { contains: 'a' } },
    sent: [condition(`customers.${field}`, '~', 'a')],
    means: (customer: WireRow) => holds(customer[field], 'a'),
  })),
  {
    filter: { phone: { contains: '+38000' } },
    sent: [condition('customers.phone', '~', '+38000')],
    means: ({ phone }) => holds(phone, '+38000'),
  },
  {
    filter: { city: { equals: 'Київ' } },
    sent: [condition('customers.city', '=', 'Київ')],
    means: ({ location }) => same(location.city, 'Київ'),
  },
  {
    filter: { city: { contains: 'в' } },
    sent: [condition('customers.city', '~', 'в')],
    means: ({ location }) => holds(location.city, 'в'),
  },
  {
    filter: { countryCode: { equals: 'UA' } },
    sent: [condition('customers.countryCode', '=', 'UA')],
    means: ({ location }) => same(location.countryCode, 'UA'),
  },
  {
    filter: { regionCode: { equals: 'no' }, countryCode: { contains: 'u' } },
    sent: [
      condition('customers.countryCode', '~', 'u'),
      condition('customers.regionCode', '=', 'no'),
    ],
    means: ({ location }) => same(location.regionCode, 'no') && holds(location.countryCode, 'u'),
  },
  ...(['telegram', 'facebook', 'instagram', 'viber', 'whatsapp'] as const).flatMap((messenger) =>
    (
      [
        ['contains', '~', '1'],
        ['equals', '=', 'none'],
      ] as const
    ).map(([name, operator, value]) => ({
      filter: { [`${messenger}Id`]: { [name]: value } },
      sent: [condition(`customers.${messenger}Id`, operator, value)],
      means: ({ createdFrom, integrationId }: WireRow) =>
        createdFrom?.startsWith(messenger) === true &&
        (operator === '~' ? holds : same)(integrationId, value),
    })),
  ),
  {
    filter: { email: { equals: 'nobody@example.com', contains: '@' } },
    sent: [
      condition('customers.email', '=', 'nobody@example.com'),
      condition('customers.email', '~', '@'),
    ],
    means: ({ email }) => same(email, 'nobody@example.com'),
  },
  {
    filter: { userIds: ['u-7003'] },
    sent: [condition('customers.userId', '=', 'u-7003')],
    means: ({ userId }) => same(userId, 'u-7003'),
  },
  {
    filter: { userIds: ['u-7003', 'u-7004', 'u-7005', 'none'] },
    comparison: 'OR',
    sent: ['u-7003', 'u-7004', 'u-7005', 'none'].map((id) =>
      condition('customers.userId', '=', id),
    ),
    means: ({ userId }) => ['u-7003', 'u-7004', 'u-7005'].includes(userId),
  },
  {
    filter: { ids: ['7009'] },
    sent: [condition('customers.id', '=', 7009)],
    means: ({ id }) => id === 7009,
  },
  {
    filter: { ids: Array.from({ length: 100 }, (_, index) => String(6951 + index)) },
    comparison: 'OR',
    sent: Array.from({ length: 100 }, (_, index) => condition('customers.id', '=', 6951 + index)),
    means: ({ id }) => id >= 6951 && id <= 7050,
  },
  {
    filter: { tags: ['vip'] },
    sent: [condition('customers.tagsData', '=', [{ name: 'vip' }])],
    means: (customer) => isTagged(customer, 'vip'),
  },
  {
    filter: { lastSeen: { from: '2025-10-01T00:00:00.001Z', to: '2025-12-31T00:00:00.999Z' } },
    sent: [
      condition('customers.lastSeen', '>=', seconds('2025-10-01T00:00:01Z')),
      condition('customers.lastSeen', '<=', seconds('2025-12-31T00:00:00Z')),
    ],
    means: ({ lastSeen }) =>
      Number(lastSeen) >= seconds('2025-10-01T00:00:01Z') &&
      Number(lastSeen) <= seconds('2025-12-31T00:00:00Z'),
  },
  {
    filter: {
      tags: ['vip'],
      countryCode: { equals: 'ua' },
      lastSeen: { from: '2025-01-01T00:00:00Z' },
    },
    sent: [
      condition('customers.countryCode', '=', 'ua'),
      condition('customers.tagsData', '=', [{ name: 'vip' }]),
      condition('customers.lastSeen', '>=', seconds('2025-01-01T00:00:00Z')),
    ],
    means: (customer) =>
      isTagged(customer, 'vip') &&
      same(customer['location'].countryCode, 'ua') &&
      Number(customer['lastSeen']) >= seconds('2025-01-01T00:00:00Z'),
  },
  {
    filter: { userIds: ['u-7003'], ids: ['7003'] },
    sent: [condition('customers.userId', '=', 'u-7003'), condition('customers.id', '=', 7003)],
    means: ({ userId, id }) => userId === 'u-7003' && id === 7003,
  },
  {
    filter: { anyOf: [{ ids: ['7001', '7002'] }, { userIds: ['u-7003'] }, { tags: ['vip'] }] },
    comparison: 'OR',
    sent: [
      condition('customers.id', '=', 7001),
      condition('customers.id', '=', 7002),
      condition('customers.userId', '=', 'u-7003'),
      condition('customers.tagsData', '=', [{ name: 'vip' }]),
    ],
    means: (customer) =>
      [7001, 7002].includes(customer['id']) ||
      customer['userId'] === 'u-7003' ||
      isTagged(customer, 'vip'),
  },
  {
    filter: { name: { contains: 'o' }, anyOf: [{ email: { contains: 'e' } }] },
    sent: [condition('customers.name', '~', 'o'), condition('customers.email', '~', 'e')],
    means: ({ name, email }) => holds(name, 'o') && holds(email, 'e'),
  },
];

const expressible: readonly Expressible[] = [
  ...chatFilters.map((row) => ({ kind: 'chats' as const, ...row })),
  ...customerFilters.map((row) => ({ kind: 'customers' as const, ...row })),
];

const sorts = {
  chats: { sort: 'chats.createdAt', order: 'desc' },
  customers: { sort: 'customers.firstSeen', order: 'desc' },
} as const;

async function allIds(kind: Kind, filter: object): Promise<string[]> {
  const ids: string[] = [];
  let after: string | null = null;
  for (;;) {
    const variables: Record<string, unknown> = { filter, first: 100, after };
    const { data, errors } = await demo.query(lists[kind], variables);
    expect(errors).toEqual([]);
    const { nodes, pageInfo, totalCount }: any = data[kind];
    ids.push(...nodes.map(({ id }: { id: string }) => id));
    if (!pageInfo.hasNextPage) {
      expect(totalCount).toBe(ids.length);
      return ids;
    }
    after = pageInfo.endCursor;
  }
}

const idsWhere = (kind: Kind, means: (row: WireRow) => boolean): string[] =>
  held[kind].filter(means).map(({ id }) => String(id));

describe('filters', () => {
  test.each(expressible)(
    'a filter of $kind is translated to the upstream filter: $filter',
    async ({ kind, filter, comparison = 'AND', sent }) => {
      const { errors } = await gateway.query(lists[kind], { filter, first: 7 });

      expect(errors).toEqual([]);
      expect(fake.calls).toHaveLength(1);
      const [{ method, path, query, body }] = fake.calls as any;
      expect(`${method} ${path}?${query}`).toBe(`POST /${kind}/search?`);
      expect(body).toEqual({ comparison, filter: sent, ...sorts[kind], offset: 0, limit: 7 });
    },
  );

  test.each(expressible)(
    'a filter of $kind returns exactly the matching rows: $filter',
    async ({ kind, filter, means }) => {
      const ids = await allIds(kind, filter);

      expect(ids.toSorted()).toEqual(idsWhere(kind, means).toSorted());
    },
  );

  test('a filter by equal text returns the customers with that text', async () => {
    for (const field of textFields) {
      const customer = held.customers.find((row) => row[field] !== null)!;
      const equals = customer[field] as string;

      const ids = await allIds('customers', { [field]: { equals } });

      expect(ids).toContain(String(customer['id']));
      expect(ids.toSorted()).toEqual(
        idsWhere('customers', (row) => same(row[field], equals)).toSorted(),
      );
    }
  });

  test('a filter by customer email returns the chats of all customers with that email', async () => {
    const { customer } = held.chats.find((chat) => chat['customer'].email !== null) as any;

    const ids = await allIds('chats', { customerEmail: customer.email });
    await gateway.query(lists.chats, { filter: { customerEmail: customer.email } });

    expect(ids.length).toBeGreaterThan(0);
    expect(ids.toSorted()).toEqual(
      idsWhere('chats', (chat) => same(chat['customer'].email, customer.email)).toSorted(),
    );
    expect(fake.calls[0]!.body.filter).toEqual([
      condition('chats.customer.email', '=', customer.email),
    ]);
  });

  test('a filter by several tags returns customers with all of them', async () => {
    const both = held.customers.find(({ tags }) => tags.length > 1)!;
    const tags: string[] = both['tags'].map(({ name }: WireRow) => name);
    const hasAll = (customer: WireRow) => isTagged(customer, ...tags);

    const customers = await allIds('customers', { tags });
    const chats = await allIds('chats', { customerTags: tags });
    await gateway.query(lists.customers, { filter: { tags } });

    expect(customers.toSorted()).toEqual(idsWhere('customers', hasAll).toSorted());
    expect(chats.toSorted()).toEqual(
      idsWhere('chats', (chat) => hasAll(customerOf(chat))).toSorted(),
    );
    expect(fake.calls[0]!.body.filter).toEqual([
      condition(
        'customers.tagsData',
        '=',
        tags.map((name) => ({ name })),
      ),
    ]);
  });

  test('a filter by a time range includes both ends', async () => {
    const { createdAt, id } = held.chats[300] as any;
    const moment = new Date(Number(createdAt) * 1000).toISOString();

    const ids = await allIds('chats', { createdAt: { from: moment, to: moment } });

    expect(ids).toContain(String(id));
  });

  test('a filter text in any script, with quotes and symbols, is sent unchanged', async () => {
    const odd = ` %_\\'"<>😀 Ґанок\u0000\n`;

    await gateway.query(lists.customers, { filter: { name: { equals: odd, contains: odd } } });

    expect(fake.calls[0]!.body.filter.map(({ value }: WireRow) => value)).toEqual([odd, odd]);
  });

  test('a filter may be a literal in the document', async () => {
    await gateway.query(
      `{ chats(filter: { assigneeId: 12, closedAt: { from: "2026-01-01T00:00:00Z" } }) { totalCount } }`,
    );

    expect(fake.calls[0]!.body).toMatchObject({
      filter: [
        condition('chats.assignee', '=', 12),
        condition('chats.closedAt', '>=', seconds('2026-01-01T00:00:00Z')),
      ],
      offset: 0,
      limit: 1,
    });
  });

  test.each([null, undefined, {}])(
    'the filter %j is empty and reads the plain list',
    async (filter) => {
      await gateway.query(lists.chats, { filter });
      await gateway.query(lists.customers, { filter });

      expect(fake.calls.map(({ method, path, body }) => [method, path, body])).toEqual([
        ['GET', '/chats', undefined],
        ['GET', '/customers', undefined],
      ]);
    },
  );

  test('a filter may have a hundred conditions', async () => {
    const anyOf = Array.from({ length: 100 }, (_, index) => ({ customerId: index + 1 }));

    const { errors } = await gateway.query(lists.chats, { filter: { anyOf } });

    expect(errors).toEqual([]);
    expect(fake.calls[0]!.body.comparison).toBe('OR');
    expect(fake.calls[0]!.body.filter).toHaveLength(100);
  });
});

describe('orders', () => {
  test.each([
    ['chats', 'CREATED_AT', 'ASC', 'chats.createdAt', 'asc'],
    ['chats', 'CREATED_AT', 'DESC', 'chats.createdAt', 'desc'],
    ['chats', 'LAST_MESSAGE_AT', 'ASC', 'chats.lastMessageAt', 'asc'],
    ['chats', 'LAST_MESSAGE_AT', 'DESC', 'chats.lastMessageAt', 'desc'],
    ['chats', 'LAST_CUSTOMER_MESSAGE_AT', 'ASC', 'chats.lastCustomerMessageAt', 'asc'],
    ['chats', 'LAST_CUSTOMER_MESSAGE_AT', 'DESC', 'chats.lastCustomerMessageAt', 'desc'],
    ['chats', 'CLOSED_AT', 'ASC', 'chats.closedAt', 'asc'],
    ['chats', 'CLOSED_AT', 'DESC', 'chats.closedAt', 'desc'],
    ['customers', 'FIRST_SEEN', 'ASC', 'customers.firstSeen', 'asc'],
    ['customers', 'FIRST_SEEN', 'DESC', 'customers.firstSeen', 'desc'],
    ['customers', 'LAST_SEEN', 'ASC', 'customers.lastSeen', 'asc'],
    ['customers', 'LAST_SEEN', 'DESC', 'customers.lastSeen', 'desc'],
  ] as const)('the order of %s by %s %s is sent with a list and with a search', async (...row) => {
    const [kind, field, direction, sort, order] = row;
    const orderBy = { field, direction };
    const filter = kind === 'chats' ? { status: 'NEW' } : { tags: ['vip'] };

    await gateway.query(lists[kind], { orderBy, first: 3 });
    await gateway.query(lists[kind], { orderBy, first: 3, filter });

    expect(fake.calls[0]).toMatchObject({ method: 'GET', path: `/${kind}`, body: undefined });
    expect(Object.fromEntries(fake.calls[0]!.query)).toEqual({
      sort,
      order,
      offset: '0',
      limit: '3',
    });
    expect(fake.calls[1]).toMatchObject({
      method: 'POST',
      path: `/${kind}/search`,
      body: { sort, order, offset: 0, limit: 3 },
    });
  });

  test('the default order is newest first', async () => {
    await gateway.query('{ chats { totalCount } customers { totalCount } }');

    const orders = fake.calls.map(({ query }) => `${query.get('sort')} ${query.get('order')}`);
    expect(orders.toSorted()).toEqual(['chats.createdAt desc', 'customers.firstSeen desc']);
  });
});

const chatFields = [
  'status',
  'statusNot',
  'statusIn',
  'statusNotIn',
  'assigneeId',
  'assigneeIdNot',
  'agentId',
  'departmentId',
  'departmentIdNot',
  'customerId',
  'customerEmail',
  'customerUserId',
  'customerTags',
  'rating',
  'ratingNot',
  'createdAt',
  'closedAt',
  'anyOf',
];

const customerFields = [
  'name',
  'email',
  'company',
  'phone',
  'city',
  'countryCode',
  'regionCode',
  'telegramId',
  'facebookId',
  'instagramId',
  'viberId',
  'whatsappId',
  'userIds',
  'ids',
  'tags',
  'lastSeen',
  'anyOf',
];

const many = <Item>(count: number, item: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => item(index));

const absent = /cannot search for absent values/;
const flat = /one AND or by one OR/;
const empty = /not be empty/;
const range = /from, to or both/;
const order = /not be after/;

type Refused = readonly [kind: Kind, filter: object, argument: string, why: RegExp];

const refused: readonly Refused[] = [
  ...chatFields.map((field): Refused => ['chats', { [field]: null }, `filter.${field}`, absent]),
  ...customerFields.map((field): Refused => [
    'customers',
    { [field]: null },
    `filter.${field}`,
    absent,
  ]),
  ['chats', { status: 'NEW', assigneeId: null }, 'filter.assigneeId', absent],
  ['chats', { createdAt: { from: null } }, 'filter.createdAt.from', absent],
  [
    'chats',
    { createdAt: { from: '2026-01-01T00:00:00Z', to: null } },
    'filter.createdAt.to',
    absent,
  ],
  ['chats', { anyOf: [{ status: 'NEW' }, { assigneeId: null }] }, 'filter.anyOf', absent],
  ['customers', { name: { equals: null } }, 'filter.name.equals', absent],
  ['customers', { name: { contains: 'a', equals: null } }, 'filter.name.equals', absent],
  ['chats', { status: 'UNKNOWN' }, 'filter.status', /UNKNOWN/],
  ['chats', { statusNot: 'UNKNOWN' }, 'filter.statusNot', /UNKNOWN/],
  ['chats', { rating: 'UNKNOWN' }, 'filter.rating', /UNKNOWN/],
  ['chats', { anyOf: [{ rating: 'UNKNOWN' }, { status: 'NEW' }] }, 'filter.anyOf', /UNKNOWN/],
  ['chats', { ratingNot: 'UNKNOWN' }, 'filter.ratingNot', /UNKNOWN/],
  ['chats', { statusIn: ['NEW', 'UNKNOWN'] }, 'filter.statusIn', /UNKNOWN/],
  ['chats', { statusNotIn: ['UNKNOWN'] }, 'filter.statusNotIn', /UNKNOWN/],
  ['chats', { statusIn: [] }, 'filter.statusIn', /1 to 7 items/],
  ['chats', { statusNotIn: [] }, 'filter.statusNotIn', /1 to 7 items/],
  ['chats', { anyOf: [{ statusIn: ['NEW'] }, { status: 'CLOSED' }] }, 'filter.anyOf', flat],
  ['chats', { assigneeIdNot: 'Anna' }, 'filter.assigneeIdNot', /number|id/i],
  ['chats', { customerEmail: '' }, 'filter.customerEmail', empty],
  ['chats', { customerUserId: '' }, 'filter.customerUserId', empty],
  ['chats', { customerTags: ['vip', ''] }, 'filter.customerTags', empty],
  ['customers', { tags: [''] }, 'filter.tags', empty],
  ['customers', { userIds: ['u-1', ''] }, 'filter.userIds', empty],
  ...['name', 'email', 'company', 'phone', 'city', 'countryCode'].flatMap((field): Refused[] => [
    ['customers', { [field]: {} }, `filter.${field}`, /equals, contains or both/],
    ['customers', { [field]: { equals: '' } }, `filter.${field}`, empty],
    ['customers', { [field]: { contains: '' } }, `filter.${field}`, empty],
  ]),
  ['chats', { customerTags: [] }, 'filter.customerTags', /1 to 50/],
  ['chats', { customerTags: many(51, String) }, 'filter.customerTags', /1 to 50/],
  ['customers', { tags: [] }, 'filter.tags', /1 to 50/],
  ['customers', { tags: many(51, String) }, 'filter.tags', /1 to 50/],
  ['customers', { ids: [] }, 'filter.ids', /1 to 100/],
  ['customers', { ids: many(101, (index) => index + 1) }, 'filter.ids', /1 to 100/],
  ['customers', { userIds: [] }, 'filter.userIds', /1 to 100/],
  ['customers', { userIds: many(101, (index) => `u-${index}`) }, 'filter.userIds', /1 to 100/],
  ['chats', { anyOf: [] }, 'filter.anyOf', /at least one/],
  ['customers', { anyOf: [] }, 'filter.anyOf', /at least one/],
  ['chats', { anyOf: [{}] }, 'filter.anyOf', /condition in each/],
  ['chats', { anyOf: [{ status: 'NEW' }, {}] }, 'filter.anyOf', /condition in each/],
  ['customers', { anyOf: [{ anyOf: [{}] }] }, 'filter.anyOf', /condition in each/],
  ['chats', { createdAt: {} }, 'filter.createdAt', range],
  ['chats', { closedAt: {} }, 'filter.closedAt', range],
  ['customers', { lastSeen: {} }, 'filter.lastSeen', range],
  [
    'chats',
    { createdAt: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } },
    'filter.createdAt',
    order,
  ],
  [
    'customers',
    { lastSeen: { from: '2026-01-01T00:00:00.001Z', to: '2026-01-01T00:00:00Z' } },
    'filter.lastSeen',
    order,
  ],
  [
    'chats',
    { anyOf: [{ status: 'NEW', rating: 'POOR' }, { departmentId: 3 }] },
    'filter.anyOf',
    flat,
  ],
  [
    'chats',
    {
      anyOf: [
        { createdAt: { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' } },
        { status: 'NEW' },
      ],
    },
    'filter.anyOf',
    flat,
  ],
  [
    'customers',
    { anyOf: [{ name: { equals: 'a', contains: 'b' } }, { ids: ['1'] }] },
    'filter.anyOf',
    flat,
  ],
  ['chats', { status: 'NEW', anyOf: [{ assigneeId: 1 }, { assigneeId: 2 }] }, 'filter', flat],
  [
    'chats',
    { anyOf: [{ status: 'NEW', anyOf: [{ assigneeId: 1 }, { assigneeId: 2 }] }] },
    'filter.anyOf',
    flat,
  ],
  [
    'chats',
    { anyOf: [{ anyOf: [{ status: 'NEW', rating: 'POOR' }] }, { assigneeId: 2 }] },
    'filter.anyOf',
    flat,
  ],
  ['customers', { ids: ['1', '2'], tags: ['vip'] }, 'filter', flat],
  ['customers', { ids: ['1', '2'], userIds: ['a', 'b'] }, 'filter', flat],
  ['customers', { userIds: ['a', 'b'], anyOf: [{ tags: ['vip'] }] }, 'filter', flat],
  [
    'chats',
    { anyOf: many(101, (index) => ({ customerId: index + 1 })) },
    'filter.anyOf',
    /at most 100/,
  ],
  [
    'chats',
    {
      anyOf: [
        { anyOf: many(60, (index) => ({ customerId: index + 1 })) },
        { anyOf: many(60, (index) => ({ customerId: index + 1 })) },
      ],
    },
    'filter.anyOf',
    /at most 100/,
  ],
  [
    'customers',
    { anyOf: [{ ids: many(100, (index) => index + 1) }, { tags: ['vip'] }] },
    'filter.anyOf',
    /at most 100/,
  ],
  ...['assigneeId', 'agentId', 'departmentId', 'customerId'].flatMap((field) =>
    ['', '0', '-1', 'abc', '1.5', '05', '9007199254740993'].map((id): Refused => [
      'chats',
      { [field]: id },
      `filter.${field}`,
      /whole number/,
    ]),
  ),
  ['customers', { ids: ['7001', 'x'] }, 'filter.ids', /whole number/],
];

describe('invalid filters', () => {
  test.each(refused)(
    'a filter with %s is rejected before any upstream call: %j',
    async (...row) => {
      const [kind, filter, argument, why] = row;

      const { data, errors } = await gateway.query(lists[kind], { filter });

      expect(data).toEqual({ [kind]: null });
      expect(errors).toHaveLength(1);
      expect(errors[0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', retryable: false });
      expect(errors[0]!.path).toEqual([kind]);
      expect(errors[0]!.message).toMatch(why);
      expect(errors[0]!.message.startsWith(argument)).toBe(true);
      expect(fake.calls).toEqual([]);
    },
  );

  test.each([
    { status: 'new' },
    { status: 'ARCHIVED' },
    { unknownField: 1 },
    { assigneeId: 1.5 },
    { assigneeId: true },
    { createdAt: { from: 1603885746 } },
    { createdAt: { from: 'yesterday' } },
    { createdAt: { from: '2026-01-15' } },
    { createdAt: { from: '2026-02-30T00:00:00Z' } },
    { createdAt: { from: '2016-12-31T23:59:60Z' } },
    { customerTags: [null] },
    { anyOf: [null] },
    [],
    [{ status: 'NEW' }],
    'all',
  ])(
    'a filter that does not match the schema is rejected before any upstream call: %j',
    async (filter) => {
      const { errors } = await gateway.query(lists.chats, { filter });

      expect(errors.length).toBeGreaterThan(0);
      for (const { extensions } of errors) expect(extensions['code']).toBe('BAD_USER_INPUT');
      expect(fake.calls).toEqual([]);
    },
  );
});

test('every field of both filters is covered by the tests', async () => {
  const { data } = await gateway.query(`{
    chats: __type(name: "ChatFilter") { inputFields { name } }
    customers: __type(name: "CustomerFilter") { inputFields { name } }
  }`);

  const fields = { chats: chatFields, customers: customerFields };
  for (const kind of ['chats', 'customers'] as const) {
    const known: string[] = data[kind].inputFields.map(({ name }: { name: string }) => name);
    const shown = expressible.filter((row) => row.kind === kind);
    const names = new Set(shown.flatMap(({ filter }) => Object.keys(filter)));
    expect([...names].toSorted()).toEqual(known.toSorted());
    expect(fields[kind].toSorted()).toEqual(known.toSorted());
  }
});
