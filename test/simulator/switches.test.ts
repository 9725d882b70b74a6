import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { switches, usualBehaviour } from '../../src/simulator/behaviour.ts';
import type { BehaviourChange } from '../../src/simulator/simulator.ts';
import { codesOf, rowsOf, startAccount, type Reply, type TestAccount } from './client.ts';

let account: TestAccount;

beforeAll(async () => {
  account = await startAccount({ customers: 5, chats: 10 });
});

afterAll(() => account.simulator.close());

afterEach(() => {
  account.simulator.behave(usualBehaviour);
});

const behave = (change: BehaviourChange): void => {
  account.simulator.behave(change);
};

const send = async (method: string, path: string, body?: unknown): Promise<Reply['body']> => {
  const reply = await account.call(method, path, body === undefined ? {} : { body });
  return reply.body as unknown;
};

const newChat = async (assignee: number | null = null): Promise<number> => {
  const { id } = await send('POST', '/chats', { customer: 7001, application: 2, assignee });
  return id as number;
};

const say = (chat: number, rest: object = {}) =>
  send('POST', '/messages', { chat, text: 'Hello', type: 'message', ...rest });

const chatOf = (id: number) => send('GET', `/chats/${id}`);

/** The texts of the messages that the account has written itself, oldest first. */
const techTexts = async (id: number): Promise<readonly unknown[]> => {
  const page = await send('GET', `/chats/${id}/messages`);
  return rowsOf(page)
    .filter((message) => message['type'] === 'tech')
    .map((message) => message['text'])
    .toReversed();
};

const newCustomer = async (input: object = {}): Promise<number> =>
  (await send('POST', '/customers', input)).id as number;

describe('side effects of messages', () => {
  test("an agent's reply opens a chat and assigns it to the agent", async () => {
    const id = await newChat();
    await say(id);

    await say(id, { agent: 12 });

    expect(await chatOf(id)).toMatchObject({ status: 'opened', assignee: { id: 12 } });
    expect(await techTexts(id)).toEqual(['chat_auto_assigned']);
    await say(id, { agent: 14 });
    expect(await chatOf(id)).toMatchObject({ assignee: { id: 12 } });
  });

  test("an agent's reply does not have to open or assign a chat", async () => {
    behave({ replyAssigns: false, replyOpens: false });
    const id = await newChat();
    await say(id);

    await say(id, { agent: 12 });

    expect(await chatOf(id)).toMatchObject({ status: 'new', assignee: null });
    expect(await techTexts(id)).toEqual([]);
  });

  test('a private note neither opens nor assigns a chat', async () => {
    const id = await newChat();
    await say(id);

    await say(id, { type: 'private', agent: 12 });

    expect(await chatOf(id)).toMatchObject({ status: 'new', assignee: null });
  });

  test('a private note can become the last message of a chat', async () => {
    behave({ noteIsLastMessage: true });
    const id = await newChat();

    const note = await say(id, { type: 'private', text: 'Internal' });

    expect(await chatOf(id)).toMatchObject({
      lastMessageId: note.id,
      lastMessageText: 'Internal',
    });
  });
});

describe('closing a chat', () => {
  const close = (id: number) => send('PUT', '/chats/status', { id, status: 'closed' });
  const requests = async (id: number): Promise<number> =>
    (await techTexts(id)).filter((text) => text === 'request_rating').length;

  test.each([
    ['once', 1],
    ['always', 2],
    ['never', 0],
  ] as const)('closing a chat twice requests a rating %s', async (value, expected) => {
    behave({ closingRequestsRating: value });
    const id = await newChat();

    await close(id);
    await close(id);

    expect(await requests(id)).toBe(expected);
  });

  test('a rated chat gets no further request', async () => {
    const id = await newChat();
    await say(id, { agent: 12 });
    await close(id);
    await send('PUT', '/chats/rate', { id, rating: 'great' });
    await send('PUT', '/chats/status', { id, status: 'opened' });

    await close(id);

    expect(await requests(id)).toBe(1);
  });

  test('an account with a scale of three ratings rejects the others', async () => {
    behave({ ratingScale: 3 });
    const id = await newChat();
    await say(id, { agent: 12 });
    await close(id);

    const rejected = await send('PUT', '/chats/rate', { id, rating: 'perfect' });

    expect(codesOf(rejected)).toEqual(['rating']);
    expect(await send('PUT', '/chats/rate', { id, rating: 'great' })).toMatchObject({
      rating: 'great',
    });
  });
});

