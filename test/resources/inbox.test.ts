import { beforeEach, afterAll, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import { servedSdl } from '../../src/graphql/schema/build.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { CannedResponse, RecordedCall } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { wireMessage } from '../support/twoCustomers.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

interface Range {
  readonly offset: number;
  readonly limit: number;
}

type Row = ReturnType<typeof wireChat> & Readonly<Record<string, any>>;

const helpCrunch = await startRecordingUpstream();
const chats = new Map<number, Row>();
/** Responds instead of the search, if it returns something. */
let interfere: (call: RecordedCall) => CannedResponse | undefined = () => undefined;

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const spellings: Readonly<Record<string, string>> = { open: 'opened' };

helpCrunch.respond('POST /chats/search', (call) => {
  const { filter } = call.body;
  const { offset, limit }: Range = call.body;
  const statuses = new Set(filter.map(({ value }: { value: string }) => spellings[value] ?? value));
  const found = [...chats.values()]
    .filter(({ status }) => statuses.has(status))
    .sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
  return (
    interfere(call) ?? {
      body: { data: found.slice(offset, offset + limit), meta: { total: found.length } },
    }
  );
});
helpCrunch.respond('POST /messages', ({ body }) => ({
  status: 201,
  body: wireMessage({ ...body, id: 90_100 }),
}));

function put(change: Readonly<Record<string, unknown>> & { readonly id: number }): Row {
  const chat = { ...(chats.get(change.id) ?? wireChat()), ...change } as Row;
  chats.set(change.id, chat);
  helpCrunch.respond(`GET /chats/${change.id}`, () => ({ body: chats.get(change.id) }));
  return chat;
}

for (const [route, property] of [
  ['status', 'status'],
  ['assignee', 'assignee'],
  ['snooze', 'snoozedUntil'],
  ['readByAgent', 'readByAgent'],
] as const) {
  helpCrunch.respond(`PUT /chats/${route}`, ({ body }) => {
    const value = body[property] ?? body.read ?? null;
    const written =
      route === 'assignee' && value !== null
        ? { id: value, name: 'Olena', email: 'o@x.org', role: 'admin' }
        : value;
    return { body: put({ id: body.id, [property]: written }) };
  });
}
helpCrunch.respond('POST /chats', () => ({
  status: 201,
  body: put({ id: 900, status: 'new', createdAt: '1700000900' }),
}));

const team = {
  olena: { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' },
  taras: { id: 13, name: 'Taras', email: 'taras@example.com', role: 'admin' },
};

beforeEach(() => {
  interfere = () => undefined;
  chats.clear();
  put({
    id: 1,
    createdAt: '1700000001',
    status: 'new',
    assignee: null,
    readByAgent: false,
    lastMessageAt: '1700000500',
    lastCustomerMessageAt: '1700000500',
  });
  put({
    id: 2,
    createdAt: '1700000002',
    status: 'opened',
    assignee: team.olena,
    lastMessageAt: '1700000600',
    lastCustomerMessageAt: '1700000400',
  });
  put({
    id: 3,
    createdAt: '1700000003',
    status: 'pending',
    assignee: team.olena,
    department: { id: 4, name: 'Care' },
    lastMessageAt: '1700000700',
    lastCustomerMessageAt: '1700000700',
  });
  put({
    id: 4,
    createdAt: '1700000004',
    status: 'onhold',
    assignee: team.taras,
    snoozedUntil: '4102444800',
    lastCustomerMessageAt: null,
  });
  put({ id: 5, createdAt: '1700000005', status: 'closed' });
  helpCrunch.clearCalls();
});

const { cacheTtlsMs, quotas } = readConfig({
  HELPCRUNCH_API_KEY: 'key',
  HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
});

async function start(config: Partial<Config> = {}) {
  const clock = createManualClock();
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { cacheTtlsMs, rateLimit: 0, webhookSecret, ...config },
  });
  const ask = async (query: string, headers?: Readonly<Record<string, string>>) => {
    const { data, errors, extensions } = await gateway.query(query, {}, headers);
    return { data, errors, calls: extensions.upstream.calls };
  };
  return {
    ...gateway,
    clock,
    ask,
    summary: async () => {
      const { data, errors, calls } = await ask(counts);
      expect(errors).toEqual([]);
      return { ...data.inboxSummary, calls };
    },
    tell: (event: string, eventData: unknown) =>
      deliver(gateway, { event, eventData, atMs: clock.now() }),
  };
}

