import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { startAccount, type TestAccount } from './client.ts';

let account: TestAccount;

beforeAll(async () => {
  account = await startAccount({ customers: 5, chats: 10 });
});

afterAll(() => account.simulator.close());

describe('a request', () => {
  test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded'])(
    'a request with JSON is accepted as %s',
    async (type) => {
      // A buffer, for fetch names a type of its own when it is given a string.
      const response = await fetch(`${account.simulator.url}/customers/search`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer demo',
          ...(type !== undefined && { 'content-type': type }),
        },
        body: Buffer.from('{"limit":"1"}'),
      });

      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ data: [{ id: 7001 }] });
    },
  );

  test('a request that is not JSON or has no endpoint is rejected', async () => {
    const broken = await account.call('POST', '/messages', { body: '{"chat":' });
    const lists = ['/chats/total', '/chats/5000/', '/knowledge', '/agents/12', '/customers/0x1b59'];

    expect(broken.status).toBe(400);
    expect(broken.body.errors[1].code).toBe('body');
    const replies = await Promise.all(lists.map((path) => account.call('GET', path)));
    expect(replies.map(({ status }) => status)).toEqual([404, 200, 404, 404, 404]);
    const outside = await fetch(account.simulator.url.replace('/v1', '/chats'), {
      headers: { authorization: 'Bearer demo' },
    });
    expect(outside.status).toBe(404);
  });
});
