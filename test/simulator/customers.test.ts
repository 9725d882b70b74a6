import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { startAccount, type Reply, type TestAccount } from './client.ts';

let account: TestAccount;

beforeAll(async () => {
  account = await startAccount({ customers: 5, chats: 10 });
});

afterAll(() => account.simulator.close());

const send = async (method: string, path: string, body?: unknown): Promise<Reply['body']> => {
  const reply = await account.call(method, path, body === undefined ? {} : { body });
  return reply.body as unknown;
};

describe('a customer', () => {
  const full = {
    name: 'Леся',
    email: 'lesia@example.com',
    phone: '+380001112233',
    city: 'Львів',
    tags: [{ name: 'VIP', color: '#000000' }],
    customData: [
      { property: 'plan', value: 'pro' },
      { property: 'seats', value: 5 },
    ],
  };

  test('PUT clears missing fields of a customer, and PATCH only those that are null', async () => {
    const { id } = await send('POST', '/customers', { ...full, userId: 'wiped' });

    const patched = await send('PATCH', `/customers/${id}`, {
      phone: null,
      lastSeen: '1700000000',
      customData: [
        { property: 'seats', value: 6 },
        { property: 'plan', value: null },
      ],
    });
    const put = await send('PUT', `/customers/${id}`, { company: 'Demo LLC' });

    expect(patched).toMatchObject({
      name: 'Леся',
      phone: null,
      lastSeen: '1700000000',
      location: { city: 'Львів' },
      tags: full.tags,
    });
    expect(patched.customData).toEqual({ seats: 6 });
    expect(put).toMatchObject({
      company: 'Demo LLC',
      userId: null,
      name: null,
      email: null,
      lastSeen: null,
      unsubscribed: false,
      tags: [],
      customData: {},
      location: { city: 'Львів' },
    });
  });

  test('a userId belongs to one customer', async () => {
    const taken = { errors: [{ code: 'invalid_userId_value', message: expect.any(String) }] };

    expect(await send('POST', '/customers', { userId: 'u-7001' })).toEqual(taken);
    expect(await send('PATCH', '/customers/7002', { userId: 'u-7001' })).toEqual(taken);
    expect(await send('PATCH', '/customers/7001', { userId: 'u-7001' })).toMatchObject({
      id: 7001,
    });
  });

  test('tags of a customer are added and removed by name', async () => {
    const { id } = await send('POST', '/customers', full);
    const path = `/customers/${id}/tags`;

    const more = await send('PUT', path, { tags: [{ name: 'Trial' }, { name: 'VIP' }] });
    const fewer = await send('DELETE', path, { tags: [{ name: 'VIP' }, { name: 'unknown' }] });

    expect(more.tags).toEqual([
      { name: 'VIP', color: '#000000' },
      { name: 'Trial', color: '#c377e0' },
    ]);
    expect(fewer.tags).toEqual([{ name: 'Trial', color: '#c377e0' }]);
  });

  test('deleting a customer deletes its chats', async () => {
    const { id } = await send('POST', '/customers', {});
    const chat = await send('POST', '/chats', { customer: id, application: 2 });

    const reply = await account.call('DELETE', `/customers/${id}`);

    expect(reply.text).toBe('"Ok"');
    expect((await account.call('GET', `/customers/${id}`)).status).toBe(404);
    expect((await account.call('GET', `/chats/${chat.id}`)).status).toBe(404);
  });

  test('a batch has at most ten customers, replaces them like PUT and is atomic', async () => {
    const { id } = await send('POST', '/customers', full);
    const before = await send('GET', '/customers/7003');
    const eleven = Array.from({ length: 11 }, () => ({ customer: id }));

    const failed = await account.call('PUT', '/customers/batch', {
      body: [{ customer: 7003, name: 'x' }, { customer: 1 }],
    });
    const done = await send('PUT', '/customers/batch', [{ customer: String(id), name: 'Ok' }]);

    expect(failed.status).toBe(404);
    expect(await send('GET', '/customers/7003')).toEqual(before);
    expect(done).toMatchObject([{ id, name: 'Ok', email: null }]);
    expect((await account.call('PUT', '/customers/batch', { body: eleven })).status).toBe(400);
  });

  test.each([
    ['notes', { notes: 'x'.repeat(256) }],
    ['customData[0].value', { customData: [{ property: 'a', value: 'x'.repeat(256) }] }],
    ['customData', { customData: { plan: 'pro' } }],
    ['tags[0].name', { tags: [{ color: '#fff' }] }],
    ['name', { name: true }],
    ['firstSeen', { firstSeen: '2024-01-01' }],
  ])('a customer is rejected for its %s', async (code, body) => {
    const { errors } = await send('POST', '/customers', body);

    expect(errors).toEqual([
      { code: 'invalid_request', message: 'Invalid request' },
      { code, message: expect.any(String) },
    ]);
  });
});