const counts = '{ inboxSummary { open unread unassigned snoozed isComplete oldestUnansweredAt } }';
const everything = `{ inboxSummary {
  open unread unassigned snoozed oldestUnansweredAt isComplete
  byStatus { status count }
  byAgent { count agent { id name email role } }
  byDepartment { count department { id name } }
} }`;

const idsOf = (view: string, more = '') =>
  `{ inbox(view: ${view}${more}) { nodes { id } totalCount pageInfo { hasNextPage hasPreviousPage endCursor } } }`;

const view = async (gateway: Awaited<ReturnType<typeof start>>, name: string) => {
  const { data, errors, calls } = await gateway.ask(idsOf(name));
  expect(errors).toEqual([]);
  return { ids: data.inbox.nodes.map(({ id }: { id: string }) => id), calls };
};

/** More open chats than this many. */
function fill(count: number) {
  chats.clear();
  for (let id = 1; id <= count; id += 1)
    put({ id, createdAt: String(1_700_000_000 + id), assignee: null });
}

describe('inboxSummary', () => {
  test('counts the open chats with one search for all spellings of the open statuses', async () => {
    await using gateway = await start();

    const { data, errors, calls } = await gateway.ask(everything);

    expect(errors).toEqual([]);
    expect(calls).toBe(1);
    expect(data.inboxSummary).toEqual({
      open: 4,
      unread: 1,
      unassigned: 1,
      snoozed: 1,
      oldestUnansweredAt: '2023-11-14T22:21:40.000Z',
      isComplete: true,
      byStatus: [
        { status: 'NEW', count: 1 },
        { status: 'OPENED', count: 1 },
        { status: 'PENDING', count: 1 },
        { status: 'ON_HOLD', count: 1 },
      ],
      byAgent: [
        { count: 2, agent: { id: '12', name: 'Olena', email: 'olena@example.com', role: 'AGENT' } },
        { count: 1, agent: { id: '13', name: 'Taras', email: 'taras@example.com', role: 'ADMIN' } },
      ],
      byDepartment: [
        { count: 3, department: { id: '3', name: 'Sales' } },
        { count: 1, department: { id: '4', name: 'Care' } },
      ],
    });
    expect(helpCrunch.calls.map(({ body }) => body)).toEqual([
      {
        comparison: 'OR',
        filter: ['new', 'opened', 'open', 'pending', 'on hold', 'onhold', 'on-hold'].map(
          (value) => ({ field: 'chats.status', operator: '=', value }),
        ),
        sort: 'chats.createdAt',
        order: 'desc',
        offset: 0,
        limit: 100,
      },
    ]);
  });

  test('shares one walk with all views, also in one operation', async () => {
    await using gateway = await start();

    const { data, calls } = await gateway.ask(`{
      inboxSummary { open }
      unassigned: inbox(view: UNASSIGNED) { nodes { id } }
      unread: inbox(view: UNREAD) { nodes { id } }
      snoozed: inbox(view: SNOOZED) { nodes { id } }
      waiting: inbox(view: WAITING) { nodes { id customer { name } } totalCount }
    }`);

    expect(calls).toBe(1);
    expect(data).toMatchObject({
      inboxSummary: { open: 4 },
      unassigned: { nodes: [{ id: '1' }] },
      unread: { nodes: [{ id: '1' }] },
      snoozed: { nodes: [{ id: '4' }] },
      waiting: { nodes: [{ id: '3' }, { id: '1' }], totalCount: 2 },
    });
  });

  test('reads at most 5 pages and says so', async () => {
    fill(501);
    await using gateway = await start();

    expect(await gateway.summary()).toMatchObject({ open: 500, isComplete: false, calls: 5 });
  });

  test.each([
    [0, 1],
    [100, 1],
    [101, 2],
    [500, 5],
  ])('is complete with %i open chats, in %i calls', async (open, calls) => {
    fill(open);
    await using gateway = await start();

    expect(await gateway.summary()).toMatchObject({ open, isComplete: true, calls });
  });

  test('reads page after page if HelpCrunch returns no total', async () => {
    fill(250);
    interfere = ({ body }) => {
      const { offset, limit }: Range = body;
      return { body: { data: [...chats.values()].slice(offset, offset + limit) } };
    };
    await using gateway = await start();

    expect(await gateway.summary()).toMatchObject({ open: 250, isComplete: true, calls: 3 });
  });

  test('is kept for 60 seconds, also with short TTLs of chats', async () => {
    await using gateway = await start({ cacheTtlsMs: { ...cacheTtlsMs, chats: 0 } });

    await gateway.summary();
    gateway.clock.advance(59_000);
    const kept = await gateway.summary();
    gateway.clock.advance(1_000);
    const read = await gateway.summary();

    expect([kept.calls, read.calls]).toEqual([0, 1]);
  });

  test('counts a chat as unread when its snooze is over', async () => {
    await using gateway = await start();
    put({ id: 4, snoozedUntil: String(gateway.clock.now() / 1000 + 30) });

    const before = await gateway.summary();
    gateway.clock.advance(30_000);
    const after = await gateway.summary();

    expect(before).toMatchObject({ snoozed: 1, unread: 1 });
    expect(after).toMatchObject({ snoozed: 0, unread: 2, calls: 0 });
  });
});