describe('the end of a snooze', () => {
  const snoozedChat = async (): Promise<number> => {
    const id = await newChat();
    await send('PUT', '/chats/readByAgent', { id, read: true });
    const until = Math.floor(account.clock.now() / 1000) + 60;
    await send('PUT', '/chats/snooze', { id, snoozedUntil: String(until) });
    return id;
  };

  test('a chat is unread from the second at which its snooze ends', async () => {
    const id = await snoozedChat();

    account.clock.advance(58_000);
    expect(await chatOf(id)).toMatchObject({ readByAgent: true, snoozedUntil: expect.anything() });
    account.clock.advance(2_000);
    expect(await chatOf(id)).toMatchObject({ readByAgent: false, snoozedUntil: null });
  });

  test('a chat is unread when its snooze is ended by a request', async () => {
    const id = await snoozedChat();

    expect(await send('PUT', '/chats/snooze', { id, snoozedUntil: null })).toMatchObject({
      readByAgent: false,
      snoozedUntil: null,
    });
  });

  test('the end of a snooze does not have to mark a chat as unread', async () => {
    behave({ wakingMarksUnread: false });
    const id = await snoozedChat();

    account.clock.advance(60_000);

    expect(await chatOf(id)).toMatchObject({ readByAgent: true, snoozedUntil: null });
  });
});

describe('responses to writes', () => {
  test.each([
    ['DELETE', async () => `/customers/${await newCustomer()}`],
    ['GET', () => Promise.resolve('/agents/12/unsubscribe')],
  ])('the body of %s can be text instead of JSON', async (method, path) => {
    const asJson = await account.call(method, await path());
    behave({ okBody: 'text' });
    const asText = await account.call(method, await path());

    expect([asJson.status, asJson.text]).toEqual([200, '"Ok"']);
    expect([asText.status, asText.text]).toEqual([200, 'Ok']);
  });

  test.each([
    ['/chats', { customer: 7001, application: 2 }],
    ['/messages', { chat: 5001, text: 'Hi', type: 'message' }],
    ['/customers', {}],
  ])('POST %s responds with 201 or 200', async (path, body) => {
    const created = await account.call('POST', path, { body });
    behave({ createdStatus: 200 });
    const ok = await account.call('POST', path, { body });

    expect([created.status, ok.status]).toEqual([201, 200]);
  });

  test.each([
    ['merge', { plan: 'pro', seats: 6 }],
    ['replace', { seats: 6 }],
  ] as const)('PATCH can %s custom data', async (value, expected) => {
    behave({ customDataPatch: value });
    const pair = (property: string, held: unknown) => ({ property, value: held });
    const id = await newCustomer({ customData: [pair('plan', 'pro'), pair('seats', 5)] });

    const patched = await send('PATCH', `/customers/${id}`, { customData: [pair('seats', 6)] });

    expect(patched.customData).toEqual(expected);
  });

  test('PUT can keep the user id, the channel and the tags of a customer', async () => {
    behave({ putClears: 'contact' });
    const channel = { createdFrom: 'telegram', integrationId: '123' };
    const tags = [{ name: 'VIP', color: '#000000' }];
    const id = await newCustomer({ ...channel, tags, userId: 'kept', phone: '1', source: 'x' });

    const put = await send('PUT', `/customers/${id}`, { name: 'Ada' });

    expect(put).toMatchObject({ ...channel, tags, userId: 'kept', phone: null, source: null });
  });

  test('custom data with an unregistered attribute can be rejected', async () => {
    const customData = [
      { property: 'plan', value: 'pro' },
      { property: 'colour', value: 'red' },
    ];
    const accepted = await send('POST', '/customers', { customData });
    behave({ unregisteredAttributes: 'reject' });

    const rejected = await send('POST', '/customers', { customData });
    const batch = await send('PUT', '/customers/batch', [{ customer: 7001, customData }]);

    expect(accepted.customData).toEqual({ plan: 'pro', colour: 'red' });
    expect(codesOf(rejected)).toEqual(['customData[1].property']);
    expect(codesOf(batch)).toEqual(['[0].customData[1].property']);
  });

  test('a fault can lose the response of a request that was carried out', async () => {
    behave({ faults: [{ match: 'POST /messages', fault: 'lose' }] });
    const id = await newChat();

    await expect(say(id, { text: 'Kept' })).rejects.toMatchObject({
      cause: { code: 'ECONNRESET' },
    });

    expect(account.simulator.calls.at(-1)).toMatchObject({ path: '/messages', status: 0 });
    expect(await chatOf(id)).toMatchObject({ lastMessageText: 'Kept' });
  });

  test('a fault can replace the response of a request that was carried out', async () => {
    const fault = { kind: 'status', status: 200, body: 'Ok', isApplied: true } as const;
    behave({ faults: [{ match: 'PUT', fault }] });
    const id = await newChat();

    const reply = await account.call('PUT', '/chats/assignee', { body: { id, assignee: 12 } });

    expect([reply.status, reply.text]).toEqual([200, 'Ok']);
    expect(await chatOf(id)).toMatchObject({ assignee: { id: 12 } });
  });
});

