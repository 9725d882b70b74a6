import { describe, expect, test } from '@jest/globals';
import { startDemo } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { propertyRuns } from '../support/propertyRuns.ts';
import type { WireRow } from '../support/rest.ts';
import { rest } from '../support/rest.ts';

type Demo = Awaited<ReturnType<typeof startDemo>>;
type Random = () => number;

/** A reproducible sequence of numbers from 0 to 1. */
function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)]!;

/** A list as the gateway names it and as HelpCrunch does. */
interface List {
  readonly name: string;
  readonly document: string;
  readonly variables: object;
  readonly path: string;
  readonly search: object | undefined;
  /** The property by which it is sorted. */
  readonly key: string;
  readonly isDescending: boolean;
  readonly connection: (data: any) => any;
}

const pageFields = 'nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const pageArguments = '$first: Int, $after: String, $last: Int, $before: String';
const pageValues = 'first: $first, after: $after, last: $last, before: $before';

const since = '2026-01-05T00:00:00Z';
const sinceSeconds = Date.parse(since) / 1000;
const condition = (field: string, operator: string, value: unknown) => ({ field, operator, value });

const chatFilters = [
  { filter: {}, search: undefined },
  { filter: { status: 'OPENED' }, search: ['AND', condition('chats.status', '=', 'opened')] },
  { filter: { statusNot: 'CLOSED' }, search: ['AND', condition('chats.status', '!=', 'closed')] },
  {
    filter: { assigneeId: '12', statusNot: 'CLOSED' },
    search: [
      'AND',
      condition('chats.assignee', '=', 12),
      condition('chats.status', '!=', 'closed'),
    ],
  },
  {
    filter: { createdAt: { from: since } },
    search: ['AND', condition('chats.createdAt', '>=', sinceSeconds)],
  },
  {
    filter: { closedAt: { from: since } },
    search: ['AND', condition('chats.closedAt', '>=', sinceSeconds)],
  },
  {
    filter: { anyOf: [{ status: 'OPENED' }, { status: 'NEW' }, { assigneeId: '11' }] },
    search: [
      'OR',
      condition('chats.status', '=', 'opened'),
      condition('chats.status', '=', 'new'),
      condition('chats.assignee', '=', 11),
    ],
  },
];

const chatKeys = {
  CREATED_AT: 'createdAt',
  LAST_MESSAGE_AT: 'lastMessageAt',
  LAST_CUSTOMER_MESSAGE_AT: 'lastCustomerMessageAt',
  CLOSED_AT: 'closedAt',
} as const;

const customerKeys = { FIRST_SEEN: 'firstSeen', LAST_SEEN: 'lastSeen' } as const;

const customerFilters = [
  { filter: {}, search: undefined },
  {
    filter: { lastSeen: { from: since } },
    search: ['AND', condition('customers.lastSeen', '>=', sinceSeconds)],
  },
  {
    filter: { anyOf: [{ name: { contains: 'a' } }, { name: { contains: 'o' } }] },
    search: ['OR', condition('customers.name', '~', 'a'), condition('customers.name', '~', 'o')],
  },
];

const searchBody = (search: readonly unknown[] | undefined) => {
  if (search === undefined) return undefined;
  const [comparison, ...filter] = search;
  return { comparison, filter };
};

const orders = (keys: Readonly<Record<string, string>>) =>
  Object.entries(keys).flatMap(([field, key]) =>
    [true, false].map((isDescending) => ({
      key,
      isDescending,
      orderBy: { field, direction: isDescending ? 'DESC' : 'ASC' },
    })),
  );

const rootList = (field: string, type: string) =>
  `query (${pageArguments}, $filter: ${type}Filter, $orderBy: ${type}Order) {
    ${field}(${pageValues}, filter: $filter, orderBy: $orderBy) { ${pageFields} }
  }`;

