import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createClient } from 'graphql-sse';
import { readConfig } from '../../src/config/settings.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { rejectedWebhookLine } from '../support/logLines.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { TestDelivery } from '../support/webhooks.ts';
import {
  chatData,
  deliver,
  post,
  signatureOf,
  webhookSecret,
  wireDelivery,
} from '../support/webhooks.ts';

const oneHour = 3_600_000;
const clock = createManualClock();
const { cacheTtlsMs } = readConfig({
  HELPCRUNCH_API_KEY: 'key',
  HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
});

let helpCrunch: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startControlledUpstream();
  gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { rateLimit: 0, cacheTtlsMs, webhookSecret },
  });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const customer = { id: 7, name: 'Ada', email: 'ada@example.com', userId: 'u-7' };
const olena = { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' };
const petro = { id: 13, name: 'Petro', email: 'petro@example.com', role: 'admin' };

beforeEach(() => {
  clock.advance(oneHour);
  helpCrunch.chats.clear();
  helpCrunch.customers.clear();
  helpCrunch.seed({ chats: [{ id: 5, customer }], customers: [{ ...customer, blocked: false }] });
  helpCrunch.clearCalls();
});

const chatFields = `id status closedBy closedAt rating snoozedUntil lastMessageText
  customer { name email } assignee { id name role } department { id name }`;
const chatQuery = `{ chat(id: 5) { ${chatFields} } }`;
const customerQuery =
  '{ customer(id: 7) { name email userId phone unsubscribed blocked tags { name } } }';

/** Changes the chat in HelpCrunch and returns the data of the webhook about it. */
function change(part: Readonly<Record<string, unknown>>) {
  const chat: any = { ...helpCrunch.chats.get(5), ...part };
  helpCrunch.chats.set(5, chat);
  return chatData(chat);
}

function changeCustomer(part: Readonly<Record<string, unknown>>) {
  const changed: any = { ...helpCrunch.customers.get(7), ...part };
  helpCrunch.customers.set(7, changed);
  const { id, name, userId, email, unsubscribed, customData } = changed;
  return { id, name, userId, email, unsubscribed, customData };
}

const tell = (delivery: TestDelivery) => deliver(gateway, { atMs: clock.now(), ...delivery });

/** What a query shows, and how many calls it took. */
async function see(query: string) {
  const { data, errors, extensions } = await gateway.query(query);
  expect(errors).toEqual([]);
  return { data, calls: extensions.upstream.calls };
}

describe('webhook deliveries', () => {
  const body = wireDelivery({ event: 'chat.rated', eventData: chatData({ id: 5 }) });

  test.each([
    ['another key', signatureOf(body, 'another key')],
    ['another body', signatureOf(`${body} `)],
    ['something shorter', signatureOf(body).slice(1)],
    ['text that is not hexadecimal', 'z'.repeat(40)],
    ['nothing', ''],
  ])('a delivery with a signature of %s is rejected and not logged', async (_what, signature) => {
    const before = gateway.logged.length;

    const answer = await post(gateway, body, { 'x-helpcrunch-signature': signature });

    expect(answer).toMatchObject({
      status: 401,
      errors: [{ extensions: { code: 'UNAUTHENTICATED', retryable: false } }],
    });
    const lines = gateway.logged.slice(before).map((line: string) => JSON.parse(line));
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'credentials rejected', reason: 'signature' }),
    ]);
    expect(JSON.stringify(lines)).not.toContain(body.slice(0, 20));
  });

  test('the signature of a delivery is checked before its body', async () => {
    const answer = await post(gateway, '{ not json', { 'x-helpcrunch-signature': 'f'.repeat(40) });

    expect(answer.status).toBe(401);
  });

  test.each([
    ['no JSON', '{ not json'],
    ['nothing', ''],
    ['a list', '[]'],
    ['no event', JSON.stringify({ id: 'a', eventData: {} })],
    ['no data', JSON.stringify({ id: 'a', event: 'chat.rated' })],
    ['data that is no JSON', JSON.stringify({ id: 'a', event: 'chat.rated', eventData: '{' })],
    ['no chat', wireDelivery({ event: 'chat.rated', eventData: { chat_id: 'abc' } })],
    ['no customer', wireDelivery({ event: 'customer.new', eventData: {} })],
    ['data that is a list', wireDelivery({ event: 'chat.rated', eventData: [] })],
    ['an odd id', wireDelivery({ event: 'chat.rated', eventData: { chat_id: [], id: {} } })],
  ])('a delivery with %s is rejected and logged without its content', async (_what, malformed) => {
    const before = gateway.logged.length;

    const { status, errors } = await post(gateway, malformed);

    expect(status).toBe(400);
    expect(errors[0].extensions).toMatchObject({ code: 'BAD_REQUEST', retryable: false });
    const lines = gateway.logged.slice(before).map((line: string) => JSON.parse(line));
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'webhook malformed', reason: expect.any(String) }),
      rejectedWebhookLine,
    ]);
  });

  test('a delivery longer than a megabyte is rejected', async () => {
    const { status } = await post(gateway, `"${'x'.repeat(1_048_576)}"`);

    expect(status).toBe(413);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])(
    'a delivery is accepted with the content type %s',
    async (type) => {
      const { status, outcome } = await post(
        gateway,
        wireDelivery({ event: 'chat.rated', eventData: chatData({ id: 5 }), atMs: clock.now() }),
        { 'content-type': type },
      );

      expect({ status, outcome }).toEqual({ status: 200, outcome: 'applied' });
    },
  );

  test.each(['chat.merged', 'toString', '__proto__', ''])(
    'a delivery of an unsupported event gets a successful response: "%s"',
    async (event) => {
      const { status, outcome } = await tell({ event, eventData: {} });

      expect({ status, outcome }).toEqual({ status: 200, outcome: 'ignored' });
    },
  );

  test.each([[[]], [null], [''], ['{'], [undefined], [7]])(
    'the data of an unsupported event is not decoded: %j',
    async (eventData) => {
      expect(await tell({ event: 'organization.changed', eventData })).toMatchObject({
        status: 200,
        outcome: 'ignored',
      });
    },
  );

  test.each([
    ['id', { id: ['a'] }],
    ['createdAt', { createdAt: {} }],
    ['attempts', { attempts: [] }],
  ])('an unreadable %s of the envelope does not drop a delivery', async (_field, part) => {
    await see(chatQuery);
    const eventData = change({ status: 'pending' });
    const envelope = JSON.parse(
      wireDelivery({ event: 'chat.status_updated', eventData, atMs: clock.now() }),
    );

    const { status } = await post(gateway, JSON.stringify({ ...envelope, ...part }));

    expect(status).toBe(200);
    expect((await see(chatQuery)).data.chat.status).toBe('PENDING');
  });

  test.each([
    ['an unreadable other id', { chat_id: {}, chatId: 5 }],
    ['chat_id', { chat_id: 5 }],
    ['chat_id as a text', { chat_id: '5' }],
    ['chatId', { chatId: 5 }],
    ['id', { id: 5 }],
    ['JSON in a text', JSON.stringify({ chat_id: 5 })],
  ])('a delivery may contain its chat as %s', async (_how, eventData) => {
    await see(chatQuery);
    change({ status: 'pending' });

    await tell({ event: 'chat.status_updated', eventData });

    expect((await see(chatQuery)).data.chat.status).toBe('PENDING');
  });

  test('a repeated delivery gets a successful response and is not applied again', async () => {
    const delivery = { event: 'chat.status_updated', eventData: change({}), id: 'twice' };

    const [first, second] = await Promise.all([tell(delivery), tell(delivery)]);
    const third = await tell({ ...delivery, attempts: 1 });

    expect([first.outcome, second.outcome].toSorted()).toEqual(['applied', 'duplicate']);
    expect(third).toMatchObject({ status: 200, outcome: 'duplicate' });
  });

  test('a delivery without an id is deduplicated by its content', async () => {
    const delivery = {
      event: 'chat.rated',
      eventData: change({ rating: 'poor' }),
      id: '',
      atMs: clock.now(),
    };

    const outcomes = [];
    for (const attempts of [0, 1]) outcomes.push((await tell({ ...delivery, attempts })).outcome);
    outcomes.push((await tell({ ...delivery, eventData: change({ rating: 'great' }) })).outcome);

    expect(outcomes).toEqual(['applied', 'duplicate', 'applied']);
  });

  test('a delivery is deduplicated for 24 hours and 300 seconds', async () => {
    const delivery = { event: 'chat.rated', eventData: change({}), id: 'yesterday' };
    await tell(delivery);
    clock.advance(24 * oneHour + 300_001);

    expect((await tell(delivery)).outcome).toBe('applied');
  });

  test('deliveries are counted by outcome', async () => {
    await tell({ event: 'chat.rated', eventData: { ...change({}), rating: 'good' } });
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();

    for (const outcome of [
      'applied',
      'partial',
      'duplicate',
      'ignored',
      'badSignature',
      'malformed',
    ]) {
      expect(metrics).toMatch(
        new RegExp(`^helpcrunch_webhooks_total\\{outcome="${outcome}"\\} [1-9]`, 'm'),
      );
    }
  });
});