describe('values of requests', () => {
  test('a number is accepted for a text, and found as such', async () => {
    const { id, userId, phone } = await send('POST', '/customers', {
      userId: 1013857410,
      phone: 380501112233,
    });

    const found = await send('POST', '/customers/search', {
      filter: [{ field: 'customers.userId', operator: '=', value: 1013857410 }],
    });

    expect({ userId, phone }).toEqual({ userId: '1013857410', phone: '380501112233' });
    expect(rowsOf(found).map((row) => row.id)).toEqual([id]);
  });

  test('an empty user id is none', async () => {
    const first = await send('POST', '/customers', { userId: '' });
    const second = await send('POST', '/customers', { userId: '' });

    expect([first.userId, second.userId]).toEqual([null, null]);
  });

  test.each([
    ['notes', (text: string) => ({ notes: text })],
    ['customData[0].value', (value: string) => ({ customData: [{ property: 'plan', value }] })],
  ])('the limit of %s counts characters', async (path, input) => {
    const fits = await account.call('POST', '/customers', { body: input('🔴'.repeat(255)) });
    const tooLong = await account.call('POST', '/customers', { body: input('🔴'.repeat(256)) });

    expect(fits.status).toBe(201);
    expect(codesOf(tooLong.body)).toEqual([path]);
  });

  test.each(['bearer', 'BEARER'])('the scheme %s is accepted', async (scheme) => {
    const authorization = (credentials: string) => ({ headers: { authorization: credentials } });

    expect((await account.call('GET', '/chats', authorization(`${scheme} demo`))).status).toBe(200);
    expect((await account.call('GET', '/chats', authorization(`${scheme} Demo`))).status).toBe(401);
    expect((await account.call('GET', '/chats', authorization('demo'))).status).toBe(401);
  });
});