const lists: readonly List[] = [
  ...orders(chatKeys).flatMap(({ orderBy, ...order }) =>
    chatFilters.map(({ filter, search }) => ({
      ...order,
      name: `chats ${JSON.stringify([filter, orderBy])}`,
      document: rootList('chats', 'Chat'),
      variables: { filter, orderBy },
      path: '/chats',
      search: searchBody(search),
      connection: ({ chats }: any) => chats,
    })),
  ),
  ...orders(customerKeys).flatMap(({ orderBy, ...order }) =>
    customerFilters.map(({ filter, search }) => ({
      ...order,
      name: `customers ${JSON.stringify([filter, orderBy])}`,
      document: rootList('customers', 'Customer'),
      variables: { filter, orderBy },
      path: '/customers',
      search: searchBody(search),
      connection: ({ customers }: any) => customers,
    })),
  ),
];

interface Row {
  readonly id: string;
  readonly key: number | null;
}

/** The rows of a list as HelpCrunch sorts them. */
async function rowsOf({ simulator }: Demo, list: List): Promise<readonly Row[]> {
  const sort = `${list.path.slice(1)}.${list.key}`;
  const order = list.isDescending ? 'desc' : 'asc';
  const rows: Row[] = [];
  for (;;) {
    const body = { ...list.search, sort, order, offset: rows.length, limit: 100 };
    const { data } = await rest(simulator, `${list.path}/search`, { method: 'POST', body });
    for (const row of data as readonly WireRow[]) {
      const value = row[list.key];
      rows.push({ id: String(row['id']), key: value === null ? null : Number(value) });
    }
    if (data.length < 100) return rows;
  }
}

/** Whether the key comes before the other one in the list, whose rows without a time are at the end. */
function precedes({ isDescending }: List, one: number | null, other: number | null): boolean {
  if (one === null || other === null) return one !== null;
  return isDescending ? other < one : one < other;
}

/** A page, and all rows of the list when it was read. */
interface Step {
  readonly ids: readonly string[];
  readonly rows: ReadonlyMap<string, { readonly key: number | null; readonly index: number }>;
}

interface Walk {
  readonly list: List;
  readonly size: number;
  readonly isBackwards: boolean;
  readonly change: (list: List) => Promise<void>;
}

/** Whether the walk must contain the row exactly once: its key is at the same side of each cursor on both sides of each change. */
function isSteady({ list, isBackwards }: Walk, steps: readonly Step[], id: string): boolean {
  return steps.every(({ ids, rows }, index) => {
    const row = rows.get(id);
    if (row === undefined) return false;
    const next = steps[index + 1]?.rows.get(id);
    const last = rows.get(ids.at(-1) ?? '');
    if (index === steps.length - 1 || last === undefined) return true;
    if (next === undefined) return false;
    if (next.key === row.key) return true;
    const isPassed = row.index <= last.index;
    if (next.key === last.key) return false;
    return precedes(list, next.key, last.key) === (isPassed !== isBackwards);
  });
}

const steadyIds = (walked: Walk, steps: readonly Step[]): readonly string[] =>
  [...(steps[0]?.rows.keys() ?? [])].filter((id) => isSteady(walked, steps, id));

async function walk(demo: Demo, { list, size, isBackwards, change }: Walk) {
  const steps: Step[] = [];
  let calls = 0;
  let cursor: string | null = null;
  for (;;) {
    const position = isBackwards ? { last: size, before: cursor } : { first: size, after: cursor };
    const variables = { ...list.variables, ...position };
    const { data, errors, extensions } = await demo.query(list.document, variables);
    expect([list.name, errors]).toEqual([list.name, []]);
    const { nodes, pageInfo } = list.connection(data);
    const found = await rowsOf(demo, list);
    const rows = isBackwards ? found.toReversed() : found;
    const ids: string[] = nodes.map(({ id }: Row) => id);
    steps.push({
      ids: isBackwards ? ids.toReversed() : ids,
      rows: new Map(rows.map(({ id, key }, index) => [id, { key, index }])),
    });
    calls += extensions.upstream.calls;
    const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
    if (!(isBackwards ? hasPreviousPage : hasNextPage)) return { steps, calls };
    cursor = isBackwards ? startCursor : endCursor;
    await change(list);
  }
}