describe('chat events update the cache', () => {
  test.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]>([
    ['chat.status_updated', { status: 'on hold' }, { status: 'ON_HOLD' }],
    [
      'chat.assigned',
      { assignee: petro },
      { assignee: { id: '13', name: 'Petro', role: 'ADMIN' } },
    ],
    ['chat.assigned', { assignee: null }, { assignee: null }],
    [
      'chat.assigned',
      { department: { id: 4, name: 'Care' } },
      { department: { id: '4', name: 'Care' } },
    ],
    ['chat.rated', { rating: 'very poor' }, { rating: 'VERY_POOR' }],
    [
      'chat.snoozed',
      { snoozedUntil: '1800000000.000' },
      { snoozedUntil: '2027-01-15T08:00:00.000Z' },
    ],
    ['chat.unsnoozed', { snoozedUntil: null }, { snoozedUntil: null }],
    [
      'chat.closed',
      { status: 'closed', closedBy: 'agent', closedAt: '1700000000.500' },
      { status: 'CLOSED', closedBy: 'AGENT', closedAt: '2023-11-14T22:13:20.500Z' },
    ],
    [
      'chat.rated',
      { customer: { ...customer, name: 'Augusta' } },
      { customer: { name: 'Augusta', email: 'ada@example.com' } },
    ],
  ])('the event %s updates the cached chat without a call: %j', async (event, part, seen) => {
    const before = await see(chatQuery);
    clock.advance(10_000);

    await tell({ event, eventData: change(part) });

    expect(await see(chatQuery)).toEqual({
      calls: 0,
      data: { chat: { ...before.data.chat, ...seen } },
    });
  });

  test('several events update the cached chat without a call', async () => {
    await see(chatQuery);
    clock.advance(10_000);
    for (const rating of ['poor', 'great', 'perfect']) {
      await tell({ event: 'chat.rated', eventData: change({ rating }) });
      clock.advance(1_000);
    }

    expect(await see(chatQuery)).toMatchObject({ calls: 0, data: { chat: { rating: 'PERFECT' } } });
  });

  test.each([
    ['assignee', null],
    ['department', null],
    ['customer', { name: 'Ada', email: 'ada@example.com' }],
  ])('an empty list as %s updates the cached chat like null', async (field, shown) => {
    await see(chatQuery);
    clock.advance(10_000);

    const { outcome } = await tell({
      event: 'chat.closed',
      eventData: { ...change({ status: 'closed' }), [field]: [] },
    });

    expect(outcome).toBe('applied');
    expect(await see(chatQuery)).toMatchObject({
      calls: 0,
      data: { chat: { status: 'CLOSED', [field]: shown } },
    });
  });

  test('the status "open" is OPENED', async () => {
    await see(chatQuery);
    clock.advance(10_000);

    await tell({ event: 'chat.status_updated', eventData: change({ status: 'open' }) });

    expect(await see(chatQuery)).toMatchObject({ calls: 0, data: { chat: { status: 'OPENED' } } });
  });

  test('an event does not extend the TTL of the cached chat', async () => {
    await see(chatQuery);
    clock.advance(40_000);
    await tell({ event: 'chat.rated', eventData: change({ rating: 'poor' }) });
    clock.advance(20_000);

    expect((await see(chatQuery)).calls).toBe(1);
  });

  test('two events of the same change update the cached chat without a call', async () => {
    await see(chatQuery);
    clock.advance(10_000);
    const closed = change({ status: 'closed', closedBy: 'agent', closedAt: '1700000000.500' });
    await tell({ event: 'chat.status_updated', eventData: closed });
    await tell({ event: 'chat.closed', eventData: closed });

    expect(await see(chatQuery)).toMatchObject({ calls: 0, data: { chat: { status: 'CLOSED' } } });
  });
});