describe('authorization of the inbox', () => {
  const both = '{ inboxSummary { open } inbox(view: UNREAD) { nodes { id } } }';

  test.each([
    ['ALL', undefined],
    ['AGENT', { role: 'agent', agentId: '12' }],
  ])('%s reads it', async (_viewer, claims) => {
    await using gateway = await start(claims === undefined ? {} : { auth: jwtAuth() });
    const headers = claims === undefined ? {} : await bearer(claims);

    const { data, errors } = await gateway.ask(both, headers);

    expect(errors).toEqual([]);
    expect(data).toEqual({ inboxSummary: { open: 4 }, inbox: { nodes: [{ id: '1' }] } });
  });

  test('the owner of a forwarded key reads it', async () => {
    await using gateway = await start({ auth: { mode: 'forward' } });

    const { data } = await gateway.ask(both, { authorization: 'Bearer some-key' });

    expect(data.inboxSummary).toEqual({ open: 4 });
    expect(helpCrunch.calls[0]?.headers.authorization).toBe('Bearer some-key');
  });

  test.each([
    ['id', { role: 'customer', customerId: '7001' }],
    ['userId', { role: 'customer', userId: 'u-7001' }],
  ])('a customer known by its %s gets FORBIDDEN before any call', async (_name, claims) => {
    await using gateway = await start({ auth: jwtAuth() });

    const { data, errors } = await gateway.ask(both, await bearer(claims));

    expect(data).toEqual({ inboxSummary: null, inbox: null });
    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect(helpCrunch.callsTo('POST /chats/search')).toEqual([]);
  });
});

