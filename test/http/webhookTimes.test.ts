import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { rejectedWebhookLine } from '../support/logLines.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const oneSecond = 1_000;
const oneHour = 3_600_000;
const oneDay = 24 * oneHour;
const twoYears = 730 * oneDay;

const clock = createManualClock();
const { cacheTtlsMs } = readConfig({
  HELPCRUNCH_API_KEY: 'key',
  HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
});

let helpCrunch: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

const start = () =>
  startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { rateLimit: 0, cacheTtlsMs, webhookSecret },
  });

beforeAll(async () => {
  helpCrunch = await startControlledUpstream();
  gateway = await start();
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const customer = { id: 7, name: 'Ada', email: 'ada@example.com', userId: 'u-7' };

beforeEach(() => {
  clock.advance(2 * oneHour);
  helpCrunch.seed({ chats: [{ id: 5, customer }], customers: [{ ...customer, company: 'Old' }] });
  helpCrunch.clearCalls();
});

/** The data of an event of each family, with times inside that are always recent. */
function dataOf(event: string, messageId = 90) {
  const now = (clock.now() / 1000).toFixed(3);
  if (event.startsWith('customer.')) return { ...customer, unsubscribed: false, customData: {} };
  if (event.startsWith('chat.')) return chatData({ ...helpCrunch.chats.get(5), id: 5 });
  const message = { id: messageId, text: 'hello', createdAt: now, updatedAt: now };
  return { chat_id: 5, agent: null, customer, message };
}

const events = [
  ...['new', 'status_updated', 'assigned', 'snoozed', 'unsnoozed', 'closed', 'rated'].map(
    (name) => `chat.${name}`,
  ),
  ...['new', 'email_updated', 'tags_changed', 'unsubscribed', 'subscribed', 'blocked'].map(
    (name) => `customer.${name}`,
  ),
  'customer.unblocked',
  'customer.deleted',
  'message.chat.customer',
  'message.email.customer',
  'message.private',
  'message.chat.agent',
  'message.email.agent',
];

/** Delivers with `createdAt` as the wire has it; left out for `undefined`. */
function deliverAt(
  to: { readonly url: string },
  event: string,
  createdAt: unknown,
  messageId?: number,
) {
  const wire: any = JSON.parse(wireDelivery({ event, eventData: dataOf(event, messageId) }));
  return post(to, JSON.stringify({ ...wire, createdAt }));
}

const seconds = (offsetMs: number) => Math.floor(clock.now() / 1000) + offsetMs / 1000;

const chatQuery = '{ chat(id: 5) { status } }';
const customerQuery = '{ customer(id: 7) { phone } }';

async function callsFor(query: string) {
  const { errors, extensions } = await gateway.query(query);
  expect(errors).toEqual([]);
  return extensions.upstream.calls;
}

const subscriptions = {
  message: 'subscription { messageReceived(chatId: 5) { id } }',
  chat: 'subscription { chatUpdated(id: 5) { change } }',
  customer: 'subscription { customerUpdated(id: 7) { id company } }',
};

/** A socket with a subscription to each kind of event. */
async function subscribe(to: { readonly url: string }) {
  const socket = await openSocket(to.url);
  await socket.initialize();
  for (const [id, query] of Object.entries(subscriptions)) {
    socket.send({ type: 'subscribe', id, payload: { query } });
  }
  return socket;
}

/** The first event of each subscription after these were delivered. */
async function firstHeard(socket: Awaited<ReturnType<typeof subscribe>>) {
  const first = new Map<string, unknown>();
  while (first.size < 3) {
    const { id, payload } = await socket.nextMessage();
    if (!first.has(id)) first.set(id, payload.data);
  }
  return Object.fromEntries(first);
}

const outdated: [string, () => unknown][] = [
  ['two years ago', () => seconds(-twoYears)],
  ['one day and a second ago', () => seconds(-oneDay - oneSecond)],
  ['in 301 seconds', () => seconds(301 * oneSecond)],
  ['in the year 2500', () => 16_725_225_600],
  ['in the year 1970', () => 0],
  ['at no time', () => undefined],
  ['at null', () => null],
  ['at a text that is no time', () => 'yesterday'],
  ['at a negative time', () => -1],
  ['at a time in milliseconds', () => clock.now()],
];

describe('a correctly signed webhook', () => {
  test.each(outdated)(
    'a webhook dated %s is not published to subscribers',
    async (_when, createdAt) => {
      await using socket = await subscribe(gateway);
      await gateway.waitForSubscriptions(3);

      const outcomes = new Set();
      for (const event of events) {
        outcomes.add((await deliverAt(gateway, event, createdAt())).outcome);
      }
      helpCrunch.seed({ customers: [{ ...customer, company: 'New' }] });
      for (const event of ['message.chat.agent', 'chat.rated', 'customer.tags_changed']) {
        await deliverAt(gateway, event, seconds(0), 91);
      }

      expect(await firstHeard(socket)).toEqual({
        message: { messageReceived: { id: '91' } },
        chat: { chatUpdated: { change: 'MESSAGE' } },
        customer: { customerUpdated: { id: '7', company: 'New' } },
      });
      expect([...outcomes]).toEqual(['outdated']);
    },
  );

  test.each(outdated)('a webhook dated %s invalidates its entities', async (_when, createdAt) => {
    const families = [
      [chatQuery, 'chat.rated'],
      [chatQuery, 'message.chat.customer'],
      [customerQuery, 'customer.tags_changed'],
      [customerQuery, 'customer.blocked'],
    ] as const;
    for (const [query, event] of families) {
      await callsFor(query);
      const before = await callsFor(query);
      const { status, outcome } = await deliverAt(gateway, event, createdAt());

      expect({ event, before, status, outcome }).toEqual({
        event,
        before: 0,
        status: 200,
        outcome: 'outdated',
      });
      expect(await callsFor(query)).toBe(1);
    }
  });

  test.each(outdated)(
    'a webhook dated %s does not change a cached value',
    async (_when, createdAt) => {
      await callsFor(chatQuery);
      const wire: any = JSON.parse(
        wireDelivery({
          event: 'chat.status_updated',
          eventData: chatData({ id: 5, customer, status: 'closed' }),
        }),
      );
      await post(gateway, JSON.stringify({ ...wire, createdAt: createdAt() }));

      expect((await gateway.query(chatQuery)).data).toEqual({ chat: { status: 'OPENED' } });
    },
  );

  test.each([
    ['now', 0],
    ['exactly one day ago', -oneDay],
    ['in 300 seconds', 300 * oneSecond],
  ])('a webhook dated %s is published to subscribers', async (_when, offsetMs) => {
    await using socket = await subscribe(gateway);
    await gateway.waitForSubscriptions(3);

    for (const event of ['message.chat.agent', 'chat.rated', 'customer.tags_changed']) {
      const { outcome } = await deliverAt(gateway, event, seconds(offsetMs), 92);
      expect(outcome).toBe('applied');
    }

    expect(await firstHeard(socket)).toEqual({
      message: { messageReceived: { id: '92' } },
      chat: { chatUpdated: { change: 'MESSAGE' } },
      customer: { customerUpdated: { id: '7', company: 'Old' } },
    });
  });

  test('a webhook dated in 300 seconds is a duplicate for as long as its event is current', async () => {
    const body = wireDelivery({
      event: 'message.chat.agent',
      eventData: dataOf('message.chat.agent', 95),
      atMs: clock.now() + 300 * oneSecond,
    });

    const first = await post(gateway, body);
    clock.advance(oneDay + 299 * oneSecond);
    const last = await post(gateway, body);
    clock.advance(2 * oneSecond);
    const late = await post(gateway, body);

    expect([first, last, late].map(({ outcome }) => outcome)).toEqual([
      'applied',
      'duplicate',
      'outdated',
    ]);
  });

  test('a webhook captured two days before a restart is not published after it', async () => {
    const captured = wireDelivery({
      event: 'message.chat.agent',
      eventData: dataOf('message.chat.agent', 93),
      atMs: clock.now(),
    });
    await using restarted = await start();
    clock.advance(2 * oneDay);
    await using socket = await subscribe(restarted);
    await restarted.waitForSubscriptions(3);

    const { outcome } = await post(restarted, captured);
    for (const event of ['message.chat.agent', 'chat.rated', 'customer.tags_changed']) {
      await deliverAt(restarted, event, seconds(0), 94);
    }

    expect(outcome).toBe('outdated');
    expect((await firstHeard(socket))['message']).toEqual({ messageReceived: { id: '94' } });
  });

  test('an outdated webhook is counted in /metrics', async () => {
    await deliverAt(gateway, 'chat.rated', null);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();

    expect(metrics).toMatch(/^helpcrunch_webhooks_total\{outcome="outdated"\} [1-9]/m);
  });
});

describe('signed bodies that are not deliveries', () => {
  const deep = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000);
  const lists = '['.repeat(100_000) + ']'.repeat(100_000);

  test.each([
    ['nested 100,000 objects', deep],
    ['nested 100,000 lists', lists],
    ['with data nested 100,000 levels', `{"event":"chat.new","eventData":${deep},"id":"a"}`],
    [
      'with data in a text nested 100,000 levels',
      JSON.stringify({ event: 'chat.new', eventData: `{"chat_id":5,"x":${lists}}`, id: 'b' }),
    ],
    ['with an event nested 100,000 levels', `{"event":${deep},"eventData":{}}`],
    ['of random bytes', '\u0000\ufffd{{[['],
  ])('a signed body %s gets 400 and logs no content', async (_what, body) => {
    const before = gateway.logged.length;

    const { status, errors } = await post(gateway, body);

    expect(status).toBe(400);
    expect(errors[0].extensions.code).toBe('BAD_REQUEST');
    const lines = gateway.logged.slice(before);
    expect(lines.map((line: string) => JSON.parse(line))).toEqual([
      {
        level: 40,
        time: expect.any(Number),
        msg: 'webhook malformed',
        requestId: expect.any(String),
        reason: expect.any(String),
      },
      rejectedWebhookLine,
    ]);
    expect(lines[0]?.length).toBeLessThan(200);
  });

  test.each([
    ['a number out of range as its event', '{"event":1e999,"eventData":[]}', 'ignored'],
    ['an object as its id', '{"event":"chat.new","eventData":{"chat_id":5},"id":{}}', 'outdated'],
    [
      'an object as its time',
      '{"event":"chat.new","eventData":{"id":5},"createdAt":{}}',
      'outdated',
    ],
  ])('a signed body with %s gets 200', async (_what, body, outcome) => {
    expect(await post(gateway, body)).toMatchObject({ status: 200, outcome });
  });
});

describe('wrong signatures from one address', () => {
  const limit = 5;
  const wrong = { 'x-helpcrunch-signature': 'f'.repeat(40) };
  const body = () =>
    wireDelivery({ event: 'chat.rated', eventData: dataOf('chat.rated'), atMs: clock.now() });

  const startLimited = () =>
    startTestGateway({
      upstream: helpCrunch,
      clock,
      config: { rateLimit: 0, cacheTtlsMs, webhookSecret, authFailureLimit: limit, trustProxy: 1 },
    });

  const postRaw = (to: { readonly url: string }, text: string, headers: Record<string, string>) =>
    fetch(`${to.url}/webhooks/helpcrunch`, { method: 'POST', body: text, headers });

  test('wrong signatures beyond AUTH_FAILURE_LIMIT get 429 and Retry-After', async () => {
    await using limited = await startLimited();

    const statuses = [];
    for (let tries = 0; tries < limit; tries += 1) {
      statuses.push((await postRaw(limited, body(), wrong)).status);
    }
    const refused = await postRaw(limited, body(), wrong);
    const answer: any = await refused.json();

    expect(statuses).toEqual(Array(limit).fill(401));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.errors[0].extensions).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  });

  test('wrong signatures count with the other rejected credentials of the address', async () => {
    await using limited = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: {
        rateLimit: 0,
        webhookSecret,
        authFailureLimit: limit,
        auth: { mode: 'forward' },
      },
    });
    for (let tries = 0; tries < limit; tries += 1) await limited.query('{ viewer { role } }');

    const { status } = await postRaw(limited, body(), wrong);

    expect(status).toBe(429);
  });

  test('wrong signatures do not limit another address', async () => {
    await using limited = await startLimited();
    for (let tries = 0; tries <= limit; tries += 1) {
      await postRaw(limited, body(), { ...wrong, 'x-forwarded-for': '203.0.113.1' });
    }

    const other = await postRaw(limited, body(), { ...wrong, 'x-forwarded-for': '203.0.113.2' });

    expect(other.status).toBe(401);
  });

  test('wrong signatures do not block a correctly signed webhook from the same address', async () => {
    await using limited = await startLimited();
    for (let tries = 0; tries <= limit; tries += 1) await postRaw(limited, body(), wrong);

    expect(await post(limited, body())).toMatchObject({ status: 200, outcome: 'applied' });
  });

  test('after too many wrong signatures large bodies are rejected before they are read', async () => {
    await using limited = await startLimited();
    for (let tries = 0; tries <= limit; tries += 1) await postRaw(limited, body(), wrong);
    const large = JSON.stringify({ event: 'none', eventData: {}, padding: 'x'.repeat(100_000) });

    expect((await post(limited, large)).status).toBe(429);
    expect((await post(gateway, large)).status).toBe(200);
  });
});
