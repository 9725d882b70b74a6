import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startDemo } from '../support/gateway.ts';
import type { ChatPageQueryVariables } from '../support/operations.ts';
import { ChatPageDocument, MarkChatReadDocument } from '../support/operations.ts';

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo();
});

async function page(variables: ChatPageQueryVariables) {
  const { chats } = (await demo.query(ChatPageDocument, variables)).data;
  if (chats === null) throw new Error('The list is missing.');
  return chats;
}

afterAll(() => demo[Symbol.asyncDispose]());

test('the result of a typed mutation matches its type', async () => {
  const variables = { id: '5208', by: 'CUSTOMER', read: false } as const;

  const { data, errors } = await demo.query(MarkChatReadDocument, variables);

  expect(errors).toEqual([]);
  expect(data.markChatRead?.id).toBe('5208');
  expect(data.markChatRead?.readByCustomer).toBe(false);
});

test('a typed list continues after its cursor', async () => {
  const filter = { status: 'CLOSED' } as const;
  const first = await page({ first: 3, filter });
  const whole = await page({ first: 6, filter });

  const { endCursor: after } = first.pageInfo;
  const second = await page({ first: 3, after, filter });

  expect([...first.edges, ...second.edges]).toEqual(whole.edges);
  expect(second.pageInfo.hasPreviousPage).toBe(true);
  expect(second.totalCount).toBe(whole.totalCount);
});