describe('a walk', () => {
  test('is shared by concurrent requests and charged to the viewer that starts it', async () => {
    fill(250);
    await using gateway = await start({ auth: jwtAuth(), rateLimit: 120, quotas });
    const agents = await Promise.all(
      ['12', '13', '14', '15'].map((agentId) => bearer({ role: 'agent', agentId })),
    );

    const answers = await Promise.all(agents.map((headers) => gateway.ask(counts, headers)));

    expect(helpCrunch.callsTo('POST /chats/search')).toHaveLength(3);
    expect(answers.map(({ calls }) => calls).reduce((sum, calls) => sum + calls)).toBe(3);
    for (const { data } of answers) expect(data.inboxSummary.open).toBe(250);
  });

  test.each([
    [503, 'UPSTREAM_UNAVAILABLE'],
    [500, 'UPSTREAM_UNAVAILABLE'],
  ])(
    'that fails in the middle with %i keeps the other pages for the next attempt',
    async (status, code) => {
      fill(350);
      interfere = ({ body: { offset } }) => (offset === 200 ? { status, body: {} } : undefined);
      await using gateway = await start();

      const failed = await gateway.ask(counts);
      interfere = () => undefined;
      helpCrunch.clearCalls();
      gateway.clock.advance(55_000);
      const kept = await gateway.ask(counts);
      const offsets = helpCrunch.calls.map(({ body }) => body.offset);

      expect(failed.data).toEqual({ inboxSummary: null });
      expect(failed.errors).toMatchObject([{ path: ['inboxSummary'], extensions: { code } }]);
      expect(kept.data.inboxSummary).toMatchObject({ open: 350, isComplete: true });
      expect(offsets).toEqual([200]);
    },
  );

  test('for which the share of the viewer is exhausted fails with RATE_LIMITED and succeeds later', async () => {
    fill(350);
    await using gateway = await start({ auth: jwtAuth(), rateLimit: 120, quotas });
    const headers = await bearer({ role: 'agent', agentId: '12' });
    for (let offset = 0; offset < 94; offset += 30) {
      const ids = Array.from(
        { length: Math.min(30, 94 - offset) },
        (_, index) => 1 + offset + index,
      );
      const fields = ids.map((id) => `c${id}: chat(id: ${id}) { status }`).join(' ');
      await gateway.ask(`{ ${fields} }`, headers);
    }

    const limited = await gateway.ask(counts, headers);
    gateway.clock.advance(61_000);
    const { data, errors } = await gateway.ask(counts, headers);

    expect(limited.data).toEqual({ inboxSummary: null });
    expect(limited.errors).toMatchObject([
      {
        path: ['inboxSummary'],
        extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: expect.any(Number) },
      },
    ]);
    expect(errors).toEqual([]);
    expect(data.inboxSummary).toMatchObject({ open: 350, isComplete: true });
  });

  test('that HelpCrunch throttles in the middle continues with the missing page', async () => {
    fill(350);
    interfere = ({ body: { offset } }) =>
      offset === 200 ? { status: 429, headers: { 'retry-after': '20' }, body: {} } : undefined;
    await using gateway = await start();
    const settle = async () => {
      const answer = gateway.ask(counts);
      const isAnswered = answer.then(() => true);
      const turn = async () => {
        await fetch(`${gateway.url}/healthz`);
        gateway.clock.advance(500);
        return false;
      };
      while (!(await Promise.race([isAnswered, turn()])));
      return answer;
    };

    const failed = await settle();
    interfere = () => undefined;
    helpCrunch.clearCalls();
    gateway.clock.advance(20_000);
    const { data } = await settle();

    expect(failed.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
    expect(data.inboxSummary).toMatchObject({ open: 350, isComplete: true });
    expect(helpCrunch.calls.map(({ body }) => body.offset)).toEqual([200]);
  });

  test('costs at most 5 calls if a page has expired and the chats of the others are missing', async () => {
    fill(450);
    helpCrunch.respond('PATCH /customers/7001', { body: { id: 7001, name: 'Taras' } });
    interfere = ({ body: { offset } }) => (offset > 0 ? { status: 500, body: {} } : undefined);
    await using gateway = await start();
    const failed = await gateway.ask(counts);
    interfere = () => undefined;
    gateway.clock.advance(30_000);
    const complete = await gateway.summary();
    gateway.clock.advance(31_000);
    // Chats embed their customer: none is cached any more, but the later pages are.
    await gateway.ask('mutation { updateCustomer(id: 7001, input: { name: "Taras" }) { id } }');
    put({ id: 10, status: 'closed' });
    helpCrunch.clearCalls();

    const summary = await gateway.summary();

    expect(failed.data).toEqual({ inboxSummary: null });
    expect(complete).toMatchObject({ open: 450, calls: 4 });
    expect(summary).toMatchObject({ open: 449, isComplete: true, calls: 5 });
    expect(helpCrunch.calls.map(({ body }) => body.offset).sort((a, b) => a - b)).toEqual([
      0, 100, 200, 300, 400,
    ]);
  });

  test('costs at most 5 calls if a page has expired and a few chats are missing', async () => {
    fill(150);
    interfere = ({ body: { offset } }) => (offset > 0 ? { status: 500, body: {} } : undefined);
    await using gateway = await start();
    await gateway.ask(counts);
    interfere = () => undefined;
    gateway.clock.advance(30_000);
    await gateway.summary();
    gateway.clock.advance(31_000);
    for (const id of [10, 11, 12, 13, 14]) {
      const mutation = `mutation { sendMessage(chatId: ${id}, by: AGENT, agentId: 12, text: "Hi") { id } }`;
      expect((await gateway.ask(mutation)).errors).toEqual([]);
    }
    helpCrunch.clearCalls();

    expect(await gateway.summary()).toMatchObject({ open: 150, isComplete: true, calls: 2 });
    expect(helpCrunch.calls.map(({ path }) => path)).toEqual(['/chats/search', '/chats/search']);
  });

  (hasRedis ? test : test.skip)('is shared by instances on one Redis (needs Redis)', async () => {
    fill(250);
    await using redis = await startRedis();
    await using a = await start({ redisUrl: redis.url });
    await using b = await start({ redisUrl: redis.url });
    await redis.listenedBy(2);

    const first = await a.summary();
    const second = await b.summary();
    await b.tell('chat.status_updated', chatData(put({ id: 7, status: 'closed' })));
    await a.ask('mutation { setChatStatus(id: 8, status: CLOSED) { id } }');

    expect([first.calls, second.calls]).toEqual([3, 0]);
    for (const gateway of [a, b]) expect(await gateway.summary()).toMatchObject({ open: 248 });
  });
});

