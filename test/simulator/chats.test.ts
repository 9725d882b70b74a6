import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { nowSeconds, rowsOf, startAccount, type Reply, type TestAccount } from './client.ts';

let account: TestAccount;

beforeAll(async () => {
  account = await startAccount({ customers: 5, chats: 10 });
});

afterAll(() => account.simulator.close());

const send = async (method: string, path: string, body?: unknown): Promise<Reply['body']> => {
  const reply = await account.call(method, path, body === undefined ? {} : { body });
  return reply.body as unknown;
};

const newChat = async (): Promise<number> => {
  const chat = await send('POST', '/chats', { customer: 7001, application: 2 });
  return chat.id as number;
};

const say = (chat: number, rest: object) =>
  send('POST', '/messages', { chat, text: 'Hello', type: 'message', ...rest });

describe('a chat', () => {
  test('a new chat is empty', async () => {
    const chat = await send('POST', '/chats', {
      customer: '7001',
      application: '2',
      assignee: 12,
      department: null,
    });

    expect(chat).toMatchObject({
      status: 'empty',
      createdWith: 'public_api',
      applicationId: 2,
      agents: [],
      lastMessageId: null,
      lastMessageText: null,
      createdAt: String(nowSeconds(account)),
      assignee: { id: 12 },
      department: null,
      customer: { id: 7001, userId: 'u-7001' },
    });
    expect(await send('GET', `/chats/${chat.id}/messages`)).toEqual({ data: [], total: 0 });
  });

  test('a chat reflects its messages', async () => {
    const id = await newChat();

    const question = await say(id, { text: 'Де посилка?' });
    const asked = await send('GET', `/chats/${id}`);
    account.clock.advance(2000);
    const answer = await say(id, { agent: '12', markdownText: '**Tomorrow**' });
    const answered = await send('GET', `/chats/${id}/`);

    expect(question).toMatchObject({
      chat: id,
      from: 'customer',
      agent: null,
      text: 'Де посилка?',
    });
    expect(asked).toMatchObject({
      status: 'new',
      readByAgent: false,
      readByCustomer: true,
      lastMessageId: question.id,
      lastMessageText: 'Де посилка?',
      lastCustomerMessageAt: question.createdAt,
    });
    expect(answer).toMatchObject({ from: 'agent', agent: { id: 12 }, text: '**Tomorrow**' });
    expect(answer).not.toHaveProperty('markdownText');
    expect(answered).toMatchObject({
      status: 'opened',
      readByAgent: true,
      readByCustomer: false,
      agents: [{ id: 12 }],
      lastCommunicatedAgentId: 12,
      lastMessageId: answer.id,
      lastMessageAt: answer.createdAt,
      lastCustomerMessageAt: question.createdAt,
    });
    const page = await send('GET', `/chats/${id}/messages`);
    expect(rowsOf(page).map((message) => [message['text'], message['read']])).toEqual([
      ['chat_auto_assigned', true],
      ['**Tomorrow**', false],
      ['Де посилка?', true],
    ]);
  });

  test('a chat started by an agent has the status "no communication" until the customer writes', async () => {
    const id = await newChat();

    await say(id, { agent: 12 });
    expect(await send('GET', `/chats/${id}`)).toMatchObject({ status: 'no communication' });
    await say(id, {});
    expect(await send('GET', `/chats/${id}`)).toMatchObject({ status: 'new' });
  });

  test('a private note changes nothing in its chat', async () => {
    const id = await newChat();

    const note = await say(id, { type: 'private' });

    expect(note).toMatchObject({ from: 'agent', agent: null, type: 'private' });
    expect(await send('GET', `/chats/${id}`)).toMatchObject({
      status: 'empty',
      agents: [],
      lastMessageId: null,
      lastMessageText: null,
      lastMessageAt: null,
      lastCommunicatedAgentId: null,
    });
  });

  test('a chat has the time and side of its closing until it is opened again', async () => {
    const id = await newChat();

    const closed = await send('PUT', '/chats/status', { id: String(id), status: 'closed' });
    const reopened = await send('PUT', '/chats/status', { id, status: 'onhold' });
    await send('PUT', '/chats/status', { id, status: 'closed' });
    await say(id, {});

    expect(closed).toMatchObject({
      status: 'closed',
      closedBy: 'agent',
      closedAt: String(nowSeconds(account)),
    });
    expect(reopened).toMatchObject({ status: 'on hold', closedBy: null, closedAt: null });
    expect(await send('GET', `/chats/${id}`)).toMatchObject({ status: 'new', closedAt: null });
    const { data } = await send('GET', `/chats/${id}/messages?limit=2&offset=1`);
    expect(data).toMatchObject([
      { type: 'tech', agent: null, text: 'request_rating' },
      { type: 'tech', agent: null, text: 'chat_status_changed_by_public_api' },
    ]);
  });

  test('a chat is rated once, after it was closed and an agent wrote', async () => {
    const id = await newChat();
    const rate = () => send('PUT', '/chats/rate', { id, rating: 'perfect' });
    const refusal = (message: string) => ({ errors: [{ code: 'invalid_request', message }] });

    expect(await rate()).toEqual(refusal('Chat is not closed'));
    await send('PUT', '/chats/status', { id, status: 'closed' });
    expect(await rate()).toEqual(refusal('Chat holds no message of an agent'));
    await say(id, { agent: 12 });
    await send('PUT', '/chats/status', { id, status: 'closed' });
    expect(await rate()).toMatchObject({ rating: 'perfect' });
    expect(await rate()).toEqual(refusal('Chat already has a rating'));
  });

  test('a chat can be assigned, moved, snoozed and marked as read', async () => {
    const id = await newChat();

    expect(await send('PUT', '/chats/assignee', { id, assignee: '12' })).toMatchObject({
      assignee: { id: 12 },
    });
    expect(await send('PUT', '/chats/assignee', { id, assignee: null })).toMatchObject({
      assignee: null,
    });
    expect(await send('PUT', '/chats/department', { id, department: 3 })).toMatchObject({
      department: { id: 3, name: 'Продажі' },
    });
    expect(await send('PUT', '/chats/snooze', { id, snoozedUntil: 1800000000 })).toMatchObject({
      snoozedUntil: '1800000000',
    });
    await say(id, {});
    expect(await send('GET', `/chats/${id}`)).toMatchObject({ snoozedUntil: null });
    expect(await send('PUT', '/chats/readByAgent', { id, read: true })).toMatchObject({
      readByAgent: true,
    });
    expect(await send('PUT', '/chats/readByCustomer', { id, read: false })).toMatchObject({
      readByAgent: true,
      readByCustomer: false,
    });
    expect(await send('PUT', '/chats/read', { id, read: false })).toMatchObject({
      readByAgent: false,
    });
  });

  test.each(['readByAgent', 'readByCustomer', 'read'])(
    'an unknown chat gets one misspelt error entry from %s',
    async (name) => {
      expect(await send('PUT', `/chats/${name}`, { id: '999999', read: true })).toEqual({
        errors: [{ code: 'not_fount', message: 'Chat for ID "999999" was not found' }],
      });
    },
  );
});
