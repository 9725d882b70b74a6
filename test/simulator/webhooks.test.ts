import { createHmac } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createAccount } from '../../src/simulator/account.ts';
import { usualBehaviour } from '../../src/simulator/behaviour.ts';
import type { WebhookBehaviour } from '../../src/simulator/behaviour.ts';
import { AccountActivity } from '../../src/simulator/activity.ts';
import { WebhookSender } from '../../src/simulator/webhooks.ts';
import { createDeferred } from '../support/deferred.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { createManualClock } from '../support/manualClock.ts';

const secret = 'key';

/** An account that sends webhooks to a receiver, which responds with each status in order and then with 200. */
async function startTelling(
  change: Partial<WebhookBehaviour> = {},
  statuses: readonly number[] = [],
  path = '/hook',
) {
  const clock = createManualClock();
  const account = createAccount({ seed: 1, clock, customers: 50, chats: 100 });
  const behaviour = {
    ...usualBehaviour,
    webhooks: { ...usualBehaviour.webhooks, ...change },
  };
  const receiver = await startRecordingUpstream();
  const left = [...statuses];
  let arrived = createDeferred();
  receiver.respond('GET /turn', {});
  const taken = () => receiver.callsTo('POST /hook');
  receiver.respond('*', () => {
    queueMicrotask(() => {
      arrived.resolve();
      arrived = createDeferred();
    });
    return { status: left.shift() ?? 200, body: {} };
  });
  const webhooks = new WebhookSender(account, { clock, behaviour: () => behaviour });
  webhooks.sendTo({ url: receiver.url + path, secret });
  return {
    clock,
    account,
    taken,
    /** Once as many have come. */
    async come(count: number) {
      while (taken().length < count) await arrived.promise;
      return taken().map(({ body }) => body);
    },
    /** Moves time on, again and again until as many have come: a pause begins when an answer has been read. */
    async pass(ms: number, count = 0) {
      do {
        clock.advance(ms);
        await fetch(`${receiver.url}/turn`);
      } while (taken().length < count);
    },
    async [Symbol.asyncDispose]() {
      webhooks.close();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

const newChat = { customerId: 7001, applicationId: 2, assigneeId: null, departmentId: null };

test('webhooks are signed and have the format of HelpCrunch', async () => {
  await using telling = await startTelling();
  const { chats, customers } = telling.account;

  const { id } = chats.create(newChat);
  chats.post({ chatId: id, text: 'Hi', type: 'message', agentId: null });
  customers.patch(7001, { email: 'new@example.com' });
  const [created, , message, customer] = await telling.come(4);

  const [{ headers, body } = { headers: {}, body: undefined }] = telling.taken();
  expect(headers).toMatchObject({
    accept: 'application/json',
    'content-type': 'application/json',
    'x-helpcrunch-signature': createHmac('sha1', secret).update(JSON.stringify(body)).digest('hex'),
  });
  expect(created).toEqual({
    event: 'chat.new',
    eventData: expect.objectContaining({
      chat_id: id,
      communicatedAgents: [],
      status: 'empty',
      applications: [],
      createdAt: '1768478400.000',
      closedAt: null,
      customer: {
        id: 7001,
        name: expect.any(String),
        email: expect.anything(),
        userId: expect.anything(),
      },
    }),
    attempts: 0,
    lastAttemptAt: 1768478400,
    createdAt: 1768478400,
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(message).toMatchObject({
    event: 'message.chat.customer',
    eventData: {
      chat_id: id,
      agent: null,
      message: {
        text: 'Hi',
        read: false,
        edited: false,
        createdAt: '1768478400.000',
        updatedAt: '1768478400.000',
      },
      telegramBotUsername: null,
      instagramPageName: null,
      facebookPageLink: null,
    },
  });
  expect(customer).toMatchObject({
    event: 'customer.email_updated',
    eventData: { id: 7001, email: 'new@example.com', unsubscribed: expect.any(Boolean) },
  });
});

test('webhooks can write ids as texts and their data as JSON in a text', async () => {
  await using telling = await startTelling({ eventData: 'text', ids: 'text' });

  const { id } = telling.account.chats.create(newChat);
  const [created] = await telling.come(1);

  expect(JSON.parse(created.eventData)).toMatchObject({
    chat_id: String(id),
    customer: { id: '7001' },
  });
});

test('a chat id can have another name, and a delivery a later time', async () => {
  await using telling = await startTelling({ chatIdKey: 'chatId', envelopeLagSeconds: 2 });

  const { id } = telling.account.chats.create(newChat);
  const [created] = await telling.come(1);

  expect(created).toMatchObject({ createdAt: 1768478402, eventData: { chatId: id } });
  expect(created.eventData).not.toHaveProperty('chat_id');
});

test('writes of the REST API cause no webhooks if they are switched off', async () => {
  await using telling = await startTelling({ apiWrites: false });
  const { chats, changes } = telling.account;

  changes.duringApiWrite(() => chats.create(newChat));
  const { id } = chats.create(newChat);

  expect((await telling.come(1))[0]).toMatchObject({ eventData: { chat_id: id } });
});

test('each type of event can have a URL of its own', async () => {
  await using telling = await startTelling({}, [], '/hook?event={event}');

  telling.account.chats.create(newChat);
  await telling.come(1);

  expect(telling.taken()[0]?.query.get('event')).toBe('chat.new');
});

test('a rejected webhook is repeated after each configured delay, with its count', async () => {
  await using telling = await startTelling({ retriesMs: [1_000, 5_000] }, [500, 503, 404]);

  telling.account.chats.create(newChat);
  await telling.come(1);
  await telling.pass(1_000, 2);
  await telling.pass(5_000, 3);
  const bodies = await telling.come(3);
  await telling.pass(3_600_000);

  expect(bodies.map(({ attempts }) => attempts)).toEqual([0, 1, 2]);
  expect(new Set(bodies.map(({ id }) => id)).size).toBe(1);
  expect(await telling.come(3)).toHaveLength(3);
});

test('webhooks can be lost, repeated and late', async () => {
  await using lossy = await startTelling({ lost: 1 });
  await using doubling = await startTelling({ doubled: 1 });
  await using late = await startTelling({ late: 1, lateMs: 2_000 });

  for (const { account } of [lossy, doubling, late]) account.chats.create(newChat);
  const [first, second] = await doubling.come(2);
  const inTime = late.taken().length;
  late.clock.advance(2_000);
  await late.come(1);

  expect(first).toEqual(second);
  expect([lossy.taken().length, inTime]).toEqual([0, 0]);
});

test('a live account generates every kind of webhook, equal for equal seeds', () => {
  const stories = [1, 1].map((seed) => {
    const clock = createManualClock();
    const account = createAccount({ seed, clock, customers: 50, chats: 100 });
    const story: string[] = [];
    account.changes.listen(({ event }) => story.push(event));
    const activity = new AccountActivity(account, { seed, clock });
    activity.start();
    clock.advance(4 * 3_600_000);
    activity.close();
    const length = story.length;
    clock.advance(3_600_000);
    expect(story).toHaveLength(length);
    return story;
  });

  expect(stories[0]).toEqual(stories[1]);
  expect([...new Set(stories[0])].toSorted()).toEqual([
    'chat.assigned',
    'chat.closed',
    'chat.new',
    'chat.rated',
    'chat.snoozed',
    'chat.status_updated',
    'chat.unsnoozed',
    'customer.blocked',
    'customer.email_updated',
    'customer.new',
    'customer.subscribed',
    'customer.tags_changed',
    'customer.unblocked',
    'customer.unsubscribed',
    'message.chat.agent',
    'message.chat.customer',
    'message.email.agent',
    'message.email.customer',
    'message.private',
  ]);
});