describe('the inbox after webhooks', () => {
  /** The inbox was read a while ago. */
  async function startRead() {
    const gateway = await start();
    await gateway.summary();
    gateway.clock.advance(10_000);
    return gateway;
  }

  test('follows a closed chat without a call', async () => {
    await using gateway = await startRead();
    await gateway.tell('chat.closed', chatData(put({ id: 1, status: 'closed' })));

    expect(await gateway.summary()).toMatchObject({ open: 3, unassigned: 0, calls: 0 });
  });

  test('follows assignments, snoozes and statuses without a call', async () => {
    await using gateway = await startRead();
    await gateway.tell('chat.assigned', chatData(put({ id: 1, assignee: team.taras })));
    await gateway.tell('chat.unsnoozed', chatData(put({ id: 4, snoozedUntil: null })));
    await gateway.tell('chat.status_updated', chatData(put({ id: 2, status: 'pending' })));
    const { data, calls } = await gateway.ask(everything);

    expect(calls).toBe(0);
    expect(data.inboxSummary).toMatchObject({
      unassigned: 0,
      snoozed: 0,
      byStatus: [{ count: 1 }, { count: 0 }, { count: 2 }, { count: 1 }],
      byAgent: [{ count: 2 }, { count: 2 }],
    });
  });

  test('follows messages of customers and of known agents without a call, and ignores notes', async () => {
    await using gateway = await startRead();
    const messageAt = (id: number, from: string, seconds: number, type = 'message') => ({
      ...chatData(chats.get(2) ?? {}),
      agent: from === 'agent' ? team.olena : null,
      message: { id, text: 'Hi', from, type, createdAt: String(seconds) },
    });

    await gateway.tell('message.chat.customer', messageAt(90_003, 'customer', 1_700_000_800));
    const waiting = await view(gateway, 'WAITING');
    const unread = await view(gateway, 'UNREAD');
    await gateway.tell('message.private', messageAt(90_004, 'agent', 1_700_000_900, 'private'));
    const afterNote = await view(gateway, 'WAITING');
    await gateway.tell('message.chat.agent', messageAt(90_005, 'agent', 1_700_001_000));
    const answered = await view(gateway, 'WAITING');
    // Delivered late: a later message is known.
    await gateway.tell('message.chat.customer', messageAt(90_002, 'customer', 1_700_000_700));
    const late = await view(gateway, 'WAITING');

    expect(waiting).toEqual({ ids: ['3', '2', '1'], calls: 0 });
    expect(unread).toEqual({ ids: ['2', '1'], calls: 0 });
    expect(afterNote).toEqual(waiting);
    expect(answered).toEqual({ ids: ['3', '1'], calls: 0 });
    expect(late).toEqual(answered);
  });

  test('reads a new chat and a reopened chat by its id, once', async () => {
    await using gateway = await startRead();
    await gateway.tell(
      'chat.new',
      chatData(put({ id: 6, status: 'new', createdAt: '1700000006', assignee: null })),
    );
    await gateway.tell('chat.status_updated', chatData(put({ id: 5, status: 'opened' })));

    expect(await gateway.summary()).toMatchObject({ open: 6, unassigned: 2, calls: 2 });
    expect(await view(gateway, 'UNASSIGNED')).toEqual({ ids: ['6', '1'], calls: 0 });
    expect(helpCrunch.callsTo('POST /chats/search')).toHaveLength(1);
  });

  test('keeps the walk when several chats are created and messaged at once', async () => {
    await using gateway = await start();
    await gateway.summary();
    gateway.clock.advance(10_000);
    helpCrunch.clearCalls();
    const created = [31, 32, 33].map((id) => put({ id, createdAt: String(1_700_000_000 + id) }));
    const messages = [31, 32, 33].map((id) => ({
      id: 91_000 + id,
      text: 'Hi',
      createdAt: '1700000800',
    }));

    const deliveries = await Promise.all([
      ...created.map((chat) => gateway.tell('chat.new', chatData(chat))),
      ...messages.map((message) =>
        gateway.tell('message.chat.customer', { chat_id: 1, customer: null, agent: null, message }),
      ),
    ]);
    const { open } = await gateway.summary();

    expect(new Set(deliveries.map(({ outcome }) => outcome))).toEqual(new Set(['applied']));
    expect(open).toBe(7);
    expect(helpCrunch.callsTo('POST /chats/search')).toEqual([]);
    expect(helpCrunch.calls.map(({ path }) => path).toSorted()).toEqual([
      '/chats/31',
      '/chats/32',
      '/chats/33',
    ]);
  });

  test('reads many unknown chats by one walk', async () => {
    await using gateway = await startRead();
    for (let id = 10; id < 30; id += 1)
      await gateway.tell(
        'chat.new',
        chatData(put({ id, status: 'new', createdAt: `17000000${id}` })),
      );

    expect(await gateway.summary()).toMatchObject({ open: 24, calls: 1 });
  });

  test('does not show a chat that was deleted', async () => {
    await using gateway = await startRead();
    await gateway.tell('chat.new', chatData(put({ id: 6, status: 'new' })));
    helpCrunch.respond('GET /chats/6', {
      status: 404,
      body: { errors: [{ code: 'not_found', message: 'x' }] },
    });

    expect(await gateway.summary()).toMatchObject({ open: 4, calls: 1 });
    expect(await gateway.summary()).toMatchObject({ open: 4, calls: 0 });
  });

  test('reads a single chat whose event cannot be ordered with the walk', async () => {
    await using gateway = await start();
    await gateway.summary();
    await gateway.tell('chat.assigned', chatData(put({ id: 1, assignee: team.taras })));

    expect(await gateway.summary()).toMatchObject({ unassigned: 0, calls: 1 });
    expect(helpCrunch.callsTo('GET /chats/1')).toHaveLength(1);
  });
});

