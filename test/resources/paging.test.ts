import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { WireRow } from '../support/rest.ts';
import { rest, restRows } from '../support/rest.ts';

const page = `
  edges { cursor node { id } }
  nodes { id }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  totalCount
`;

const chatPage = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: ChatFilter, $orderBy: ChatOrder) {
  chats(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) { ${page} }
}`;

const customerPage = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: CustomerFilter, $orderBy: CustomerOrder) {
  customers(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) { ${page} }
}`;

const messagePage = `query ($id: ID!, $first: Int, $after: String) {
  chat(id: $id) { messages(first: $first, after: $after) { ${page} } }
}`;

/** The field of an entity, without a call for the entity itself. */
const ownPage = (type: string, field: string) =>
  `query ($reference: _Any!, $first: Int, $after: String${field.includes('$orderBy') ? ', $orderBy: ChatOrder' : ''}) {
    _entities(representations: [$reference]) { ... on ${type} { ${field} { ${page} } } }
  }`;

const chatsOf = (type: string) =>
  ownPage(type, 'chats(first: $first, after: $after, orderBy: $orderBy)');

type Demo = Awaited<ReturnType<typeof startDemo>>;

let demo: Demo;
let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let talkative: WireRow;
let chats: readonly WireRow[];

beforeAll(async () => {
  const clock = createManualClock();
  demo = await startDemo({ customers: 430, chats: 1234, clock, config: { rateLimit: 0 } });
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: fake, config: { rateLimit: 0 } });
  chats = await restRows(demo.simulator, '/chats');
  talkative = chats.at(-1)!;
  await Promise.all(
    Array.from({ length: 130 }, (_, index) => {
      const body = { chat: talkative['id'], text: `Message ${index}`, type: 'message' };
      return rest(demo.simulator, '/messages', { method: 'POST', body });
    }),
  );
  chats = await restRows(demo.simulator, '/chats');
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
});

const idsOf = (rows: readonly WireRow[]): string[] => rows.map(({ id }) => String(id));

type Connection = {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: number;
};

const maxPages = 1500;

/** Walks a list to its end; the pages in the order they were read. */
async function walk(
  read: (position: object) => Promise<Connection>,
  direction: 'forwards' | 'backwards',
  size: number,
): Promise<Connection[]> {
  const pages: Connection[] = [];
  let position: object = direction === 'forwards' ? { first: size } : { last: size };
  for (;;) {
    const next = await read(position);
    pages.push(next);
    const { hasNextPage, hasPreviousPage, startCursor, endCursor } = next.pageInfo;
    if (direction === 'forwards' ? !hasNextPage : !hasPreviousPage) return pages;
    if (pages.length > maxPages) throw new Error('The walk does not end.');
    position =
      direction === 'forwards'
        ? { first: size, after: endCursor }
        : { last: size, before: startCursor };
  }
}

/** What every page of a walk over `total` rows must say of itself. */
function expectPages(pages: readonly Connection[], size: number, total: number) {
  expect(pages).toHaveLength(Math.max(1, Math.ceil(total / size)));
  let seen = 0;
  for (const { edges, nodes, pageInfo, totalCount } of pages) {
    expect(edges.map(({ node }) => node.id)).toEqual(idsOf(nodes));
    expect(pageInfo.startCursor).toBe(edges[0]?.cursor ?? null);
    expect(pageInfo.endCursor).toBe(edges.at(-1)?.cursor ?? null);
    expect(totalCount).toBe(total);
    expect(nodes).toHaveLength(Math.min(size, total - seen));
    seen += nodes.length;
  }
}

const readFrom =
  (ask: Demo['query'], document: string, pick: (data: any) => Connection, fixed: object = {}) =>
  async (position: object): Promise<Connection> => {
    const { data, errors } = await ask(document, { ...fixed, ...position });
    expect(errors).toEqual([]);
    return pick(data);
  };

const flatten = (pages: readonly Connection[]) => pages.flatMap(({ nodes }) => idsOf(nodes));