describe('chat events invalidate the cache', () => {
  test.each<[string, () => TestDelivery]>([
    [
      'the event may be older than what is known',
      () => {
        const eventData = change({ status: 'pending' });
        return { event: 'chat.status_updated', eventData, atMs: clock.now() - 11_000 };
      },
    ],
    [
      'it was read in the seconds in which the clocks may differ',
      () => {
        return {
          event: 'chat.status_updated',
          eventData: change({ status: 'pending' }),
          atMs: clock.now() - 6_000,
        };
      },
    ],
    [
      'the event comes from the future',
      () => {
        return {
          event: 'chat.status_updated',
          eventData: change({ status: 'pending' }),
          atMs: clock.now() + 200_000,
        };
      },
    ],
    [
      'the event contains only the id of an agent who wrote',
      () => {
        const eventData = {
          ...change({ status: 'pending', agents: [olena, petro] }),
          communicatedAgents: ['12', 13],
        };
        return { event: 'chat.status_updated', eventData };
      },
    ],
    [
      'the event is a message',
      () => {
        const { chat_id, customer: writer } = change({ status: 'pending' });
        return {
          event: 'message.chat.customer',
          eventData: { chat_id, customer: writer, agent: null, message: { id: 9, text: 'Hi' } },
        };
      },
    ],
    [
      'the event is a message that cannot be decoded',
      () => {
        change({ status: 'pending' });
        return { event: 'message.private', eventData: { chat_id: 5, message: null } };
      },
    ],
  ])('the chat is read again when %s', async (_when, delivery) => {
    await see(chatQuery);
    clock.advance(10_000);

    const { outcome } = await tell(delivery());

    expect(outcome).toBe('applied');
    expect(await see(chatQuery)).toMatchObject({ calls: 1, data: { chat: { status: 'PENDING' } } });
  });

  test.each<[string, string, unknown]>([
    ['chat.closed', 'assignee', {}],
    ['chat.closed', 'assignee', 12],
    ['chat.closed', 'assignee', { id: 12, name: [] }],
    ['chat.closed', 'department', 'Care'],
    ['chat.closed', 'customer', 7],
    ['chat.closed', 'customer', { id: 7, name: {} }],
    ['chat.closed', 'communicatedAgents', [{ id: 12 }]],
    ['chat.closed', 'communicatedAgents', {}],
    ['chat.closed', 'closedAt', 'yesterday'],
    ['chat.closed', 'closedBy', 'bot'],
    ['chat.status_updated', 'status', 'waiting'],
    ['chat.status_updated', 'status', ['closed']],
    ['chat.rated', 'rating', 'good'],
    ['chat.snoozed', 'snoozedUntil', {}],
  ])('the chat is read again when %s has an unreadable %s: %j', async (event, field, value) => {
    await see(chatQuery);
    clock.advance(10_000);
    const before = gateway.logged.length;

    const eventData = { ...change({ status: 'pending' }), [field]: value };
    const { status, outcome } = await tell({ event, eventData });

    expect({ status, outcome }).toEqual({ status: 200, outcome: 'partial' });
    expect(await see(chatQuery)).toMatchObject({ calls: 1, data: { chat: { status: 'PENDING' } } });
    const lines = gateway.logged.slice(before).map((line: string) => JSON.parse(line));
    // Drift is logged once per hour for each field.
    expect(lines.filter(({ msg }) => msg !== 'upstream drift')).toEqual([
      expect.objectContaining({
        level: 40,
        msg: 'webhook partly unreadable',
        event,
        fields: [field],
      }),
    ]);
  });

  test('an older event does not revert a newer one', async () => {
    await see(chatQuery);
    clock.advance(10_000);
    const older = { event: 'chat.rated', eventData: change({ rating: 'poor' }), atMs: clock.now() };
    clock.advance(1_000);
    await tell({ event: 'chat.rated', eventData: change({ rating: 'perfect' }) });
    await tell(older);

    expect(await see(chatQuery)).toMatchObject({ calls: 1, data: { chat: { rating: 'PERFECT' } } });
  });

  test('any event of a chat invalidates its messages', async () => {
    const messages = '{ chat(id: 5) { messages { nodes { read } } } }';
    await see(messages);
    clock.advance(10_000);
    await tell({ event: 'chat.rated', eventData: change({ rating: 'poor', readByAgent: false }) });

    expect((await see(messages)).data.chat.messages.nodes).toEqual([{ read: false }]);
  });

  test('an event of an unknown chat invalidates its NOT_FOUND', async () => {
    await gateway.query('{ chat(id: 6) { id } }');
    helpCrunch.seed({ chats: [{ id: 6, customer }] });
    await tell({ event: 'chat.new', eventData: chatData({ id: 6, status: 'new' }) });

    expect((await see('{ chat(id: 6) { id } }')).data.chat).toEqual({ id: '6' });
  });

  test('a read in flight at the time of an event is repeated', async () => {
    const held = helpCrunch.hold('GET /chats/5');
    const asking = gateway.query(chatQuery);
    await held.arrived;
    held.apply();
    const eventData = change({ status: 'pending' });
    await tell({ event: 'chat.status_updated', eventData });
    held.respond();
    await asking;

    expect((await see(chatQuery)).data.chat.status).toBe('PENDING');
  });
});