describe('the inbox after mutations', () => {
  test.each([
    ['setChatStatus(id: 1, status: CLOSED)', { open: 3, unassigned: 0 }],
    ['setChatStatus(id: 5, status: OPENED)', { open: 5 }],
    ['assignChat(id: 1, agentId: 12)', { unassigned: 0 }],
    ['unassignChat(id: 2)', { unassigned: 2 }],
    ['markChatRead(id: 1, by: AGENT, read: true)', { unread: 0 }],
    ['unsnoozeChat(id: 4)', { snoozed: 0 }],
  ])('shows %s at once without a call', async (mutation, expected) => {
    await using gateway = await start();
    await gateway.summary();
    const { errors } = await gateway.ask(`mutation { ${mutation} { id } }`);

    expect(errors).toEqual([]);
    expect(await gateway.summary()).toMatchObject({ ...expected, calls: 0 });
  });

  test('reads the chat of a sent message, which may have been assigned or opened', async () => {
    await using gateway = await start();
    await gateway.summary();
    const { errors } = await gateway.ask(
      'mutation { sendMessage(chatId: 1, by: AGENT, agentId: 12, text: "Hi") { id } }',
    );
    put({ id: 1, assignee: team.olena, lastMessageAt: '1700000900' });

    expect(errors).toEqual([]);
    expect(await gateway.summary()).toMatchObject({ unassigned: 0, calls: 1 });
  });

  test('shows a created chat', async () => {
    await using gateway = await start();
    await gateway.summary();
    const { errors } = await gateway.ask(
      'mutation { createChat(input: { customerId: 7001, applicationId: 2 }) { id } }',
    );

    expect(errors).toEqual([]);
    expect(await gateway.summary()).toMatchObject({ open: 5, calls: 1 });
  });
});