const chatSorts = {
  CREATED_AT: 'chats.createdAt',
  LAST_MESSAGE_AT: 'chats.lastMessageAt',
  LAST_CUSTOMER_MESSAGE_AT: 'chats.lastCustomerMessageAt',
  CLOSED_AT: 'chats.closedAt',
} as const;

const chatWalks = Object.entries(chatSorts).flatMap(([field, sort], index) => [
  { field, sort, direction: 'DESC', size: [100, 37, 64, 50][index]! },
  { field, sort, direction: 'ASC', size: [41, 100, 99, 77][index]! },
]);

describe('pages of more than a thousand chats', () => {
  test.each(chatWalks)(
    'pages of $size chats by $field $direction contain each chat once, forwards and backwards',
    async ({ field, sort, direction, size }) => {
      const orderBy = { field, direction };
      const expected = idsOf(
        await restRows(demo.simulator, '/chats', { sort, order: direction.toLowerCase() }),
      );
      const read = readFrom(demo.query, chatPage, ({ chats: list }) => list, { orderBy });

      const forwards = await walk(read, 'forwards', size);
      const backwards = await walk(read, 'backwards', size);

      expect(new Set(expected).size).toBe(1234);
      expect(flatten(forwards)).toEqual(expected);
      expect(flatten(backwards.toReversed())).toEqual(expected);
      expectPages(forwards, size, 1234);
      expectPages(backwards, size, 1234);
      expect(forwards.map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual(
        forwards.map((_, index) => index > 0),
      );
      expect(backwards.map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual(
        backwards.map((_, index) => index > 0),
      );
    },
  );

  test('chats without an order are paged newest first, twenty per page', async () => {
    const read = readFrom(demo.query, chatPage, ({ chats: list }) => list);

    const { nodes } = await read({});

    const newest = chats.toSorted((one, other) => other['createdAt'] - one['createdAt']);
    expect(idsOf(nodes)).toEqual(idsOf(newest.slice(0, 20)));
  });

  test.each([
    { filter: { status: 'CLOSED' }, size: 30 },
    {
      filter: { anyOf: [{ status: 'PENDING' }, { status: 'ON_HOLD' }, { status: 'NEW' }] },
      size: 1,
    },
    { filter: { createdAt: { from: '2025-12-15T00:00:00Z' } }, size: 7 },
  ])(
    'pages with the filter $filter have the same rows forwards and backwards',
    async ({ filter, size }) => {
      const read = readFrom(demo.query, chatPage, ({ chats: list }) => list, { filter });
      const wanted = chats.filter(({ status, createdAt }) =>
        'status' in filter
          ? status === 'closed'
          : 'anyOf' in filter
            ? ['pending', 'on hold', 'new'].includes(status)
            : createdAt >= Date.parse('2025-12-15T00:00:00Z') / 1000,
      );

      const forwards = await walk(read, 'forwards', size);
      const backwards = await walk(read, 'backwards', size);

      expect(wanted.length).toBeGreaterThan(10);
      expect(flatten(forwards).toSorted()).toEqual(idsOf(wanted).toSorted());
      expect(flatten(backwards.toReversed())).toEqual(flatten(forwards));
      expectPages(forwards, size, wanted.length);
      expectPages(backwards, size, wanted.length);
    },
  );

  test('the direction of paging can change at any page', async () => {
    const read = readFrom(demo.query, chatPage, ({ chats: list }) => list);
    const first = await read({ first: 10 });
    const second = await read({ first: 10, after: first.pageInfo.endCursor });

    const back = await read({ last: 10, before: second.pageInfo.startCursor });

    expect(back).toEqual({ ...first });
  });

  test('the cursor of any row continues after that row', async () => {
    const read = readFrom(demo.query, chatPage, ({ chats: list }) => list);
    const { edges } = await read({ first: 10 });

    const { nodes } = await read({ first: 3, after: edges[4]!.cursor });

    expect(nodes.slice(0, 3)).toEqual(edges.slice(5, 8).map(({ node }) => node));
  });
});

describe('pages of customers, messages and chats of one owner', () => {
  test.each([
    { field: 'FIRST_SEEN', sort: 'customers.firstSeen', direction: 'DESC', size: 100 },
    { field: 'FIRST_SEEN', sort: 'customers.firstSeen', direction: 'ASC', size: 43 },
    { field: 'LAST_SEEN', sort: 'customers.lastSeen', direction: 'DESC', size: 29 },
    { field: 'LAST_SEEN', sort: 'customers.lastSeen', direction: 'ASC', size: 86 },
  ])(
    'pages by $field $direction contain each customer once',
    async ({ field, sort, direction, size }) => {
      const order = { sort, order: direction.toLowerCase() };
      const expected = idsOf(await restRows(demo.simulator, '/customers', order));
      const fixed = { orderBy: { field, direction } };
      const read = readFrom(demo.query, customerPage, ({ customers }) => customers, fixed);

      const forwards = await walk(read, 'forwards', size);
      const backwards = await walk(read, 'backwards', size);

      expect(expected).toHaveLength(430);
      expect(flatten(forwards)).toEqual(expected);
      expect(flatten(backwards.toReversed())).toEqual(expected);
      expectPages(forwards, size, 430);
      expectPages(backwards, size, 430);
    },
  );

  test('pages contain each message once, newest first', async () => {
    const id = String(talkative['id']);
    const path = `/chats/${id}/messages`;
    const expected = idsOf(await restRows(demo.simulator, path));
    const read = readFrom(demo.query, messagePage, ({ chat }) => chat.messages, { id });

    const byTen = await walk(read, 'forwards', 10);
    const byHundred = await walk(read, 'forwards', 100);

    expect(expected.length).toBeGreaterThan(130);
    expect(flatten(byTen)).toEqual(expected);
    expect(flatten(byHundred)).toEqual(expected);
    expectPages(byTen, 10, expected.length);
    expectPages(byHundred, 100, expected.length);
  });

  test.each([
    { type: 'Customer', embedded: 'customer' },
    { type: 'Agent', embedded: 'assignee' },
    { type: 'Department', embedded: 'department' },
  ])('pages contain each chat of one $type once', async ({ type, embedded }) => {
    const owner = (row: WireRow) => row[embedded]?.id as number | undefined;
    const ids = chats.flatMap((row) => owner(row) ?? []);
    const ownOf = (id: number) => chats.filter((row) => owner(row) === id);
    const id = ids.reduce((most, next) => (ownOf(next).length > ownOf(most).length ? next : most));
    const own = ownOf(id);
    const reference = { __typename: type, id };
    const pick = (data: any): Connection => data._entities[0].chats;
    const read = readFrom(demo.query, chatsOf(type), pick, { reference });

    const pages = await walk(read, 'forwards', 3);

    expect(own.length).toBeGreaterThan(6);
    expect(flatten(pages).toSorted()).toEqual(idsOf(own).toSorted());
    expectPages(pages, 3, own.length);
  });
});

describe('invalid pages', () => {
  test.each([
    ['first', { first: 0 }],
    ['first', { first: 101 }],
    ['first', { first: -1 }],
    ['first', { first: 2147483647 }],
    ['last', { last: 0 }],
    ['last', { last: 101 }],
    ['last', { last: -1 }],
    ['last', { first: 1, last: 1 }],
    ['last', { first: 20, last: 101 }],
    ['after', { after: '' }],
    ['after', { after: 'garbage' }],
    ['after', { after: '10' }],
    ['after', { after: Buffer.from('0').toString('base64url') }],
    ['after', { after: Buffer.from(':5').toString('base64url') }],
    ['after', { after: '💬'.repeat(50) }],
    ['after', { after: 'A'.repeat(5000) }],
    ['before', { before: '' }],
    ['before', { before: 'garbage' }],
    ['before', { before: 'null', last: 5 }],
  ])(
    'a page with an invalid %s is rejected before any upstream call: %j',
    async (argument, position) => {
      const list = await gateway.query(chatPage, position);
      const customers = await gateway.query(customerPage, position);

      expect(list.data).toEqual({ chats: null });
      expect(customers.data).toEqual({ customers: null });
      for (const { errors } of [list, customers]) {
        expect(errors).toHaveLength(1);
        expect(errors[0]!.extensions['code']).toBe('BAD_USER_INPUT');
        expect(errors[0]!.message).toMatch(new RegExp(`^${argument}: `));
      }
      expect(fake.calls).toEqual([]);
    },
  );

  test.each([
    ['Customer', 'chats(first: $first, after: $after, orderBy: $orderBy)'],
    ['Agent', 'chats(first: $first, after: $after, orderBy: $orderBy)'],
    ['Department', 'chats(first: $first, after: $after, orderBy: $orderBy)'],
    ['Chat', 'messages(first: $first, after: $after)'],
  ])('an invalid page inside %s is rejected before any upstream call', async (type, field) => {
    const document = ownPage(type, field);

    for (const position of [{ first: 0 }, { first: 101 }, { first: -1 }, { after: 'garbage' }]) {
      const reference = { __typename: type, id: '7001' };
      const { errors } = await gateway.query(document, { reference, ...position });

      expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['BAD_USER_INPUT']);
    }
    expect(fake.calls).toEqual([]);
  });

  test('the cursor of another list, filter, order or owner is rejected', async () => {
    const read = (document: string, pick: (data: any) => Connection) => async (fixed: object) =>
      (await readFrom(demo.query, document, pick, fixed)({ first: 2 })).pageInfo.endCursor;
    const own = (type: string) => ({
      document: chatsOf(type),
      cursor: read(chatsOf(type), (data) => data._entities[0].chats),
    });
    const [ofCustomer, ofAgent] = [own('Customer'), own('Agent')];
    const chatList = { document: chatPage, cursor: read(chatPage, (data) => data.chats) };
    const customerList = {
      document: customerPage,
      cursor: read(customerPage, (data) => data.customers),
    };
    const messages = {
      document: ownPage('Chat', 'messages(first: $first, after: $after)'),
      cursor: read(messagePage, (data) => data.chat.messages),
    };
    const byClosing = { orderBy: { field: 'CLOSED_AT', direction: 'DESC' } };
    const ascending = { orderBy: { field: 'CREATED_AT', direction: 'ASC' } };
    const closed = { filter: { status: 'CLOSED' } };
    const busy = chats.find(({ assignee }) => assignee !== null)!;
    const talker = { reference: { __typename: 'Customer', id: busy['customer'].id } };
    const other = { reference: { __typename: 'Customer', id: 7003 } };
    const agent = { reference: { __typename: 'Agent', id: busy['assignee'].id } };
    const samePlace = { reference: { __typename: 'Customer', id: busy['assignee'].id } };
    const chat = { reference: { __typename: 'Chat', id: talkative['id'] } };
    const otherChat = { reference: { __typename: 'Chat', id: 5001 } };
    const mixtures: readonly (readonly [Promise<string | null>, string, object])[] = [
      [customerList.cursor({}), chatPage, {}],
      [chatList.cursor({}), customerPage, {}],
      [chatList.cursor({}), chatPage, closed],
      [chatList.cursor(closed), chatPage, {}],
      [chatList.cursor(closed), chatPage, { filter: { statusNot: 'CLOSED' } }],
      [chatList.cursor({}), chatPage, byClosing],
      [chatList.cursor({}), chatPage, ascending],
      [customerList.cursor({}), customerPage, { filter: { tags: ['vip'] } }],
      [
        customerList.cursor({}),
        customerPage,
        { orderBy: { field: 'FIRST_SEEN', direction: 'ASC' } },
      ],
      [ofCustomer.cursor(talker), ofCustomer.document, other],
      [ofCustomer.cursor(talker), ofCustomer.document, { ...talker, ...byClosing }],
      [ofAgent.cursor(agent), ofCustomer.document, samePlace],
      [ofCustomer.cursor(talker), chatPage, { filter: { customerId: busy['customer'].id } }],
      [chatList.cursor({}), ofCustomer.document, talker],
      [messages.cursor({ id: talkative['id'] }), messages.document, otherChat],
      [chatList.cursor({}), messages.document, chat],
    ];

    const cursors = await Promise.all(mixtures.map(([cursor]) => cursor));

    for (const [index, [, document, variables]] of mixtures.entries()) {
      const cursor = cursors[index];
      expect(cursor).toEqual(expect.any(String));
      const before = demo.simulator.calls.length;

      const { errors } = await demo.query(document, { ...variables, after: cursor });

      expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['BAD_USER_INPUT']);
      expect(errors[0]!.message).toMatch(/^after: .*same filter and order/);
      expect(demo.simulator.calls).toHaveLength(before);
    }
  });

  test('a cursor is accepted with the same filter and order in any notation', async () => {
    const read = readFrom(demo.query, chatPage, ({ chats: list }) => list);
    const { pageInfo } = await read({ first: 5 });
    const after = pageInfo.endCursor;
    const expected = await read({ first: 5, after });

    const withEmptyFilter = await read({ first: 5, after, filter: {} });
    const withOrder = await read({
      first: 5,
      after,
      orderBy: { field: 'CREATED_AT', direction: 'DESC' },
    });
    const withNulls = await read({ first: 5, after, last: null, before: null, orderBy: null });

    expect([withEmptyFilter, withOrder, withNulls]).toEqual([expected, expected, expected]);
  });
});