describe('message events', () => {
  const message = {
    id: 9,
    text: 'Hi',
    createdAt: '1638953586.915',
    updatedAt: '1638953586.915',
    edited: false,
    read: false,
  };

  /** What a subscriber receives of an event, next to its outcome. */
  async function receive(event: string, part: Readonly<Record<string, unknown>>) {
    const client = createClient({ url: `${gateway.url}/graphql/stream` });
    const results = client.iterate({
      query: `subscription { messageReceived { id text createdAt updatedAt edited agent { id } } }`,
    });
    const first = results.next();
    await gateway.waitForSubscriptions(1);
    const eventData = { chat_id: 5, customer, agent: null, message, ...part };
    const { outcome } = await tell({ event, eventData });
    const { value } = await first;
    client.dispose();
    await gateway.waitForSubscriptions(0);
    return { outcome, received: value?.data?.messageReceived };
  }

  test.each([
    ['a new message', {}, null],
    [
      'an edited message',
      { edited: true, updatedAt: '1638953590.000' },
      '2021-12-08T08:53:10.000Z',
    ],
    ['a message edited at once', { edited: true }, '2021-12-08T08:53:06.915Z'],
  ])('%s has the time of its last change', async (_which, part, updatedAt) => {
    const { received } = await receive('message.chat.customer', {
      message: { ...message, ...part },
    });

    expect(received).toMatchObject({ createdAt: '2021-12-08T08:53:06.915Z', updatedAt });
  });

  test.each([
    ['applied', []],
    ['partial', 12],
    ['partial', { id: [] }],
    ['partial', {}],
  ])('a message is published, with the outcome %s, if its agent is %j', async (expected, agent) => {
    expect(await receive('message.chat.agent', { agent })).toMatchObject({
      outcome: expected,
      received: { id: '9', text: 'Hi', agent: null },
    });
  });

  test.each([
    { ...message, text: {} },
    { ...message, id: {} },
    { ...message, createdAt: [] },
    'Hi',
  ])('a message that cannot be decoded invalidates its chat: %j', async (unreadable) => {
    await see(chatQuery);
    clock.advance(10_000);
    change({ status: 'pending' });

    const { status, outcome } = await tell({
      event: 'message.chat.customer',
      eventData: { chat_id: 5, customer: [], agent: null, message: unreadable },
    });

    expect({ status, outcome }).toEqual({ status: 200, outcome: 'partial' });
    expect(await see(chatQuery)).toMatchObject({
      calls: 1,
      data: { chat: { status: 'PENDING' } },
    });
  });
});