describe('inbox(view:)', () => {
  const pages = async (
    gateway: Awaited<ReturnType<typeof start>>,
    between: () => Promise<unknown>,
  ) => {
    const ids: string[] = [];
    for (let after = ''; ;) {
      const { data, errors } = await gateway.ask(
        idsOf('UNASSIGNED', `, first: 3${after === '' ? '' : `, after: "${after}"`}`),
      );
      expect(errors).toEqual([]);
      ids.push(...data.inbox.nodes.map(({ id }: { id: string }) => id));
      if (data.inbox.pageInfo.hasNextPage !== true) return ids;
      after = data.inbox.pageInfo.endCursor;
      await between();
    }
  };

  test('returns every chat once while chats are created, closed and messaged', async () => {
    fill(10);
    await using gateway = await start();
    await gateway.summary();
    gateway.clock.advance(10_000);
    const changes = [
      () =>
        gateway.tell(
          'chat.new',
          chatData(put({ id: 20, createdAt: '1700000020', assignee: null })),
        ),
      () => gateway.tell('chat.closed', chatData(put({ id: 10, status: 'closed' }))),
      () =>
        gateway.tell('message.chat.customer', {
          ...chatData(chats.get(9) ?? {}),
          message: { id: 90_009, text: 'Hi', createdAt: '1700000900' },
        }),
    ];

    const ids = await pages(gateway, async () => changes.shift()?.());

    expect(ids).toEqual(['10', '9', '8', '7', '6', '5', '4', '3', '2', '1']);
    expect(changes).toEqual([]);
  });

  test.each([
    ['of another view', 'UNREAD'],
    ['of the same view, changed', ''],
  ])('rejects a cursor %s before any call', async (_name, other) => {
    await using gateway = await start();
    const { data } = await gateway.ask(idsOf(other === '' ? 'UNASSIGNED' : other));
    const cursor: string = data.inbox.pageInfo.endCursor;
    helpCrunch.clearCalls();
    gateway.clock.advance(60_000);

    const { errors } = await gateway.ask(
      idsOf('UNASSIGNED', `, after: "${other === '' ? `x${cursor}` : cursor}"`),
    );

    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(helpCrunch.calls).toEqual([]);
  });

  test.each([0, 101, -1])('rejects first: %i', async (first) => {
    await using gateway = await start();

    const { errors } = await gateway.ask(idsOf('UNREAD', `, first: ${first}`));

    expect(errors).toMatchObject([{ message: expect.stringContaining('first') }]);
    expect(helpCrunch.calls).toEqual([]);
  });

  test('has the connection fields of other lists', async () => {
    await using gateway = await start();

    const { data } = await gateway.ask(
      '{ inbox(view: WAITING, first: 1) { edges { cursor node { id } } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
    );
    const { edges, pageInfo, totalCount } = data.inbox;
    const next = await gateway.ask(idsOf('WAITING', `, after: "${pageInfo.endCursor}"`));

    expect(totalCount).toBe(2);
    expect(edges).toMatchObject([{ node: { id: '3' }, cursor: pageInfo.startCursor }]);
    expect(pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    expect(next.data.inbox).toMatchObject({
      nodes: [{ id: '1' }],
      pageInfo: { hasNextPage: false, hasPreviousPage: true },
    });
  });
});

describe('the cost of the inbox', () => {
  const operation = '{ inboxSummary { open } inbox(view: UNREAD) { nodes { id } totalCount } }';

  test('is 5 calls, however many of its fields an operation has, and none while it is cached', async () => {
    await using small = await start({ maxUpstreamCalls: 4 });
    await using enough = await start({ maxUpstreamCalls: 5 });

    const refused = await small.ask(operation);
    const accepted = await enough.ask(operation);

    expect(refused.errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
    expect(accepted.errors).toEqual([]);
    expect((await enough.ask(`{ chat(id: 5) { status } ${operation.slice(1)}`)).errors).toEqual([]);
  });
});

test('a subgraph can exclude the inbox with its types', () => {
  const excludedRootFields = ['Query.inbox', 'Query.inboxSummary'];

  expect(servedSdl({ excludedRootFields: [] })).toMatch(/InboxSummary|InboxView|AgentCount/);
  expect(servedSdl({ excludedRootFields })).not.toMatch(
    /InboxSummary|InboxView|AgentCount|StatusCount|DepartmentCount/,
  );
});