describe('pages between two cursors', () => {
  const total = 1234;

  const cursors = async () => {
    const read = readFrom(demo.query, chatPage, ({ chats: list }) => list);
    const { edges } = await read({ first: 30 });
    return { read, edges, at: (place: number) => edges[place]!.cursor };
  };

  test('a page between two cursors contains the rows between them, from the start or from the end', async () => {
    const { read, edges, at } = await cursors();
    const idsAt = (from: number, to: number) => edges.slice(from, to).map(({ node }) => node.id);

    const all = await read({ after: at(4), before: at(11) });
    const start = await read({ after: at(4), before: at(11), first: 3 });
    const end = await read({ after: at(4), before: at(11), last: 3 });
    const more = await read({ after: at(4), before: at(11), last: 50 });
    const head = await read({ before: at(3) });
    const upTo = await read({ before: at(3), first: 2 });

    expect(flatten([all])).toEqual(idsAt(5, 11));
    expect(flatten([start])).toEqual(idsAt(5, 8));
    expect(flatten([end])).toEqual(idsAt(8, 11));
    expect(flatten([more])).toEqual(idsAt(5, 11));
    expect(flatten([head])).toEqual(idsAt(0, 3));
    expect(flatten([upTo])).toEqual(idsAt(0, 2));
    for (const { pageInfo, totalCount } of [all, start, end, more, head, upTo]) {
      expect(pageInfo.hasNextPage).toBe(true);
      expect(totalCount).toBe(total);
    }
    expect([all, start, end, more].map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([head, upTo].map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual([false, false]);
  });

  test('a page between two adjacent cursors is empty', async () => {
    const { read, at } = await cursors();
    const parts = [
      { after: at(4), before: at(5) },
      { after: at(4), before: at(4) },
      { after: at(9), before: at(2) },
      { after: at(9), before: at(2), last: 4 },
      { before: at(0) },
      { before: at(0), last: 7 },
    ];

    for (const part of parts) {
      const { edges, nodes, pageInfo, totalCount } = await read(part);

      expect([edges, nodes]).toEqual([[], []]);
      expect(pageInfo).toMatchObject({ startCursor: null, endCursor: null, hasNextPage: true });
      expect(totalCount).toBe(total);
    }
  });

  test('the last rows after a cursor can be read', async () => {
    const { read, at } = await cursors();
    const whole = await walk(read, 'forwards', 100);

    const end = await read({ after: at(20), last: 4 });

    expect(flatten([end])).toEqual(flatten(whole).slice(-4));
    expect(end.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  test('a page after the last row is empty', async () => {
    const read = readFrom(demo.query, chatPage, ({ chats: list }) => list);
    const end = await read({ last: 1 });

    const forwards = await read({ first: 5, after: end.pageInfo.endCursor });
    const backwards = await read({ last: 5, after: end.pageInfo.endCursor });

    for (const { nodes, pageInfo, totalCount } of [forwards, backwards]) {
      expect(nodes).toEqual([]);
      expect(pageInfo).toMatchObject({ hasNextPage: false, startCursor: null, endCursor: null });
      expect(totalCount).toBe(total);
    }
  });
});

describe('empty lists', () => {
  const noMatch = { filter: { createdAt: { to: '2001-01-01T00:00:00Z' } } };

  test.each([{}, { first: 5 }, { last: 5 }])(
    'an empty list has no edges, no cursors and no further pages: %j',
    async (part) => {
      const list = await demo.query(chatPage, { ...noMatch, ...part });
      const customers = await demo.query(customerPage, {
        filter: { name: { equals: 'No such customer' } },
        ...part,
      });

      const nothing = {
        edges: [],
        nodes: [],
        pageInfo: {
          hasNextPage: false,
          hasPreviousPage: false,
          startCursor: null,
          endCursor: null,
        },
        totalCount: 0,
      };
      expect(list.data).toEqual({ chats: nothing });
      expect(customers.data).toEqual({ customers: nothing });
    },
  );

  test('the chats of an agent without chats are an empty list', async () => {
    const { data } = await demo.query(chatsOf('Agent'), {
      reference: { __typename: 'Agent', id: '999999' },
    });

    expect(data._entities[0].chats).toMatchObject({ nodes: [], totalCount: 0 });
  });
});

/** An upstream with `count` chats that pages like HelpCrunch. */
function holdChats(count: number, change: (answer: any, range: any) => unknown = (body) => body) {
  const rows = Array.from({ length: count }, (_, index) => wireChat({ id: index + 1 }));
  const pageOf = (offset: number, limit: number) => {
    const data = rows.slice(offset, offset + limit);
    return { body: change({ data, meta: { total: count } }, { rows, offset, limit }) };
  };
  fake.respond('GET /chats', ({ query }) =>
    pageOf(Number(query.get('offset')), Number(query.get('limit'))),
  );
  // All chats were created in the same second: the search from there on finds all of them.
  fake.respond('POST /chats/search', ({ body }) => pageOf(body.offset, body.limit));
}

const ranges = () =>
  fake
    .callsTo('GET /chats')
    .map(({ query }) => [query.get('offset'), query.get('limit')].map(Number));

describe('calls per page', () => {
  test('totalCount alone costs one call for one row', async () => {
    holdChats(77);
    fake.respond('POST /chats/search', { body: { data: [wireChat()], meta: { total: 9 } } });
    fake.respond('GET /customers', { body: { data: [{ id: 1 }], total: 12 } });
    fake.respond('GET /chats/5/messages', { body: { data: [{ id: 1 }], total: 30 } });

    const { data } = await gateway.query(`{
      chats(first: 50) { totalCount }
      closed: chats(last: 5, filter: { status: CLOSED }) { totalCount __typename }
      customers { ... on CustomerConnection { totalCount } }
      _entities(representations: [{ __typename: "Chat", id: "5" }, { __typename: "Agent", id: "6" }]) {
        ... on Chat { messages(first: 100) { total: totalCount } }
        ... on Agent { chats(first: 3) { totalCount } }
      }
    }`);

    expect(data).toEqual({
      chats: { totalCount: 77 },
      closed: { totalCount: 9, __typename: 'ChatConnection' },
      customers: { totalCount: 12 },
      _entities: [{ messages: { total: 30 } }, { chats: { totalCount: 9 } }],
    });
    const limits = fake.calls.map(({ query, body }) => [
      query.get('offset') ?? String(body.offset),
      query.get('limit') ?? String(body.limit),
    ]);
    expect(limits).toEqual(Array.from({ length: 5 }, () => ['0', '1']));
  });

  test('a list without selected fields costs no call', async () => {
    const { data } = await gateway.query(
      '{ chats { __typename } customers { nodes @include(if: false) { id } __typename } }',
    );

    expect(data).toEqual({
      chats: { __typename: 'ChatConnection' },
      customers: { __typename: 'CustomerConnection' },
    });
    expect(fake.calls).toEqual([]);
  });

  test.each([
    { count: 0, expected: [[0, 100]] },
    { count: 5, expected: [[0, 100]] },
    { count: 99, expected: [[0, 100]] },
    { count: 100, expected: [[0, 100]] },
    {
      count: 101,
      expected: [
        [0, 100],
        [91, 10],
      ],
    },
    {
      count: 1000,
      expected: [
        [0, 100],
        [990, 10],
      ],
    },
  ])('the last rows of $count cost $expected.length calls', async ({ count, expected }) => {
    holdChats(count);

    const { data } = await gateway.query(chatPage, { last: 10 });

    const ids = Array.from({ length: count }, (_, index) => String(index + 1));
    expect(idsOf(data.chats.nodes)).toEqual(ids.slice(-10));
    expect(data.chats.pageInfo).toMatchObject({
      hasNextPage: false,
      hasPreviousPage: count > 10,
    });
    expect(ranges()).toEqual(expected);
  });

  test('rows before a cursor cost one call, with the rows around them', async () => {
    holdChats(1000);
    const { data } = await gateway.query(chatPage, { first: 50 });
    fake.clearCalls();

    const part = await gateway.query(chatPage, { last: 10, before: data.chats.edges[30].cursor });

    expect(idsOf(part.data.chats.nodes)).toEqual(idsOf(data.chats.nodes).slice(20, 30));
    expect(ranges()).toEqual([[10, 30]]);
  });

  test('rows, totalCount and pageInfo together cost one call', async () => {
    holdChats(30);

    await gateway.query(chatPage, { first: 7 });

    expect(ranges()).toEqual([[0, 7]]);
  });
});

describe('incorrect totals of HelpCrunch', () => {
  const readAll = (direction: 'forwards' | 'backwards', size: number) =>
    walk(
      readFrom(gateway.query, chatPage.replace('totalCount', ''), ({ chats: list }) => list),
      direction,
      size,
    );
  const ids = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1));

  test.each([0, 19, 20, 40, 47])(
    'a list of %i rows without a total is paged to its end',
    async (count) => {
      holdChats(count, ({ data }) => ({ data }));

      const pages = await readAll('forwards', 20);

      expect(flatten(pages)).toEqual(ids(count));
    },
  );

  test.each([7, 100, 130, 260])(
    'the last rows of a list of %i rows without a total are never others',
    async (count) => {
      holdChats(count, ({ data }) => ({ data }));

      const { data, errors } = await gateway.query(
        '{ chats(last: 5) { nodes { id } pageInfo { hasNextPage } } }',
      );

      const isRefused = errors[0]?.extensions['code'] === 'UPSTREAM_INVALID_RESPONSE';
      const given = isRefused ? ids(count).slice(-5) : idsOf(data.chats.nodes);
      expect(given).toEqual(ids(count).slice(-5));
    },
  );

  test('reading the last rows fails after two calls if HelpCrunch ignores the offset and sends no total', async () => {
    fake.clearCalls();
    fake.respond('GET /chats', {
      body: { data: Array.from({ length: 100 }, (_, id) => wireChat({ id: id + 1 })) },
    });

    const { errors } = await gateway.query('{ chats(last: 5) { nodes { id } } }');

    expect(errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
    expect(fake.calls).toHaveLength(2);
  });

  test('a list without an end fails', async () => {
    fake.clearCalls();
    fake.respond('GET /chats', ({ query }) => {
      const first = Number(query.get('offset'));
      return {
        body: { data: Array.from({ length: 100 }, (_, id) => wireChat({ id: first + id })) },
      };
    });

    const { errors } = await gateway.query('{ chats(last: 5) { nodes { id } } }');

    expect(errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
    expect(fake.calls).toHaveLength(25);
  });

  test('all agents are returned once if HelpCrunch ignores the offset and sends no total', async () => {
    fake.clearCalls();
    fake.respond('GET /agents', {
      body: { data: Array.from({ length: 100 }, (_, id) => ({ id: id + 1 })) },
    });

    const { data } = await gateway.query('{ agents { id } }');

    expect(idsOf(data.agents)).toEqual(ids(100));
    expect(fake.calls).toHaveLength(2);
  });

  test('a list of agents without an end fails', async () => {
    fake.clearCalls();
    fake.respond('GET /agents', ({ query }) => {
      const first = Number(query.get('offset'));
      return { body: { data: Array.from({ length: 100 }, (_, id) => ({ id: first + id + 1 })) } };
    });

    const { errors } = await gateway.query('{ agents { id } }');

    expect(errors[0]?.extensions['code']).toBe('UPSTREAM_INVALID_RESPONSE');
    expect(fake.calls).toHaveLength(100);
  });

  test('a page that is not full determines the total', async () => {
    holdChats(7, ({ data }) => ({ data }));

    const { data } = await gateway.query(chatPage, { first: 20 });

    expect(data.chats).toMatchObject({ totalCount: 7, pageInfo: { hasNextPage: false } });
  });

  test('totalCount of a full page without a total fails', async () => {
    holdChats(50, ({ data }) => ({ data }));

    const { data, errors } = await gateway.query(
      '{ chats(first: 20) { totalCount } viewer { role } }',
    );

    expect(data).toEqual({ chats: { totalCount: null }, viewer: { role: 'ALL' } });
    expect(errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['chats', 'totalCount'], 'UPSTREAM_INVALID_RESPONSE'],
    ]);
  });

  test('an empty page without a total has no cursors', async () => {
    holdChats(50, ({ data }) => ({ data }));
    const read = readFrom(gateway.query, chatPage.replace('totalCount', ''), (data) => data.chats);
    const { edges } = await read({ first: 20 });

    const { nodes, pageInfo } = await read({ after: edges[9]!.cursor, before: edges[3]!.cursor });

    expect(nodes).toEqual([]);
    expect(pageInfo).toMatchObject({ endCursor: null, startCursor: null });
  });

  test.each([null, '', 'many', -1, 1.5])('the total %j is treated as missing', async (total) => {
    holdChats(50, ({ data }) => ({ data, meta: { total } }));

    const pages = await readAll('forwards', 20);

    expect(flatten(pages)).toEqual(ids(50));
  });

  test.each([[], null])('a list with the meta %j is paged to its end', async (meta) => {
    holdChats(50, ({ data }) => ({ data, meta }));

    const pages = await readAll('forwards', 20);

    expect(flatten(pages)).toEqual(ids(50));
  });

  test('a total as text or beside the data is accepted', async () => {
    holdChats(30, ({ data }) => ({ data, meta: { total: '30' } }));
    const asText = await gateway.query(chatPage, { first: 10 });
    holdChats(30, ({ data }) => ({ data, total: 30 }));
    const beside = await gateway.query(chatPage, { first: 10 });

    expect(asText.data.chats.totalCount).toBe(30);
    expect(beside.data).toEqual(asText.data);
  });

  test('rows beyond the requested limit are returned by the next page', async () => {
    holdChats(50, ({ meta }, { rows, offset }) => ({ data: rows.slice(offset), meta }));

    const forwards = await readAll('forwards', 20);
    const backwards = await readAll('backwards', 20);

    expect(forwards.map(({ nodes }) => nodes.length)).toEqual([20, 20, 10]);
    expect(flatten(forwards)).toEqual(ids(50));
    expect(flatten(backwards.toReversed())).toEqual(ids(50));
  });

  test('a list with a total above its rows is paged forwards to its end', async () => {
    holdChats(50, ({ data }) => ({ data, meta: { total: 300 } }));

    const pages = await readAll('forwards', 20);

    expect(flatten(pages)).toEqual(ids(50));
  });

  test('a list with a total above its rows ends when paged backwards', async () => {
    holdChats(150, ({ data }) => ({ data, meta: { total: 300 } }));

    const { data } = await gateway.query(chatPage, { last: 20 });

    const { hasPreviousPage, startCursor } = data.chats.pageInfo;
    expect({ hasPreviousPage, startCursor }).not.toEqual({
      hasPreviousPage: true,
      startCursor: null,
    });
  });
});
