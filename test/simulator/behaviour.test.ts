import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { SimulatorOptions } from '../../src/simulator/simulator.ts';
import { startAccount, type TestAccount } from './client.ts';

let account: TestAccount;

beforeEach(async () => {
  account = await startAccount({ customers: 3, chats: 3 });
});

afterEach(() => account.simulator.close());

const restart = async (options: SimulatorOptions): Promise<void> => {
  await account.simulator.close();
  account = await startAccount({ customers: 3, chats: 3, ...options });
};

const statusesOf = async (count: number, path = '/organization'): Promise<readonly number[]> => {
  const statuses: number[] = [];
  for (let made = 0; made < count; made += 1) {
    statuses.push((await account.call('GET', path)).status);
  }
  return statuses;
};

/** Lets what was sent arrive before the clock is moved. */
const untilCalled = async (count: number): Promise<void> => {
  while (account.simulator.calls.length < count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe('the rate limit', () => {
  test('the rate limit applies to any minute, and rejected calls do not count', async () => {
    await restart({ rateLimit: 3 });

    expect(await statusesOf(2)).toEqual([200, 200]);
    account.clock.advance(30_000);
    expect(await statusesOf(3)).toEqual([200, 429, 429]);
    account.clock.advance(29_999);
    expect(await statusesOf(1)).toEqual([429]);
    account.clock.advance(1);
    expect(await statusesOf(3)).toEqual([200, 200, 429]);
  });

  test('calls can be counted in minutes of the clock', async () => {
    await restart({ rateLimit: 2, behaviour: { rateWindow: 'fixed', retryAfter: true } });
    account.clock.advance(60_000 - (account.clock.now() % 60_000) + 50_000);

    expect(await statusesOf(3)).toEqual([200, 200, 429]);
    const { headers } = await account.call('GET', '/chats');
    expect(headers.get('retry-after')).toBe('10');
    account.clock.advance(10_000);
    expect(await statusesOf(3)).toEqual([200, 200, 429]);
  });

  test('calls can be limited by a token bucket', async () => {
    await restart({ rateLimit: 4, behaviour: { rateWindow: 'bucket', retryAfter: true } });

    expect(await statusesOf(5)).toEqual([200, 200, 200, 200, 429]);
    const { headers } = await account.call('GET', '/chats');
    expect(headers.get('retry-after')).toBe('15');
    account.clock.advance(30_000);
    expect(await statusesOf(3)).toEqual([200, 200, 429]);
  });

  test('the default rate limit is 120', async () => {
    await restart({ rateLimit: 120 });

    expect((await statusesOf(121)).slice(-2)).toEqual([200, 429]);
  });

  test('the rate limit is checked after the key', async () => {
    await restart({ rateLimit: 1 });
    await statusesOf(2);

    const reply = await account.call('GET', '/chats', { headers: { authorization: 'Bearer no' } });

    expect(reply.status).toBe(401);
  });

  test('a 429 has Retry-After only if configured', async () => {
    await restart({ rateLimit: 1, behaviour: { retryAfter: true } });
    await statusesOf(1);
    account.clock.advance(10_500);

    const withHeader = await account.call('GET', '/chats');
    account.simulator.behave({ retryAfter: false });
    const withoutHeader = await account.call('GET', '/chats');

    expect(withHeader.headers.get('retry-after')).toBe('50');
    expect(withoutHeader.headers.get('retry-after')).toBeNull();
  });
});

describe('a switch', () => {
  test('times can be written as numbers or with milliseconds', async () => {
    const id = 5001;
    account.clock.advance(250);
    const snooze = () =>
      account.call('PUT', '/chats/snooze', { body: { id, snoozedUntil: '1700000000.25' } });

    expect((await snooze()).body.snoozedUntil).toBe('1700000000');
    account.simulator.behave({ times: 'number' });
    expect((await snooze()).body.snoozedUntil).toBe(1_700_000_000);
    account.simulator.behave({ times: 'milliseconds' });
    expect((await snooze()).body.snoozedUntil).toBe('1700000000.250');
  });

  test('every response can be delayed', async () => {
    account.simulator.behave({ latencyMs: 300 });

    let isAnswered = false;
    const reply = account.call('GET', '/organization').finally(() => {
      isAnswered = true;
    });
    await untilCalled(1);
    account.clock.advance(299);
    await new Promise((resolve) => setImmediate(resolve));
    const wasAnswered = isAnswered;
    account.clock.advance(1);

    expect((await reply).status).toBe(200);
    expect(wasAnswered).toBe(false);
  });

  test('a limit above 100 can be rejected', async () => {
    await restart({ customers: 101 });
    const count = async () => {
      const { status, body } = await account.call('GET', '/customers?limit=101');
      return status === 200 ? body.data.length : body.errors[1].code;
    };

    expect(await count()).toBe(100);
    account.simulator.behave({ limitOverflow: 'reject' });
    expect(await count()).toBe('limit');
  });

  test('empty custom data can be written as an empty list', async () => {
    const create = async (body: object) =>
      (await account.call('POST', '/customers', { body })).body.customData as unknown;

    expect(await create({})).toEqual({});
    account.simulator.behave({ emptyCustomData: 'array' });
    expect(await create({})).toEqual([]);
    expect(await create({ customData: [{ property: 'a', value: 1 }] })).toEqual({ a: 1 });
  });
});

describe('a fault', () => {
  test('a fault responds with its status, headers and body', async () => {
    const headers = { 'retry-after': '7', 'content-type': 'text/plain' };
    account.simulator.behave({
      faults: [
        { times: 1, fault: { kind: 'status', status: 503, headers, body: 'try later' } },
        { times: 1, fault: { kind: 'status', status: 500, body: { errors: [] } } },
        { fault: { kind: 'status', status: 502 } },
      ],
    });

    const first = await account.call('DELETE', '/customers/7001');
    const second = await account.call('GET', '/chats');
    const third = await account.call('GET', '/chats');

    expect(first).toMatchObject({ status: 503, text: 'try later' });
    expect(first.headers.get('retry-after')).toBe('7');
    expect(second).toMatchObject({ status: 500, text: '{"errors":[]}' });
    expect(third).toMatchObject({ status: 502, text: '' });
    account.simulator.behave({ faults: [] });
    expect((await account.call('GET', '/customers/7001')).status).toBe(200);
  });

  test('a fault breaks the connection after the request was read', async () => {
    account.simulator.behave({ faults: [{ fault: 'reset' }] });

    const reply = account.call('POST', '/customers', { body: { name: 'Lost' } });

    await expect(reply).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(account.simulator.calls).toEqual([
      { method: 'POST', path: '/customers', body: { name: 'Lost' }, status: 0 },
    ]);
  });

  test('a fault leaves a call without a response until the simulator closes', async () => {
    account.simulator.behave({ faults: [{ fault: 'hang' }] });

    const reply = account.call('GET', '/organization').catch(() => 'broken');
    await untilCalled(1);
    await account.simulator.close();

    expect(await reply).toBe('broken');
    expect(account.simulator.calls).toMatchObject([{ status: 0 }]);
  });

  test('a fault truncates a response after the request was executed', async () => {
    account.simulator.behave({ faults: [{ match: 'PUT', fault: 'truncate' }] });

    const response = await fetch(`${account.simulator.url}/chats/status`, {
      method: 'PUT',
      headers: { authorization: 'Bearer demo' },
      body: '{"id":5001,"status":"on hold"}',
    });

    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect((await account.call('GET', '/chats/5001')).body.status).toBe('on hold');
  });

  test('a fault sends a response byte by byte', async () => {
    account.simulator.behave({ faults: [{ fault: 'drip' }] });

    const response = await fetch(`${account.simulator.url}/organization`, {
      headers: { authorization: 'Bearer demo' },
    });
    const length = Number(response.headers.get('content-length'));
    const text = response.text();
    account.clock.advance(length * 100);

    expect(JSON.parse(await text)).toMatchObject({ data: { domain: 'demo-shop' } });
    expect(length).toBeGreaterThan(50);
  });

  test('a fault responds with HTML or with nothing', async () => {
    account.simulator.behave({
      faults: [
        { match: 'GET /agents', fault: 'html' },
        { match: 'GET', fault: 'empty' },
      ],
    });

    const page = await account.call('GET', '/agents');
    const nothing = await account.call('GET', '/chats');

    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('<html>') });
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(nothing).toMatchObject({ status: 200, text: '' });
  });

  test.each([
    ['GET /chats', [503, 200, 200, 200]],
    ['GET /chats/{chatId}', [200, 503, 200, 200]],
    ['GET /chats/{id}/messages', [200, 200, 503, 200]],
    ['GET /chats/', [200, 503, 503, 200]],
    ['GET /chats/5000', [200, 503, 503, 200]],
    ['GET /chats/500', [200, 200, 200, 200]],
    ['GET', [503, 503, 503, 503]],
    ['POST /chats', [200, 200, 200, 200]],
  ])('a fault matched by %s affects the matching calls', async (match, expected) => {
    account.simulator.behave({ faults: [{ match, fault: { kind: 'status', status: 503 } }] });

    const paths = ['/chats?limit=1', '/chats/5000', '/chats/5000/messages/', '/customers'];
    const statuses = await Promise.all(paths.map((path) => account.call('GET', path)));

    expect(statuses.map(({ status }) => status)).toEqual(expected);
  });

  test('a fault occurs with its count and rate', async () => {
    const fault = { kind: 'status', status: 503 } as const;
    // The clock of this test always gives one half.
    account.simulator.behave({ faults: [{ rate: 0.5, fault }] });
    expect(await statusesOf(2)).toEqual([200, 200]);
    account.simulator.behave({ faults: [{ rate: 0.51, times: 2, fault }] });
    expect(await statusesOf(1)).toEqual([503]);
    account.simulator.behave({ latencyMs: 0 });
    expect(await statusesOf(2)).toEqual([503, 200]);
  });
});

test('the journal holds the latest 10,000 calls, and each is reported', async () => {
  const calls: string[] = [];
  await restart({
    onCall: ({ method, path, status }) => calls.push(`${method} ${path} ${status}`),
  });

  await account.call('GET', '/chats/5000/?limit=1');
  await account.call('POST', '/messages', { body: 'not JSON' });

  expect(calls).toEqual(['GET /chats/5000/?limit=1 200', 'POST /messages 400']);
  expect(account.simulator.calls).toEqual([
    { method: 'GET', path: '/chats/5000/?limit=1', body: undefined, status: 200 },
    { method: 'POST', path: '/messages', body: 'not JSON', status: 400 },
  ]);
});
