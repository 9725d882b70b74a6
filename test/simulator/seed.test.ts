import { expect, test } from '@jest/globals';

import { createCallJournal } from '../../src/simulator/callJournal.ts';
import { createStore } from '../../src/simulator/store.ts';
import { createManualClock } from '../support/manualClock.ts';
import { rowsOf, startAccount } from './client.ts';

const storeOf = (seed: number, startMs?: number) =>
  createStore({ seed, clock: createManualClock(startMs), customers: 2000, chats: 5000 });

const store = storeOf(1);
const chats = [...store.chats.values()];
const customers = [...store.customers.values()];

test('the same seed and start give the same account over HTTP, another seed another', async () => {
  const seen = await Promise.all(
    [1, 1, 2].map(async (seed) => {
      const { call, simulator } = await startAccount({ seed });
      const paths = ['/chats', '/customers', '/agents', '/chats/5208/messages'];
      const replies = await Promise.all(paths.map((path) => call('GET', path)));
      await simulator.close();
      return replies.map(({ text }) => text).join('\n');
    }),
  );

  expect(seen[0]).toBe(seen[1]);
  expect(seen[0]).not.toBe(seen[2]);
});

test('an account started later is the same account, moved', () => {
  const later = storeOf(1, Date.UTC(2027, 0, 1));
  const moved = Date.UTC(2027, 0, 1) - store.now();

  expect(later.chat(5208)).toMatchObject({
    createdAt: store.chat(5208).createdAt + moved,
    lastMessageText: store.chat(5208).lastMessageText,
  });
});

test('the account has its documented size and variety', () => {
  const { agents, bot, departments, applications } = store.staff;
  const of = <T>(values: readonly T[]) => new Set(values);

  expect([agents.length, departments.length, applications.length]).toEqual([40, 6, 5]);
  expect([customers.length, chats.length]).toEqual([2000, 5000]);
  expect(bot).toMatchObject({ name: 'HelpBot', role: 'admin' });
  expect(of(agents.map(({ role }) => role)).size).toBe(4);
  expect(of(chats.map(({ status }) => status)).size).toBe(7);
  expect(of(chats.map(({ rating }) => rating)).size).toBe(6);
  expect(of(chats.map(({ applicationId }) => applicationId)).size).toBe(5);
  expect(of(customers.map(({ userId }) => userId ?? Math.random())).size).toBe(2000);
  expect(chats.some(({ snoozedUntil }) => snoozedUntil !== null)).toBe(true);
  expect(customers.some(({ name }) => name === null)).toBe(true);
  expect(customers.some(({ tags }) => tags.length > 1)).toBe(true);
});

test('the account contains no real host names or IP addresses', () => {
  const text = JSON.stringify([store.staff, customers]);
  const hosts = [...text.matchAll(/@([\w.-]+)|https?:\/\/([\w.-]+)/g)].map(([, a, b]) => a ?? b);

  expect(hosts.filter((host) => !/(^|\.)example\.(com|org)$/.test(host ?? ''))).toEqual([]);
  for (const { device } of customers) {
    if (device !== null) expect(device.ip).toMatch(/^(192\.0\.2|198\.51\.100)\.\d+$/);
  }
});

test('every chat is consistent with its messages', () => {
  // One assertion for all chats: five thousand times seven take seconds.
  const agreements = chats.map((chat) => {
    const newestFirst = store.messagesOf(chat.id);
    const said = newestFirst.filter(({ type }) => type !== 'tech');
    const [last] = said;
    const ids = newestFirst.map(({ id }) => id);
    const actual = {
      id: chat.id,
      isShort: newestFirst.length <= 14,
      isEmpty: newestFirst.length === 0,
      lastMessageId: chat.lastMessageId,
      lastMessageText: chat.lastMessageText,
      lastMessageAt: chat.lastMessageAt,
      lastCustomerMessageAt: chat.lastCustomerMessageAt,
      ids,
      isFilled: newestFirst.every(({ text }) => text !== null && !/[{}]/.test(text)),
      isPast: [chat, ...newestFirst].every(({ createdAt }) => createdAt < store.now()),
    };
    const expected = {
      id: chat.id,
      isShort: true,
      isEmpty: chat.status === 'empty',
      lastMessageId: last?.id ?? null,
      lastMessageText: last?.text ?? null,
      lastMessageAt: last?.createdAt ?? null,
      lastCustomerMessageAt: said.find(({ from }) => from === 'customer')?.createdAt ?? null,
      ids: ids.toSorted((one, other) => other - one),
      isFilled: true,
      isPast: true,
    };
    return { actual, expected };
  });

  expect(agreements.map(({ actual }) => actual)).toEqual(
    agreements.map(({ expected }) => expected),
  );
});

test('a closed chat has the time and side of its closing, and recent chats are more often open', () => {
  const day = 86_400_000;
  const shareClosed = (from: number, to: number): number => {
    const aged = chats.filter(({ createdAt }) => {
      const age = store.now() - createdAt;
      return age >= from && age < to;
    });
    return aged.filter(({ status }) => status === 'closed').length / aged.length;
  };

  for (const { status, closedAt, closedBy, rating } of chats) {
    expect([closedAt !== null, closedBy !== null]).toEqual([
      status === 'closed',
      status === 'closed',
    ]);
    if (rating !== null) expect(status).toBe('closed');
  }
  expect(shareClosed(0, day)).toBeLessThan(0.4);
  expect(shareClosed(7 * day, 91 * day)).toBeGreaterThan(0.8);
});

test('the newest messages and the next one have ids beyond 2^31', async () => {
  const { call, simulator } = await startAccount();

  const newest = await call('GET', '/chats/5399/messages');
  const oldest = await call('GET', '/chats/5000/messages');
  const body = { chat: 5000, text: 'Hi', type: 'message' };
  const posted = await call('POST', '/messages', { body });

  expect(rowsOf(newest.body)[0]!.id).toBeGreaterThan(2 ** 31);
  expect(rowsOf(oldest.body)[0]!.id).toBeLessThan(2 ** 31);
  expect(posted.body.id).toBeGreaterThan(rowsOf(newest.body)[0]!.id);
  await simulator.close();
});

test('the journal drops the oldest calls, and sooner if they were large', () => {
  const journal = createCallJournal();
  const add = (path: string, size: number) => {
    journal.add({ method: 'GET', path, body: undefined, status: 200 }, size);
  };

  for (let made = 0; made < 25_000; made += 1) add(String(made), 0);
  expect(journal.calls).toHaveLength(10_000);
  expect(journal.calls[0]?.path).toBe('15000');

  add('large', 3_900_000);
  add('larger', 200_000);
  expect(journal.calls.map(({ path }) => path)).toEqual(['larger']);
});
