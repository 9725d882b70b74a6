import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startDemo } from '../support/gateway.ts';
import { ChatPageDocument, MarkChatReadDocument } from '../support/operations.ts';

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo();
});

afterAll(() => demo[Symbol.asyncDispose]());

test('the result of a typed mutation matches its type', async () => {
  const variables = { id: '5208', by: 'CUSTOMER', read: false } as const;

  const { data, errors } = await demo.query(MarkChatReadDocument, variables);

  expect(errors).toEqual([]);
  expect(data.markChatRead.id).toBe('5208');
  expect(data.markChatRead.readByCustomer).toBe(false);
});

test('a typed list continues after its cursor', async () => {
  const filter = { status: 'CLOSED' } as const;
  const first = await demo.query(ChatPageDocument, { first: 3, filter });
  const whole = await demo.query(ChatPageDocument, { first: 6, filter });

  const { endCursor: after } = first.data.chats.pageInfo;
  const second = await demo.query(ChatPageDocument, { first: 3, after, filter });

  expect([...first.data.chats.edges, ...second.data.chats.edges]).toEqual(whole.data.chats.edges);
  expect(second.data.chats.pageInfo.hasPreviousPage).toBe(true);
  expect(second.data.chats.totalCount).toBe(whole.data.chats.totalCount);
});