describe('events invalidate lists', () => {
  const lists = {
    'all chats': '{ chats { totalCount nodes { id } } }',
    'a search': '{ chats(filter: { customerId: 7 }) { totalCount nodes { id } } }',
    'the chats of a customer': '{ customer(id: 7) { chats { totalCount nodes { id } } } }',
  };

  test.each(Object.entries(lists))(
    'any chat event invalidates lists: %s',
    async (_which, query) => {
      await see(query);
      helpCrunch.seed({ chats: [{ id: 6, customer }] });
      const unknowing = await see(query);
      await tell({ event: 'chat.new', eventData: chatData({ id: 6 }) });
      const { data } = await see(query);

      expect(unknowing.calls).toBe(0);
      expect(JSON.stringify(data)).toContain('"totalCount":2,"nodes":[{"id":"6"},{"id":"5"}]');
    },
  );

  test('customer events invalidate lists of customers', async () => {
    const query = '{ customers { totalCount } customerByUserId(userId: "u-9") { id } }';
    await gateway.query(query);
    helpCrunch.seed({ customers: [{ id: 9 }] });
    await tell({ event: 'customer.new', eventData: { id: 9 } });

    expect((await see(query)).data).toEqual({
      customers: { totalCount: 2 },
      customerByUserId: { id: '9' },
    });
  });
});