describe('searches', () => {
  const countOf = async (value: string): Promise<unknown> => {
    const body = await send('POST', '/chats/search', {
      filter: [{ field: 'chats.status', operator: '=', value }],
    });
    return body.errors === undefined ? body.total : codesOf(body);
  };

  test('a search has its total in both places', async () => {
    for (const collection of ['chats', 'customers']) {
      const body = await send('POST', `/${collection}/search`, { limit: 1 });
      expect(body.total).toBe(body.meta.total);
      expect(body.total).toBeGreaterThanOrEqual(5);
    }
  });

  test('spellings of a status can be equal, different or rejected', async () => {
    const id = await newChat();
    await send('PUT', '/chats/status', { id, status: 'on hold' });
    behave({ onHold: 'on-hold' });
    const all = await Promise.all(['on hold', 'onhold', 'on-hold', 'On-Hold', '4'].map(countOf));
    expect(new Set(all).size).toBe(1);
    expect(all[0]).toBeGreaterThan(0);
    expect((await chatOf(id)).status).toBe('on-hold');

    behave({ statusSearch: 'exact' });
    expect(await Promise.all(['on hold', 'onhold', 'nonsense'].map(countOf))).toEqual([0, 0, 0]);
    expect(await countOf('on-hold')).toBe(all[0]);

    behave({ statusSearch: 'reject' });
    expect(await countOf('onhold')).toEqual(['filter[0].value']);
    expect(await countOf('on-hold')).toBe(all[0]);
  });

  test('sort names without their prefix can be accepted, and unknown ones ignored', async () => {
    const search = (sort: string) => account.call('POST', '/chats/search', { body: { sort } });
    expect((await search('lastCustomerMessageAt')).status).toBe(400);

    behave({ bareSort: 'accept' });
    const bare = await search('lastCustomerMessageAt');
    expect(rowsOf(bare.body)).toEqual(rowsOf((await search('chats.lastCustomerMessageAt')).body));
    expect((await search('-id')).status).toBe(400);

    behave({ unknownSort: 'ignore' });
    expect(rowsOf((await search('-id')).body)).toEqual(
      rowsOf((await account.call('POST', '/chats/search', { body: {} })).body),
    );
  });
});

describe('the wire format', () => {
  test('times of one response can have several formats', async () => {
    behave({ times: 'mixed' });
    const id = await newChat();
    await send('PUT', '/chats/snooze', { id, snoozedUntil: '1900000000' });
    const message = await say(id, { type: 'private' });

    expect(await chatOf(id)).toMatchObject({
      createdAt: expect.stringMatching(/^\d+$/),
      snoozedUntil: '1900000000.000',
    });
    expect(message.createdAt).toMatch(/^\d+\.\d{3}$/);
    expect(await send('PATCH', '/customers/7001', { lastSeen: 1_700_000_000 })).toMatchObject({
      lastSeen: 1_700_000_000,
    });
  });

  test('absent objects can be empty lists', async () => {
    behave({ absentObjects: 'array' });

    expect(await chatOf(await newChat())).toMatchObject({ assignee: [], department: [] });
    expect(await send('GET', `/customers/${await newCustomer()}`)).toMatchObject({ device: [] });
  });
});

describe('the control endpoint', () => {
  const control = async (method: string, body?: unknown, key = 'demo') => {
    const response = await fetch(new URL('/simulator/behaviour', account.simulator.url), {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer: any = await response.json();
    return { status: response.status, answer };
  };

  test('the control endpoint reads and changes switches, and is not a call', async () => {
    const before = account.simulator.calls.length;

    const changed = await control('PATCH', {
      replyAssigns: false,
      createdStatus: '200',
      webhooks: { ids: 'text' },
    });
    const { answer } = await control('GET');

    expect(changed).toEqual({ status: 200, answer });
    expect(answer).toMatchObject({
      replyAssigns: false,
      createdStatus: 200,
      replyOpens: true,
      webhooks: { ids: 'text', apiWrites: true },
    });
    expect(account.simulator.calls).toHaveLength(before);
  });

  test.each([
    [{ replyAssigns: 'maybe' }, 'replyAssigns must be one of true, false, not "maybe".'],
    [{ colour: 1 }, 'colour is not a switch.'],
    [{ toString: 1 }, 'toString is not a switch.'],
    [{ webhooks: { lost: 1 } }, 'webhooks.lost is not a switch.'],
    [[], 'The body must be a JSON object of switches.'],
  ])('the control endpoint rejects %j', async (body, error) => {
    expect(await control('PATCH', body)).toEqual({ status: 400, answer: { error } });
    expect((await control('GET')).answer).toEqual(usualBehaviour);
  });

  test('the control endpoint requires the key', async () => {
    expect((await control('GET', undefined, 'other')).status).toBe(401);
  });

  test.each(Object.keys(switches))('%s is a switch with at least two values', async (name) => {
    const values: readonly unknown[] = switches[name as keyof typeof switches].values;
    for (const value of values.toReversed()) {
      expect((await control('PATCH', { [name]: value })).answer[name]).toBe(value);
    }
    expect(new Set(values).size).toBeGreaterThan(1);
  });
});
