import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { SimulatorCall } from '../../src/simulator/simulator.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { WireRow } from '../support/rest.ts';
import { restRows } from '../support/rest.ts';

type Demo = Awaited<ReturnType<typeof startDemo>>;

/** An account with few chats per customer. */
let quiet: Demo;
/** An account with many chats per customer: a page of a hundred never contains the chats of twenty customers. */
let busy: Demo;
let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let quietChats: readonly WireRow[];
let quietCustomers: readonly WireRow[];

const newestChats = { sort: 'chats.createdAt', order: 'desc' };
const newestCustomers = { sort: 'customers.firstSeen', order: 'desc' };

beforeAll(async () => {
  const clock = createManualClock();
  const config = { rateLimit: 0 };
  quiet = await startDemo({ customers: 300, chats: 220, clock, config });
  busy = await startDemo({ customers: 40, chats: 1500, clock, config });
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: fake, config });
  quietChats = await restRows(quiet.simulator, '/chats', newestChats);
  quietCustomers = await restRows(quiet.simulator, '/customers', newestCustomers);
});

afterAll(async () => {
  await quiet[Symbol.asyncDispose]();
  await busy[Symbol.asyncDispose]();
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
});

const line = ({ method, path }: Pick<SimulatorCall, 'method' | 'path'>) => `${method} ${path}`;

/** The answer, and what it took. */
async function ask(demo: Demo, document: string, variables: Record<string, unknown> = {}) {
  const before = demo.simulator.calls.length;
  const { data, errors, extensions } = await demo.query(document, variables);
  const calls = demo.simulator.calls.slice(before);
  expect(errors).toEqual([]);
  expect(extensions.upstream.calls).toBe(calls.length);
  return { data, calls, lines: calls.map(line) };
}

const nodeId = (type: string, id: string | number) =>
  Buffer.from(`${type}:${id}`).toString('base64url');

const agentFields = 'nodeId id name email role';
const carried = `
  nodeId id status closedBy closedAt rating createdAt createdWith lastMessageAt lastCustomerMessageAt
  lastMessageText lastMessageId lastCommunicatedAgentId snoozedUntil applicationId application { id }
  readByAgent readByCustomer agents { ${agentFields} } assignee { ${agentFields} }
  customer { nodeId id name email userId } department { nodeId id name }
`;

const listOf50 = 'GET /chats?sort=chats.createdAt&order=desc&offset=0&limit=50';
const allDepartments = 'GET /departments?offset=0&limit=100';
const allAgents = 'GET /agents?offset=0&limit=100';

const anyId = (field: string, ids: readonly (number | string)[]) =>
  ids.map((value) => ({ field, operator: '=', value }));

const unique = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];