describe('customer events update the cache', () => {
  test.each<[string, Readonly<Record<string, unknown>>, number]>([
    ['customer.email_updated', { email: 'new@example.com' }, 0],
    ['customer.unsubscribed', { unsubscribed: true }, 0],
    ['customer.subscribed', { unsubscribed: false }, 0],
    ['customer.blocked', { blocked: true }, 0],
    ['customer.unblocked', { blocked: false }, 0],
    ['customer.tags_changed', { tags: [{ name: 'vip' }, { name: 'new' }] }, 1],
  ])('the event %s updates the cached customer: %j, with %d calls', async (event, part, calls) => {
    const before = await see(customerQuery);
    clock.advance(10_000);

    await tell({ event, eventData: changeCustomer(part) });

    expect(await see(customerQuery)).toEqual({
      calls,
      data: { customer: { ...before.data.customer, ...part } },
    });
  });

  test('a changed email is also updated in chats', async () => {
    await see(chatQuery);
    clock.advance(10_000);
    const email = 'new@example.com';
    change({ customer: { ...customer, email } });
    await tell({ event: 'customer.email_updated', eventData: changeCustomer({ email }) });

    expect((await see(chatQuery)).data.chat.customer.email).toBe(email);
  });

  test.each([
    ['name', []],
    ['email', {}],
    ['userId', [1]],
  ])('a customer is read again if its event has an unreadable %s', async (field, value) => {
    await see(customerQuery);
    clock.advance(10_000);
    const eventData = { ...changeCustomer({ email: 'new@example.com' }), [field]: value };

    const { outcome } = await tell({ event: 'customer.email_updated', eventData });

    expect(outcome).toBe('partial');
    expect(await see(customerQuery)).toMatchObject({
      calls: 1,
      data: { customer: { email: 'new@example.com' } },
    });
  });

  test('a customer is read again if its event does not contain the email', async () => {
    await see(customerQuery);
    clock.advance(10_000);
    const { id } = changeCustomer({ email: 'new@example.com' });
    await tell({ event: 'customer.email_updated', eventData: { id } });

    expect((await see(customerQuery)).data.customer.email).toBe('new@example.com');
  });

  test('a deleted customer and its chats are NOT_FOUND', async () => {
    await see(`{ chat(id: 5) { id } ${customerQuery.slice(1)}`);
    helpCrunch.chats.clear();
    const eventData = changeCustomer({});
    helpCrunch.customers.clear();
    await tell({ event: 'customer.deleted', eventData });
    const { errors } = await gateway.query(`{ chat(id: 5) { id } ${customerQuery.slice(1)}`);

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['NOT_FOUND', 'NOT_FOUND']);
  });
});

test('without a webhook secret there is no webhook endpoint', async () => {
  await using other = await startControlledUpstream();
  await using closed = await startTestGateway({ upstream: other });

  expect((await deliver(closed, { event: 'chat.new', eventData: {} })).status).toBe(404);
});