const status = (id: unknown, value: string) => ({
  path: '/chats/status',
  body: { id, status: value },
});

/** Changes that move rows, add rows to lists and remove rows from them. */
const changes: readonly ((random: Random, chat: number, customer: number) => Change)[] = [
  (_random, chat) => ({
    method: 'POST',
    path: '/messages',
    body: { chat, text: 'Hi', type: 'message' },
  }),
  (_random, chat) => ({
    method: 'POST',
    path: '/messages',
    body: { chat, text: 'Hello', type: 'message', agent: 12 },
  }),
  (random, chat) => status(chat, pick(random, ['closed', 'closed', 'opened', 'pending'])),
  (random, id) => ({ path: '/chats/assignee', body: { id, assignee: pick(random, [11, 12, 13]) } }),
  (random, _chat, customer) => ({
    method: 'PATCH',
    path: `/customers/${customer}`,
    body: { lastSeen: Math.floor(Date.UTC(2026, 0, 15) / 1000) + Math.floor(random() * 90_000) },
  }),
];

interface Change {
  readonly method?: string;
  readonly path: string;
  readonly body: object;
}

const chatCount = 70;
const customerCount = 40;

async function startAccount(seed: number) {
  const clock = createManualClock();
  const demo = await startDemo({ customers: customerCount, chats: chatCount, clock, seed });
  const rowIds = async (path: string): Promise<readonly number[]> => {
    const ids: number[] = [];
    for (;;) {
      const { data } = await rest(demo.simulator, `${path}?offset=${ids.length}&limit=100`);
      ids.push(...data.map(({ id }: { id: number }) => id));
      if (data.length < 100) return ids;
    }
  };
  const [chats, customers] = await Promise.all([rowIds('/chats'), rowIds('/customers')]);
  /** Makes a number of changes at the same time or seconds apart. */
  const change = async (random: Random, count: number): Promise<void> => {
    for (let made = 0; made < count; made += 1) {
      clock.advance(pick(random, [0, 0, 0, 300, 1_000, 20_000]));
      const {
        method = 'PUT',
        path,
        body,
      } = pick(random, changes)(random, pick(random, chats), pick(random, customers));
      await rest(demo.simulator, path, { method, body });
    }
    if (random() > 0.1) return;
    const customer = pick(random, customers);
    await rest(demo.simulator, '/chats', { method: 'POST', body: { customer, application: 1 } });
  };
  return { demo, change };
}

const sizes = [3, 5, 8, 13, 20];
/** Between two pages: usually few, sometimes many. */
const changeCounts = [0, 0, 1, 1, 2, 2, 3, 4, 6, 30];

const runs = propertyRuns(10);
const runsPerAccount = 25;

describe('walks over lists that change', () => {
  test(`${runs} random walks over a changing account skip and repeat no row whose sort key did not cross the cursor`, async () => {
    const random = createRandom(19);
    for (let run = 0; run < runs;) {
      const account = await startAccount(run + 1);
      await using demo = account.demo;
      for (let index = 0; index < runsPerAccount && run < runs; index += 1, run += 1) {
        const list = pick(random, lists);
        const size = pick(random, sizes);
        const isBackwards = random() < 0.3;
        const change = () => account.change(random, pick(random, changeCounts));
        const walked = { list, size, isBackwards, change };
        const { steps } = await walk(demo, walked);

        const steady = steadyIds(walked, steps);
        const seen = steps.flatMap(({ ids }) => ids);
        const counts = steady.map((id) => [id, seen.filter((other) => other === id).length]);
        const wrong = counts.filter(([, count]) => count !== 1);
        const context = { run, list: list.name, size, isBackwards };
        expect({ ...context, wrong }).toEqual({ ...context, wrong: [] });
      }
    }
  }, 600_000);
});