describe('operations that cost one call', () => {
  test('a chat with all its embedded fields costs one call', async () => {
    const { lines } = await ask(quiet, `{ chat(id: 5007) { ${carried} } }`);

    expect(lines).toEqual(['GET /chats/5007']);
  });

  test('markChatRead with all embedded fields costs one call', async () => {
    const { calls } = await ask(
      quiet,
      `mutation { markChatRead(id: 5007, by: CUSTOMER, read: true) { ${carried} } }`,
    );

    expect(calls).toEqual([
      {
        method: 'PUT',
        path: '/chats/readByCustomer',
        body: { id: 5007, read: true },
        status: 200,
      },
    ]);
  });

  test('fifty chats with all their embedded fields cost one call', async () => {
    const { data, lines } = await ask(quiet, `{ chats(first: 50) { nodes { ${carried} } } }`);

    expect(data.chats.nodes).toHaveLength(50);
    expect(lines).toEqual([listOf50]);
  });

  test('lastCommunicatedAgent is embedded in the chat and costs no additional call', async () => {
    const { data, lines } = await ask(
      quiet,
      '{ chats(first: 50) { nodes { lastCommunicatedAgent { name email role } } } }',
    );

    expect(data.chats.nodes.filter((chat: any) => chat.lastCommunicatedAgent)).not.toEqual([]);
    expect(lines).toEqual([listOf50]);
  });

  test.each([
    ['by id', 'id', 'customers.id', ({ id }: WireRow) => id],
    ['by userId', 'userId', 'customers.userId', ({ userId }: WireRow) => userId],
  ] as const)(
    'a hundred references to customers cost one call: %s',
    async (_how, key, field, keyOf) => {
      const wanted = quietCustomers.filter(({ userId }) => userId !== null).slice(0, 100);
      const representations = wanted.map((row) => ({
        __typename: 'Customer',
        [key]: key === 'id' ? String(keyOf(row)) : keyOf(row),
      }));

      const { data, calls } = await ask(
        quiet,
        'query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Customer { id phone } } }',
        { representations },
      );

      expect(data._entities).toEqual(wanted.map(({ id, phone }) => ({ id: String(id), phone })));
      expect(calls).toEqual([
        {
          method: 'POST',
          path: '/customers/search',
          body: {
            comparison: 'OR',
            filter: anyId(field, wanted.map(keyOf)),
            offset: 0,
            limit: 100,
          },
          status: 200,
        },
      ]);
    },
  );

  test.each([
    ['Agent', 'name', allAgents, [2, 11, 12, 13, 49, 777777]],
    ['Department', 'name agents { email }', allDepartments, [3, 4, 5, 6, 7, 8, 777777]],
    ['ChatApplication', 'displayName', 'GET /applications', [1, 2, 3, 4, 5, 777777]],
  ])('any number of references of type %s costs one call', async (type, fields, expected, ids) => {
    const { data, lines } = await ask(
      quiet,
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on ${type} { id ${fields} } }
      }`,
      { representations: ids.map((id) => ({ __typename: type, id: String(id) })) },
    );

    expect(data._entities.map((entity: any) => entity?.id ?? null)).toEqual(
      ids.map((id) => (id === 777777 ? null : String(id))),
    );
    expect(lines).toEqual([expected]);
  });
});

describe('a hundred references of five types', () => {
  const chatIds = [5001, 5002, 5003, 5004];
  const others: readonly (readonly [string, string, readonly (number | string)[]])[] = [
    ['Customer', 'id', Array.from({ length: 40 }, (_, index) => 7001 + index)],
    ['Agent', 'id', [2, 11, 12, 13, 777777]],
    ['Department', 'id', [3, 4, 5, 777777]],
    ['ChatApplication', 'id', [1, 2, 777777]],
  ];

  test('mixed references cost one call for each type, and one for each chat', async () => {
    const some = [
      ...chatIds.map((id) => ({ __typename: 'Chat', id: String(id) })),
      ...others.flatMap(([type, key, ids]) =>
        ids.map((id) => ({ __typename: type, [key]: String(id) })),
      ),
    ];
    const shuffled = Array.from({ length: 100 }, (_, index) => some[(index * 11) % some.length]!);

    const { data, lines } = await ask(
      quiet,
      `query ($references: [_Any!]!) { _entities(representations: $references) {
        __typename
        ... on Chat { id status } ... on Customer { id company } ... on Agent { id name }
        ... on Department { id title: name } ... on ChatApplication { id displayName }
      } }`,
      { references: shuffled },
    );

    expect(data._entities.map((found: any) => found && [found.__typename, found.id])).toEqual(
      shuffled.map(({ __typename: type, id }: any) => (id === '777777' ? null : [type, id])),
    );
    expect(lines.toSorted()).toEqual(
      [
        ...chatIds.map((id) => `GET /chats/${id}`),
        'POST /customers/search',
        allAgents,
        allDepartments,
        'GET /applications',
      ].toSorted(),
    );
  });

  test('each of a hundred mixed references fails alone', async () => {
    fake.respond('GET /chats/1', { status: 503 });
    fake.respond('GET /chats/2', { body: wireChat({ id: 2 }) });
    fake.respond('POST /customers/search', { status: 403, body: { errors: [] } });
    fake.respond('GET /departments', {
      body: { data: [{ id: 3, name: 'Sales', agents: [] }], total: 1 },
    });

    const { data, errors } = await gateway.query(
      `query ($references: [_Any!]!) { _entities(representations: $references) {
        ... on Chat { id status } ... on Customer { id company } ... on Department { name }
      } }`,
      {
        references: [
          { __typename: 'Chat', id: '1' },
          { __typename: 'Customer', id: '7' },
          { __typename: 'Chat', id: '2' },
          { __typename: 'Customer', id: '8' },
          { __typename: 'Department', id: '3' },
          { __typename: 'Ticket', id: '3' },
        ],
      },
    );

    expect(data._entities).toEqual([
      null,
      { id: '7', company: null },
      { id: '2', status: 'OPENED' },
      { id: '8', company: null },
      { name: 'Sales' },
      null,
    ]);
    expect(
      errors.map(({ path, extensions }) => [path!.join('.'), extensions['code']]).toSorted(),
    ).toEqual([
      ['_entities.0.status', 'UPSTREAM_UNAVAILABLE'],
      ['_entities.1.company', 'UPSTREAM_FORBIDDEN'],
      ['_entities.3.company', 'UPSTREAM_FORBIDDEN'],
      ['_entities.5', 'BAD_USER_INPUT'],
    ]);
  });
});

describe('operations that cost two calls', () => {
  test('fifty chats with further fields of their customers cost two calls', async () => {
    const chats = quietChats.slice(0, 50);
    const ids = unique(chats.map(({ customer }) => customer.id as number));

    const { data, lines, calls } = await ask(
      quiet,
      '{ chats(first: 50) { nodes { customer { phone company tags { name } } } } }',
    );

    expect(data.chats.nodes).toEqual(
      chats.map(({ customer }) => {
        const { phone, company, tags } = quietCustomers.find(({ id }) => id === customer.id)!;
        return {
          customer: { phone, company, tags: tags.map(({ name }: WireRow) => ({ name })) },
        };
      }),
    );
    expect(lines).toEqual([listOf50, 'POST /customers/search']);
    expect(calls[1]!.body).toEqual({
      comparison: 'OR',
      filter: anyId('customers.id', ids),
      offset: 0,
      limit: 100,
    });
  });

  test('fifty chats with the agents of their departments cost two calls', async () => {
    const { data, lines } = await ask(
      quiet,
      '{ chats(first: 50) { nodes { department { agents { name } } } } }',
    );

    expect(data.chats.nodes.filter((chat: any) => chat.department?.agents.length > 0)).not.toEqual(
      [],
    );
    expect(lines).toEqual([listOf50, allDepartments]);
  });

  test('twenty customers with their newest chats cost two calls', async () => {
    const customers = quietCustomers.slice(0, 20);
    const ids = customers.map(({ id }) => id as number);

    const { data, lines, calls } = await ask(
      quiet,
      '{ customers { nodes { chats(first: 5) { nodes { id status } } } } }',
    );

    expect(data.customers.nodes).toEqual(
      ids.map((id) => ({
        chats: {
          nodes: quietChats
            .filter(({ customer }) => customer.id === id)
            .slice(0, 5)
            .map((chat) => ({
              id: String(chat['id']),
              status: chat['status'].toUpperCase().replaceAll(' ', '_'),
            })),
        },
      })),
    );
    expect(lines).toEqual([
      'GET /customers?sort=customers.firstSeen&order=desc&offset=0&limit=20',
      'POST /chats/search',
    ]);
    expect(calls[1]!.body).toEqual({
      comparison: 'OR',
      filter: anyId('chats.customer', ids),
      sort: 'chats.createdAt',
      order: 'desc',
      offset: 0,
      limit: 100,
    });
  });

  test('twenty customers with counts and page information of their chats cost two calls if one page contains all chats', async () => {
    const { data, lines } = await ask(
      quiet,
      '{ customers(first: 20) { nodes { id chats(first: 1) { totalCount pageInfo { hasNextPage } } } } }',
    );

    for (const { id, chats } of data.customers.nodes) {
      const count = quietChats.filter(({ customer }) => String(customer.id) === id).length;
      expect(chats).toEqual({ totalCount: count, pageInfo: { hasNextPage: count > 1 } });
    }
    expect(lines).toHaveLength(2);
  });
});

const owners = [
  {
    owners: 'customers',
    list: 'customers(first: 20) { nodes { id name OWN } }',
    pick: (data: any) => data.customers.nodes,
    embedded: 'customer',
    field: 'chats.customer',
  },
  {
    owners: 'agents',
    list: 'agents { id OWN }',
    pick: (data: any) => data.agents,
    embedded: 'assignee',
    field: 'chats.assignee',
  },
  {
    owners: 'departments',
    list: 'departments { id OWN }',
    pick: (data: any) => data.departments,
    embedded: 'department',
    field: 'chats.department',
  },
] as const;

const parts = [
  { own: 'chats(first: 5) { nodes { id } }', needs: 5 },
  { own: 'chats(first: 5) { nodes { id } pageInfo { hasNextPage } }', needs: 6 },
  { own: 'chats(first: 1) { nodes { id } pageInfo { hasNextPage } totalCount }', needs: Infinity },
  { own: 'chats(first: 40) { nodes { id } totalCount }', needs: Infinity },
  { own: 'chats { totalCount }', needs: Infinity },
  {
    own: 'chats(first: 3, orderBy: { field: LAST_MESSAGE_AT, direction: ASC }) { nodes { id } pageInfo { hasNextPage } }',
    needs: 4,
    sort: { sort: 'chats.lastMessageAt', order: 'asc' },
  },
];

const sizes: Readonly<Record<string, number>> = {
  'first: 5': 5,
  'first: 1)': 1,
  'first: 40': 40,
  'first: 3': 3,
};

const sizeOf = (own: string): number =>
  Object.entries(sizes).find(([text]) => own.includes(text))?.[1] ?? 20;

describe('chats of many owners beyond one page', () => {
  test.each(owners.flatMap((owner) => parts.map((part) => ({ ...owner, ...part }))))(
    'the chats of $owners are complete and cost the fewest calls: $own',
    async ({ list, pick, embedded, field, own, needs, sort = newestChats }) => {
      const chats = await restRows(busy.simulator, '/chats', sort);

      const { data, calls } = await ask(busy, `{ ${list.replace('OWN', own)} }`);

      const found: readonly any[] = pick(data);
      const size = sizeOf(own);
      const ownChats = (id: string, rows = chats) =>
        rows.filter((chat) => String(chat[embedded]?.id) === id);
      for (const { id, chats: page } of found) {
        const all = ownChats(id).map((chat) => ({ id: String(chat['id']) }));
        if ('nodes' in page) expect([id, page.nodes]).toEqual([id, all.slice(0, size)]);
        if ('totalCount' in page) expect([id, page.totalCount]).toEqual([id, all.length]);
        if ('pageInfo' in page) {
          expect([id, page.pageInfo]).toEqual([id, { hasNextPage: all.length > size }]);
        }
      }

      const ids: string[] = found.map(({ id }) => id);
      const shared = chats.filter((chat) => ids.includes(String(chat[embedded]?.id)));
      const isShort = (id: string) => ownChats(id, shared.slice(0, 100)).length < needs;
      const allPages = Math.ceil(shared.length / 100);
      const searches = calls.filter(({ path }) => path === '/chats/search') as readonly any[];
      expect(shared.length).toBeGreaterThan(400);
      expect(calls).toHaveLength(searches.length + 1);
      expect(searches[0].body.filter).toEqual(anyId(field, ids.map(Number)));
      expect(searches.length).toBeLessThanOrEqual(
        Math.min(allPages, 1 + ids.filter(isShort).length),
      );
    },
  );

  test('the chats of owners with different cursors are complete', async () => {
    const chats = await restRows(busy.simulator, '/chats', newestChats);
    const ids = unique(chats.map(({ customer }) => customer.id as number)).slice(0, 12);
    const own = (id: number) => chats.filter(({ customer }) => customer.id === id);
    const firsts = await ask(
      busy,
      `{ ${ids.map((id) => `c${id}: _entities(representations: [{ __typename: "Customer", id: ${id} }]) { ... on Customer { chats(first: 50) { edges { cursor } } } }`).join(' ')} }`,
    );
    const places = ids.map((id, index) => ({
      id,
      place: Math.min(index * 2, own(id).length - 1),
      size: 1 + (index % 4),
    }));
    const fields = places.map(({ id, place, size }) => {
      const { cursor } = firsts.data[`c${id}`][0].chats.edges[place];
      return `c${id}: _entities(representations: [{ __typename: "Customer", id: ${id} }]) {
        ... on Customer { chats(first: ${size}, after: "${cursor}") { nodes { id } pageInfo { hasNextPage hasPreviousPage } } }
      }`;
    });

    const { data, lines } = await ask(busy, `{ ${fields.join(' ')} }`);

    for (const { id, place, size } of places) {
      const all = own(id).map((chat) => ({ id: String(chat['id']) }));
      expect([id, data[`c${id}`][0].chats]).toEqual([
        id,
        {
          nodes: all.slice(place + 1, place + 1 + size),
          pageInfo: { hasNextPage: place + 1 + size < all.length, hasPreviousPage: true },
        },
      ]);
    }
    expect(unique(lines)).toEqual(['POST /chats/search']);
    expect(lines.length).toBeLessThanOrEqual(13);
  });

  test('the chats of one owner are read as one page', async () => {
    const { calls } = await ask(
      busy,
      '{ departments { id } agent(id: 12) { chats(first: 5) { nodes { id } totalCount } } }',
    );

    const searches = calls.filter(({ path }) => path === '/chats/search');
    expect(searches).toHaveLength(1);
    expect(searches[0]!.body).toMatchObject({
      filter: anyId('chats.assignee', [12]),
      offset: 0,
      limit: 5,
    });
  });

  test('the chats of more than a hundred owners are read in batches of a hundred owners', async () => {
    const { data, calls } = await ask(
      quiet,
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on Customer { id chats(first: 5) { nodes { id } totalCount } } }
      }`,
      {
        representations: quietCustomers
          .slice(0, 130)
          .map(({ id }) => ({ __typename: 'Customer', id })),
      },
    );

    for (const { id, chats } of data._entities) {
      const all = quietChats.filter(({ customer }) => String(customer.id) === id);
      expect(chats).toEqual({
        nodes: all.slice(0, 5).map((chat) => ({ id: String(chat['id']) })),
        totalCount: all.length,
      });
    }
    const batches = (calls as any[]).filter(({ body }) => body.offset === 0);
    const batchSizes = batches.map(({ body }) => body.filter.length as number);
    expect(batchSizes.filter((size) => size > 1).toSorted()).toEqual([100, 30]);
  });

  test('the chats of many owners are complete if HelpCrunch sends no total', async () => {
    const rows = Array.from({ length: 230 }, (_, index) =>
      wireChat({ id: index + 1, customer: { id: 1 + (index % 3 === 0 ? 0 : index % 20) } }),
    );
    fake.respond('POST /chats/search', ({ body }) => {
      const wanted = body.filter.map(({ value }: any) => value);
      const found = rows.filter(({ customer }) => wanted.includes(customer.id));
      const { offset, limit }: { offset: number; limit: number } = body;
      return { body: { data: found.slice(offset, offset + limit) } };
    });
    const ids = Array.from({ length: 20 }, (_, index) => index + 1);

    const { data, errors } = await gateway.query(
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on Customer { id chats(first: 30) { nodes { id } } } }
      }`,
      { representations: ids.map((id) => ({ __typename: 'Customer', id })) },
    );

    expect(errors).toEqual([]);
    expect(data._entities).toEqual(
      ids.map((id) => ({
        id: String(id),
        chats: {
          nodes: rows
            .filter(({ customer }) => customer.id === id)
            .slice(0, 30)
            .map((chat) => ({ id: String(chat.id) })),
        },
      })),
    );
  });
});

describe('operations that cost no call', () => {
  const references = [
    { __typename: 'Chat', id: '999001' },
    { __typename: 'Customer', id: '999002' },
    { __typename: 'Agent', id: '999003' },
    { __typename: 'Department', id: '999004' },
    { __typename: 'ChatApplication', id: '999005' },
  ];

  const forms: readonly (readonly [string, string])[] = [
    [
      'by name',
      `_entities(representations: $references) {
        __typename
        ... on Chat { id nodeId } ... on Customer { id nodeId } ... on Agent { id nodeId }
        ... on Department { id nodeId } ... on ChatApplication { id }
      }`,
    ],
    [
      'through the interface',
      `_entities(representations: $references) {
        __typename
        ... on Node { nodeId ... on Chat { id } ... on Customer { id } ... on Agent { id } ... on Department { id } }
        ... on ChatApplication { id }
      }`,
    ],
    [
      'under other names',
      `_entities(representations: $references) {
        __typename kind: __typename
        ... on Chat { status: id phone: nodeId } ... on Customer { name: id email: nodeId }
        ... on Agent { role: id } ... on Department { agents: id } ... on ChatApplication { active: id }
      }`,
    ],
    [
      'beside fields that are left out',
      `_entities(representations: $references) {
        __typename
        ... on Chat { id status @include(if: $no) ... on Chat @skip(if: $yes) { rating } ...More @include(if: $no) }
        ... on Customer { id phone @skip(if: $yes) ... @include(if: $no) { company } }
        ... on Agent @include(if: $no) { name }
        ... on Agent { id }
        ... on Department { ... on Department { ... on Node { ... on Department { id } } } }
        ... on ChatApplication { id name @skip(if: true) }
      }`,
    ],
    ['through fragments', `_entities(representations: $references) { ...Keys }`],
  ];

  const fragments = `
    fragment More on Chat { lastMessageText }
    fragment Keys on _Entity { __typename ...Ids ... on Node { nodeId } }
    fragment Ids on _Entity {
      ... on Chat { id } ... on Customer { id } ... on Agent { id } ... on Department { id } ... on ChatApplication { id }
    }
  `;

  test.each(forms)('references with key fields only cost no call: %s', async (_how, selection) => {
    const document = `query ($references: [_Any!]!, $yes: Boolean = true, $no: Boolean = false) {
      ${selection} chats @skip(if: $yes) { totalCount } customers @include(if: $no) { totalCount }
    } ${fragments}`
      .replace(selection.includes('...More') ? /$^/ : /fragment More on Chat \{[^}]*\}/, '')
      .replace(selection.includes('...Keys') ? /$^/ : /fragment Keys [\s\S]*$/, '');

    const { data, lines } = await ask(quiet, document, { references });

    expect(data._entities.map(({ __typename: type }: any) => type)).toEqual(
      references.map(({ __typename: type }) => type),
    );
    expect(JSON.stringify(data._entities)).toContain('999001');
    expect(lines).toEqual([]);
  });

  test('references whose fields the router has sent cost no call', async () => {
    const { data, lines } = await ask(
      quiet,
      `query ($references: [_Any!]!) { _entities(representations: $references) {
        ... on Chat { id status closedAt readByAgent }
        ... on Customer { id userId name }
        ... on Agent { id email }
      } }`,
      {
        references: [
          {
            __typename: 'Chat',
            id: '999001',
            status: 'OPENED',
            closedAt: '2026-01-15T12:00:00.000Z',
            readByAgent: null,
          },
          { __typename: 'Customer', id: '999002', userId: 'u-9', name: 'Ada' },
          { __typename: 'Customer', userId: 'u-9', id: '999003', name: null },
          { __typename: 'Agent', id: '999004', email: 'ada@example.com' },
        ],
      },
    );

    expect(data._entities).toEqual([
      { id: '999001', status: 'OPENED', closedAt: '2026-01-15T12:00:00.000Z', readByAgent: null },
      { id: '999002', userId: 'u-9', name: 'Ada' },
      { id: '999003', userId: 'u-9', name: null },
      { id: '999004', email: 'ada@example.com' },
    ]);
    expect(lines).toEqual([]);
  });

  test.each([
    ['of another kind', { phone: { number: 1 } }],
    ['that the schema does not know', { telephone: '+1' }],
    ['but not the selected field', { company: 'Acme' }],
  ])('a field of a reference is read if the router sent a value %s', async (_what, given) => {
    const { data, lines } = await ask(
      quiet,
      'query ($key: _Any!) { _entities(representations: [$key]) { ... on Customer { phone } } }',
      { key: { __typename: 'Customer', id: '7005', ...given } },
    );

    expect(Object.keys(data._entities[0])).toEqual(['phone']);
    expect(lines).toEqual(['GET /customers/7005']);
  });

  test('a reference by userId with its key only costs no call', async () => {
    const { data, lines } = await ask(
      quiet,
      `{ _entities(representations: [{ __typename: "Customer", userId: "u-7001" }]) {
        __typename ... on Customer { userId }
      } }`,
    );

    expect(data._entities).toEqual([{ __typename: 'Customer', userId: 'u-7001' }]);
    expect(lines).toEqual([]);
  });

  test('the needed calls depend on the variables of each execution', async () => {
    const document = `query ($more: Boolean!) {
      _entities(representations: [{ __typename: "Chat", id: "5007" }, { __typename: "Customer", id: "7005" }]) {
        ... on Chat { id status @include(if: $more) }
        ... on Customer { id ... on Customer @skip(if: $more) { phone } }
      }
    }`;

    const first = await ask(quiet, document, { more: false });
    const second = await ask(quiet, document, { more: true });
    const third = await ask(quiet, document, { more: false });

    expect(first.lines).toEqual(['GET /customers/7005']);
    expect(second.lines).toEqual(['GET /chats/5007']);
    expect(third.lines).toEqual(first.lines);
    expect(Object.keys(second.data._entities[0])).toEqual(['id', 'status']);
  });

  const stubs = `
    customer { __typename id nodeId ... on Node { nodeId } ...Named }
    who: customer { title: name mail: email ... { theirs: userId } }
    application { __typename id }
    assignee { nodeId role email }
    agents { id nodeId ... on Agent { name } }
    lastCommunicatedAgent { id nodeId }
    department { ... on Node { ... on Department { id name nodeId } } }
    hidden: customer { id phone @include(if: false) tags @skip(if: true) { name } }
  `;
  const named = 'fragment Named on Customer { name ... on Customer { userId } }';

  test.each([
    ['a list', `{ chats(first: 50) { edges { node { ${stubs} } } } }`, [listOf50]],
    ['a single chat', `{ chat(id: 5007) { ${stubs} } }`, ['GET /chats/5007']],
    [
      'a mutation',
      `mutation { markChatRead(id: 5007, by: AGENT, read: true) { ${stubs} } }`,
      ['PUT /chats/readByAgent'],
    ],
    [
      'node',
      `{ node(nodeId: "${nodeId('Chat', 5007)}") { ... on Chat { ${stubs} } } }`,
      ['GET /chats/5007'],
    ],
    [
      'nodes',
      `{ nodes(nodeIds: ["${nodeId('Chat', 5007)}", "${nodeId('Chat', 5008)}"]) { ... on Chat { ${stubs} } } }`,
      ['GET /chats/5007', 'GET /chats/5008'],
    ],
    [
      'a reference',
      `{ _entities(representations: [{ __typename: "Chat", id: 5007 }]) { ... on Chat { ${stubs} } } }`,
      ['GET /chats/5007'],
    ],
    [
      "a message's chat",
      `{ chat(id: 5007) { messages(first: 3) { nodes { chat { status ${stubs} } agent { name role } } } } }`,
      ['GET /chats/5007', 'GET /chats/5007/messages?offset=0&limit=3'],
    ],
    [
      "a department's agents",
      `{ departments { agents { id name email role nodeId } } chats(first: 50) { nodes { ...Named2 } } } fragment Named2 on Chat { customer { ...Named } }`,
      [allDepartments, listOf50],
    ],
  ])('the fields that %s embeds cost no additional call', async (_where, document, expected) => {
    const { lines } = await ask(quiet, document + named);

    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  const newest = 'id nodeId messages(first: 2) { nodes { id text } totalCount }';

  test.each([
    ['chat', `chat(id: 5007) { ${newest} }`],
    ['node', `node(nodeId: "${nodeId('Chat', 5007)}") { ... on Chat { ${newest} } }`],
  ])('the newest messages of a chat by its id cost one call: %s', async (name, field) => {
    const { data, lines } = await ask(quiet, `{ ${field} }`);

    expect(data[name]).toMatchObject({ id: '5007', messages: { nodes: { length: 2 } } });
    expect(lines).toEqual(['GET /chats/5007/messages?offset=0&limit=2']);
  });

  test('the newest messages of several chats cost one call for each chat', async () => {
    const { data, lines } = await ask(
      quiet,
      'query ($ids: [ID!]!, $first: Int) { nodes(nodeIds: $ids) { ... on Chat { id messages(first: $first) { nodes { id } } } } }',
      { ids: [5007, 5008].map((id) => nodeId('Chat', id)), first: 100 },
    );

    expect(data.nodes).toMatchObject([{ id: '5007' }, { id: '5008' }]);
    expect(lines.toSorted()).toEqual([
      'GET /chats/5007/messages?offset=0&limit=100',
      'GET /chats/5008/messages?offset=0&limit=100',
    ]);
  });

  test('the messages of a chat with another of its fields cost one more call', async () => {
    const { lines } = await ask(quiet, `{ chat(id: 5007) { status ${newest} } }`);

    expect(lines).toEqual(['GET /chats/5007', 'GET /chats/5007/messages?offset=0&limit=2']);
  });

  test('an unknown chat is null although only its messages are selected', async () => {
    const unknown = `chat(id: 999999) { ${newest} }`;
    const node = `nodes(nodeIds: ["${nodeId('Chat', 999999)}"]) { ... on Chat { ${newest} } }`;
    const { data, errors } = await quiet.query(`{ ${unknown} ${node} }`);

    expect(data).toEqual({ chat: null, nodes: [null] });
    expect(errors).toMatchObject([
      { path: ['chat'], extensions: { code: 'NOT_FOUND' } },
      { path: ['nodes', 0], extensions: { code: 'NOT_FOUND' } },
    ]);
  });

  test('messages that cannot be read fail alone', async () => {
    fake.respond('GET /chats/1/messages', { status: 500 });

    const { data, errors } = await gateway.query(
      '{ chat(id: 1) { id messages { nodes { id } } } }',
    );

    expect(data).toEqual({ chat: { id: '1', messages: null } });
    expect(errors).toMatchObject([
      { path: ['chat', 'messages'], extensions: { code: 'UPSTREAM_UNAVAILABLE' } },
    ]);
  });

  test('the chat key of a message costs no call', async () => {
    const { data, lines } = await ask(
      quiet,
      `{ _entities(representations: [{ __typename: "Chat", id: "5007" }]) {
        ... on Chat { messages(first: 2) { nodes { chat { id nodeId __typename } } } }
      } }`,
    );

    expect(data._entities[0].messages.nodes[0].chat).toMatchObject({ id: '5007' });
    expect(lines).toEqual(['GET /chats/5007/messages?offset=0&limit=2']);
  });

  test('the chat of a message costs no call if a list contains the chat', async () => {
    const { lines } = await ask(
      quiet,
      `{ chats(first: 2) { nodes { id messages(first: 2) { nodes {
        chat { status application { id } lastCommunicatedAgent { id } customer { name } }
      } } } } }`,
    );

    expect(lines.filter((path) => !path.includes('/messages'))).toEqual([
      'GET /chats?sort=chats.createdAt&order=desc&offset=0&limit=2',
    ]);
    expect(lines).toHaveLength(3);
  });

  test.each(['_service { sdl }', '__typename', 'viewer { role }', 'rateLimit { limit }'])(
    '%s costs no call',
    async (field) => {
      const { lines } = await ask(quiet, `{ ${field} }`);

      expect(lines).toEqual([]);
    },
  );
});

describe('duplicate reads of one operation', () => {
  test.each([
    [
      'a chat',
      `{ a: chat(id: 5007) { status } b: chat(id: "5007") { rating } n: node(nodeId: "${nodeId('Chat', 5007)}") { nodeId }
         _entities(representations: [{ __typename: "Chat", id: 5007 }, { __typename: "Chat", id: "5007" }]) { ... on Chat { status } } }`,
      ['GET /chats/5007'],
    ],
    [
      'a customer',
      `{ a: customer(id: 7003) { phone } b: customer(id: "7003") { name } n: node(nodeId: "${nodeId('Customer', 7003)}") { nodeId }
         _entities(representations: [{ __typename: "Customer", id: 7003 }]) { ... on Customer { phone } } }`,
      ['GET /customers/7003'],
    ],
    [
      'the list of agents',
      `{ agents { name } again: agents { role } agent(id: 12) { name } n: node(nodeId: "${nodeId('Agent', 12)}") { nodeId }
         _entities(representations: [{ __typename: "Agent", id: 13 }]) { ... on Agent { name } } }`,
      [allAgents],
    ],
    [
      'the list of departments',
      '{ departments { name } department(id: 3) { name } d: department(id: 4) { agents { name } } }',
      [allDepartments],
    ],
    [
      'the list of applications',
      '{ applications { name } again: applications { active } chats(first: 50) { nodes { application { name } } } }',
      ['GET /applications', listOf50],
    ],
    [
      'the organization',
      '{ organization { id } o: organization { domain } }',
      ['GET /organization'],
    ],
  ])('%s', async (_what, document, expected) => {
    const { lines } = await ask(quiet, document);

    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  test('a customer that is selected twice by its userId is read once', async () => {
    const { userId } = quietCustomers.find((customer) => customer['userId'] !== null)!;

    const { lines } = await ask(
      quiet,
      `query ($userId: String!, $references: [_Any!]!) {
        a: customerByUserId(userId: $userId) { id }
        b: customerByUserId(userId: $userId) { phone }
        _entities(representations: $references) { ... on Customer { phone } }
      }`,
      { userId, references: [{ __typename: 'Customer', userId }] },
    );

    expect(lines).toEqual(['POST /customers/search']);
  });

  test('a customer of many chats is read once', async () => {
    const { customer } = (await restRows(busy.simulator, '/chats'))[0]!;

    const { data, calls } = await ask(
      busy,
      `{ chats(first: 100, filter: { customerId: ${customer.id} }) { nodes { customer { phone } } } }`,
    );

    expect(data.chats.nodes.length).toBeGreaterThan(3);
    expect(calls.map(line)).toEqual(['POST /chats/search', `GET /customers/${customer.id}`]);
  });

  test('the chats of one customer that are selected twice are read once', async () => {
    const { lines } = await ask(
      quiet,
      `{ _entities(representations: [{ __typename: "Customer", id: 7003 }, { __typename: "Customer", id: "7003" }]) {
        ... on Customer { chats(first: 5) { nodes { id } } same: chats(first: 5) { nodes { status } } }
      } }`,
    );

    expect(lines).toEqual(['POST /chats/search']);
  });

  test('each customer is contained once in the filter of a batch', async () => {
    const { calls } = await ask(
      quiet,
      `{ _entities(representations: [{ __typename: "Customer", id: 7003 }, { __typename: "Customer", id: 7004 }, { __typename: "Customer", id: 7003 }]) {
        ... on Customer { chats(first: 5) { nodes { id } } more: chats(first: 9) { nodes { id } } }
      } }`,
    );

    expect(calls).toHaveLength(1);
    expect((calls[0] as any).body.filter).toEqual(anyId('chats.customer', [7003, 7004]));
  });
});

describe('_entities', () => {
  const document = `query ($representations: [_Any!]!) {
    _entities(representations: $representations) {
      __typename
      ... on Chat { id status } ... on Customer { id phone userId } ... on Agent { id name }
      ... on Department { id title: name } ... on ChatApplication { id displayName }
    }
  }`;

  test('references of five types are returned in order, with null for unknown ids', async () => {
    const { id, userId } = quietCustomers.find((customer) => customer['userId'] !== null)!;
    const representations = [
      { __typename: 'Agent', id: '12' },
      { __typename: 'Customer', id: '999999' },
      { __typename: 'Chat', id: '5009' },
      { __typename: 'Customer', userId },
      { __typename: 'ChatApplication', id: 3 },
      { __typename: 'Chat', id: '999999' },
      { __typename: 'Department', id: '3' },
      { __typename: 'Agent', id: '999999' },
      { __typename: 'Customer', id },
      { __typename: 'Customer', userId: 'unknown' },
      { __typename: 'Department', id: '999999' },
      { __typename: 'ChatApplication', id: '999999' },
      { __typename: 'Chat', id: '5008', status: 'ignored' },
    ];

    const { data, lines } = await ask(quiet, document, { representations });

    expect(
      data._entities.map((entity: any) => entity && `${entity.__typename} ${entity.id}`),
    ).toEqual([
      'Agent 12',
      null,
      'Chat 5009',
      `Customer ${id}`,
      'ChatApplication 3',
      null,
      'Department 3',
      null,
      `Customer ${id}`,
      null,
      null,
      null,
      'Chat 5008',
    ]);
    expect(lines.toSorted()).toEqual(
      [
        allAgents,
        allDepartments,
        'GET /applications',
        'GET /chats/5008',
        'GET /chats/5009',
        'GET /chats/999999',
        'POST /customers/search',
        'POST /customers/search',
      ].toSorted(),
    );
  });

  test('messages of an unknown chat are not read', async () => {
    const { data } = await ask(
      quiet,
      '{ _entities(representations: [{ __typename: "Chat", id: "999999" }]) { ... on Chat { messages { nodes { id } } } } }',
    );

    expect(data._entities).toEqual([{ messages: { nodes: [] } }]);
  });

  test('a reference fails alone', async () => {
    fake.respond('GET /chats/1', { body: wireChat({ id: 1 }) });
    fake.respond('GET /chats/2', { status: 500, body: '<html>secret</html>' });
    fake.respond('GET /chats/3', { body: { id: 'string' } });
    fake.respond('GET /customers/4', { status: 403, body: { errors: [] } });
    fake.respond('GET /agents', { status: 503 });
    fake.respond('GET /departments', { body: { data: [{ id: 6, name: 'Sales' }] } });
    const representations = [
      { __typename: 'Chat', id: '2' },
      { __typename: 'Chat', id: '1' },
      { __typename: 'Chat', id: '3' },
      { __typename: 'Customer', id: '4' },
      { __typename: 'Agent', id: '5' },
      { __typename: 'Department', id: '6' },
    ];

    const { data, errors } = await gateway.query(document, { representations });

    expect(data._entities.map((entity: any) => entity?.id ?? null)).toEqual([
      null,
      '1',
      null,
      '4',
      '5',
      '6',
    ]);
    const codes = Object.fromEntries(
      errors.map(({ path, extensions }) => [path!.join('.'), extensions['code']]),
    );
    expect(codes).toEqual({
      '_entities.0.status': 'UPSTREAM_UNAVAILABLE',
      '_entities.2.status': 'UPSTREAM_INVALID_RESPONSE',
      '_entities.3.phone': 'UPSTREAM_FORBIDDEN',
      '_entities.3.userId': 'UPSTREAM_FORBIDDEN',
      '_entities.4.name': 'UPSTREAM_UNAVAILABLE',
    });
  });

  test.each([
    ['no type', { id: '1' }],
    ['an unknown type', { __typename: 'Ticket', id: '1' }],
    ['a type without a key', { __typename: 'ChatMessage', id: '1' }],
    ['the query type', { __typename: 'Query' }],
    ['an enum', { __typename: 'ChatStatus', id: '1' }],
    ['the interface', { __typename: 'Node', id: '1' }],
    ['an inner name', { __typename: '__proto__', id: '1' }],
    ['a type that is no text', { __typename: null, id: '1' }],
    ['a text', 'Chat:1'],
    ['a number', 5],
    ['a list', [{ __typename: 'Chat', id: '1' }]],
  ])('a reference with %s is rejected and the others are returned', async (_what, bad) => {
    fake.respond('POST /customers/search', ({ body }) =>
      body.filter.every(({ value }: any) => typeof value === 'string')
        ? { body: { data: [{ id: 7, userId: 'u-7', phone: '+1' }], total: 1 } }
        : { status: 400, body: { errors: [{ code: 'filter[0].value', message: 'No.' }] } },
    );
    const good = { __typename: 'Customer', userId: 'u-7' };

    const { data, errors } = await gateway.query(document, { representations: [good, bad, good] });

    const found = { __typename: 'Customer', id: '7', phone: '+1', userId: 'u-7' };
    expect(data._entities).toEqual([found, null, found]);
    expect(errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['_entities', 1], 'BAD_USER_INPUT'],
    ]);
    expect(fake.calls.map(({ body }) => body.filter)).toEqual([
      [{ field: 'customers.userId', operator: '=', value: 'u-7' }],
    ]);
  });

  const invalidIds: readonly (readonly [unknown, string])[] = [
    [null, 'null'],
    ['', 'an empty text'],
    ['x', 'no id'],
    ['0', 'zero'],
    ['007005', 'an id with leading zeros'],
    ['99999999999999999999', 'an id of 20 digits'],
    [1.5, 'no whole number'],
    ['../agents', 'a path'],
    [{ a: 1 }, 'an object'],
    [['1'], 'a list'],
    [true, 'a boolean'],
  ];
  const types = ['Chat', 'Customer', 'Agent', 'Department', 'ChatApplication'];

  test.each([
    ...types.map((type) => [type, 'no key', {}]),
    ...types.flatMap((type) =>
      invalidIds.map(([id, what]) => [type, `an id that is ${what}`, { id }]),
    ),
    ...[null, '', 7, true, ['u-1', 'u-2'], { a: 1 }].flatMap((userId) => [
      ['Customer', `the user id ${JSON.stringify(userId)}`, { userId }],
      ['Customer', `no id and the user id ${JSON.stringify(userId)}`, { id: null, userId }],
    ]),
  ] as [string, string, object][])(
    'a reference to %s with %s is null without an error and without a call',
    async (type, _what, key) => {
      const representations = [{ __typename: type, ...key }];

      const { data, errors } = await gateway.query(document, { representations });

      expect([data, errors]).toEqual([{ _entities: [null] }, []]);
      expect(fake.calls).toEqual([]);
    },
  );

  test.each([
    ['userId', { id: null, userId: 'u-7' }],
    ['userId', { userId: 'u-7', id: '' }],
    ['userId', { id: 'x', userId: 'u-7' }],
    ['id', { id: '7', userId: null }],
    ['id', { id: 7 }],
  ])('a reference to Customer is resolved by the key that it has: %s %j', async (by, key) => {
    const customer = { id: 7, userId: 'u-7', phone: '+1' };
    fake.respond('POST /customers/search', { body: { data: [customer], total: 1 } });
    fake.respond('GET /customers/7', { body: customer });
    const representations = [{ __typename: 'Customer', ...key }];

    const { data, errors } = await gateway.query(
      'query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Customer { id phone } } }',
      { representations },
    );

    expect([data, errors]).toEqual([{ _entities: [{ id: '7', phone: '+1' }] }, []]);
    expect(fake.calls.map(({ path }) => path)).toEqual([
      by === 'id' ? '/customers/7' : '/customers/search',
    ]);
  });

  test('references without a usable key do not count for the limit of calls', async () => {
    await using limited = await startTestGateway({
      upstream: fake,
      config: { maxUpstreamCalls: 1, maxReferenceCalls: 1 },
    });
    const representations = ['', null, 'x', '007', '0'].map((id) => ({ __typename: 'Chat', id }));

    const { data, errors } = await limited.query(document, { representations });

    expect([data._entities, errors]).toEqual([representations.map(() => null), []]);
  });

  test('a null reference is invalid', async () => {
    const { errors } = await gateway.query(document, { representations: [null] });

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['BAD_USER_INPUT']);
    expect(fake.calls).toEqual([]);
  });

  test('references may be literals in the document', async () => {
    const { data } = await ask(
      quiet,
      `query ($id: ID = 5007) { _entities(representations: [{ __typename: "Chat", id: 5008 }, { __typename: Chat, id: $id }]) { ... on Chat { id createdAt } } chat(id: $id) { id } }`,
    );

    expect(data._entities.map(({ id }: any) => id)).toEqual(['5008', '5007']);
  });
});

describe('batches of customers', () => {
  const document = `query ($representations: [_Any!]!) {
    _entities(representations: $representations) { ... on Customer { id userId phone } }
  }`;
  const byUserId = (...userIds: readonly string[]) => ({
    representations: userIds.map((userId) => ({ __typename: 'Customer', userId })),
  });

  /** An upstream that compares case-insensitively, as most databases do. */
  function holdCustomers(rows: readonly WireRow[]) {
    fake.respond('POST /customers/search', ({ body }) => {
      const folded = body.filter.map(({ value }: any) => String(value).toLowerCase());
      const found = rows.filter(({ userId }) => folded.includes(userId.toLowerCase()));
      const { offset, limit }: { offset: number; limit: number } = body;
      return { body: { data: found.slice(offset, offset + limit), total: found.length } };
    });
  }

  const row = (id: number, userId: string) => ({ id, userId, phone: `+${id}` });
  const shownRow = (id: number, userId: string) => ({ id: String(id), userId, phone: `+${id}` });

  test('userIds that differ in case only are distinguished', async () => {
    holdCustomers([row(1, 'Ada'), row(2, 'ADA'), row(3, 'ada'), row(4, 'bob')]);

    const { data, errors } = await gateway.query(document, byUserId('ada', 'ADA', 'BOB', 'Ada'));

    expect(errors).toEqual([]);
    expect(data._entities).toEqual([
      shownRow(3, 'ada'),
      shownRow(2, 'ADA'),
      null,
      shownRow(1, 'Ada'),
    ]);
    expect(fake.calls).toHaveLength(1);
  });

  test('a batch continues on the next page if HelpCrunch finds more rows than ids', async () => {
    const lower = Array.from({ length: 100 }, (_, index) => `u-${index}`);
    holdCustomers([
      ...lower.map((userId, index) => row(1000 + index, userId.toUpperCase())),
      ...lower.map((userId, index) => row(index + 1, userId)),
    ]);

    const { data } = await gateway.query(document, byUserId(...lower));

    expect(data._entities).toEqual(lower.map((userId, index) => shownRow(index + 1, userId)));
    expect(fake.calls.map(({ body }) => [body.offset, body.limit])).toEqual([
      [0, 100],
      [100, 100],
    ]);
  });

  test('a userId in a different case is not found', async () => {
    holdCustomers([row(1, 'Ada')]);

    const { data, errors } = await gateway.query('{ customerByUserId(userId: "ada") { id } }');

    expect(data).toEqual({ customerByUserId: null });
    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['NOT_FOUND']);
  });

  test.each([
    [101, ['POST /customers/search', 'POST /customers/search'], [100, 1]],
    [102, ['POST /customers/search', 'POST /customers/search'], [100, 2]],
    [250, Array.from({ length: 3 }, () => 'POST /customers/search'), [100, 100, 50]],
  ])(
    'a batch of %i customers is divided into batches of a hundred',
    async (count, expected, pieces) => {
      const wanted = quietCustomers.slice(0, count);

      const { data, calls } = await ask(quiet, document, {
        representations: wanted.map(({ id }) => ({ __typename: 'Customer', id })),
      });

      expect(data._entities).toEqual(
        wanted.map(({ id, userId, phone }) => ({ id: String(id), userId, phone })),
      );
      expect(calls.map(line)).toEqual(expected);
      const filters = (calls as any[]).flatMap(({ body }) => body?.filter.length ?? []);
      expect(filters.toSorted((one, other) => other - one)).toEqual(pieces);
    },
  );

  test('a failed batch fails its own references only', async () => {
    fake.respond('POST /customers/search', { status: 502 });
    fake.respond('GET /chats/1', { body: wireChat({ id: 1 }) });

    const { data, errors } = await gateway.query(
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on Customer { phone } ... on Chat { id status } }
      }`,
      {
        representations: [
          { __typename: 'Customer', id: 1 },
          { __typename: 'Chat', id: 1 },
          { __typename: 'Customer', id: 2 },
        ],
      },
    );

    expect(data._entities).toEqual([
      { phone: null },
      { id: '1', status: 'OPENED' },
      { phone: null },
    ]);
    expect(errors.map(({ path }) => path)).toEqual([
      ['_entities', 0, 'phone'],
      ['_entities', 2, 'phone'],
    ]);
  });
});
