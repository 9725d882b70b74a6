import { describe, expect, test } from '@jest/globals';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { hasRedis, startPersistentRedis, startRedis } from '../../support/redis.ts';
import { CrowdMember, createRandom } from '../../support/resumingCrowd.ts';
import { openSubscriber } from '../../support/resumingSubscriber.ts';
import type { SubscriberTransport } from '../../support/resumingSubscriber.ts';
import { accountOf, startForBoth, startTwoUpstreams } from '../../support/severalAccounts.ts';
import { chatData, deliver, webhookSecret, wireDelivery } from '../../support/webhooks.ts';

const chatIds = [1, 2, 3, 4, 5];
const messagesPerChat = 30;
const subscriberCount = 50;
const customerCount = subscriberCount / 5;
const transports: readonly SubscriberTransport[] = ['websocket', 'sse', 'sse-get', 'multipart'];
const query = 'subscription ($after: ID) { messageReceived(after: $after) { id chat { id } } }';
/** A chat has a customer of its own. */
const customerOf = (chatId: number) => chatId + 100;

const deliveryOf = (chatId: number, message: { readonly id: number }) => ({
  event: 'message.chat.customer',
  eventData: { chat_id: chatId, customer: { id: customerOf(chatId) }, message },
  // The same in every attempt.
  id: `delivery ${message.id}`,
  atMs: Date.now(),
});

const messageOf = (id: number) => ({ id, from: 'customer', type: 'message', text: 'a' });

const messagesOf = (chatId: number) =>
  Array.from({ length: messagesPerChat }, (_, index) => String(chatId * 1_000 + index));

/** Agents, and customers who may see one chat each. */
async function createCrowd(random: () => number, urls: () => readonly string[]) {
  const agent = await bearer({ role: 'agent' });
  return Promise.all(
    Array.from({ length: subscriberCount }, async (_, index) => {
      const chatId = index < customerCount ? chatIds[index % chatIds.length] : undefined;
      const customerId = chatId && String(customerOf(chatId));
      return new CrowdMember({
        ...{ random, urls, query, disconnections: 6 },
        transport: transports[index % transports.length] ?? 'sse',
        headers: customerId === undefined ? agent : await bearer({ role: 'customer', customerId }),
        read: ({ data }) => data && [data.messageReceived.chat.id, data.messageReceived.id],
        total: (chatId === undefined ? chatIds.length : 1) * messagesPerChat,
      });
    }),
  );
}

(hasRedis ? describe : describe.skip)('resuming with several instances (needs Redis)', () => {
  test('subscribers that disconnect and continue at other instances receive each event once and in order, while instances restart and Redis is killed', async () => {
    await using redis = await startPersistentRedis();
    await using upstream = await startControlledUpstream();
    upstream.seed({
      chats: chatIds.map((id) => ({ id, customer: { id: customerOf(id) }, messages: [] })),
      customers: chatIds.map((id) => ({ id: customerOf(id) })),
    });
    const random = createRandom(23);
    const all: Awaited<ReturnType<typeof startTestGateway>>[] = [];
    const urls = () => all.map(({ url }) => url);
    const start = async () =>
      all.push(
        await startTestGateway({
          upstream,
          config: {
            ...{ redisUrl: redis.url, auth: jwtAuth(), rateLimit: 0, webhookSecret },
            // On a busy machine reading messages again takes long.
            ...{ operationTimeoutMs: 100_000, upstreamTimeoutMs: 100_000 },
          },
        }),
      );
    const changeChat = (chatId: number, index: number) => {
      const message = messageOf(chatId * 1_000 + index);
      const chat: any = upstream.chats.get(chatId);
      chat.messages.push({ ...message, createdAt: '2' });
      return deliveryOf(chatId, message);
    };
    type Delivery = ReturnType<typeof changeChat>;
    const isAccepted = async (delivery: Delivery) => {
      const instance = all[Math.floor(random() * all.length)] ?? { url: '' };
      return (await deliver(instance, delivery)).status === 200;
    };
    const deliverAll = async (deliveries: readonly Delivery[]) => {
      // HelpCrunch sends a delivery again, too.
      for (const delivery of deliveries) while (!(await isAccepted(delivery)));
    };
    const change = (index: number) => chatIds.map((chatId) => changeChat(chatId, index));
    const subscriptions = async () => {
      const texts = all.map(async ({ url }) => (await fetch(`${url}/metrics`)).text());
      const counts = (await Promise.all(texts)).map(
        (text) => /^helpcrunch_subscriptions (\d+)$/m.exec(text)?.[1],
      );
      return counts.reduce((sum, count) => sum + Number(count), 0);
    };
    await Promise.all([start(), start(), start()]);
    const crowd = await createCrowd(random, urls);
    await Promise.all(crowd.map((member) => member.connect()));
    while ((await subscriptions()) < crowd.length);
    await deliverAll(change(0));
    await Promise.all(crowd.map((member) => member.receive(1)));

    const runs = Promise.all(crowd.map((member) => member.run()));
    for (let index = 1; index < messagesPerChat; index += 1) {
      const isOutage = index === 15 || index === 25;
      const deliveries = change(index);
      if (isOutage) {
        await redis.kill();
        await Promise.all(deliveries.map(isAccepted));
        await redis.restart();
      }
      await deliverAll(deliveries);
      if (index % 10 !== 8) continue;
      await start();
      await all.shift()?.stop();
    }
    await runs;
    await Promise.all(crowd.map((member) => member.close()));
    await Promise.all(all.map((gateway) => gateway.stop()));

    const agent = crowd.find(({ received }) => received.size === chatIds.length);
    expect(crowd.flatMap(({ errors }) => errors)).toEqual([]);
    for (const chatId of chatIds) {
      const order = agent?.received.get(String(chatId)) ?? [];
      expect(order.toSorted()).toEqual(messagesOf(chatId).toSorted());
      for (const { received } of crowd) {
        const ids = received.get(String(chatId));
        if (received.size > 1 || ids !== undefined) expect(ids).toEqual(order);
      }
    }
    expect(crowd.every(({ disconnections }) => disconnections === 6)).toBe(true);
    expect(crowd.filter(({ received }) => received.size === 1)).toHaveLength(customerCount);
  });

  test('a webhook that HelpCrunch sends to two instances while Redis is down is published once', async () => {
    await using redis = await startPersistentRedis();
    await using upstream = await startControlledUpstream();
    const config = { redisUrl: redis.url, auth: jwtAuth(), rateLimit: 0, webhookSecret };
    await using first = await startTestGateway({ upstream, config });
    await using second = await startTestGateway({ upstream, config });
    const headers = await bearer({ role: 'agent' });
    await using subscriber = await openSubscriber(first.url, { transport: 'sse', query, headers });
    await first.waitForSubscriptions(1);

    await redis.kill();
    for (const gateway of [first, second]) await deliver(gateway, deliveryOf(1, messageOf(1)));
    await redis.restart();
    await deliver(first, deliveryOf(1, messageOf(2)));
    await deliver(second, deliveryOf(1, messageOf(3)));
    const received: string[] = [];
    while (!received.includes('2') || !received.includes('3')) {
      const { data } = await subscriber.next();
      if (data !== null) received.push(data.messageReceived.id);
    }

    expect(received.toSorted()).toEqual(['1', '2', '3']);
  });

  test('an event of one account cannot be continued in another one, whose log is separate', async () => {
    await using redis = await startRedis();
    await using upstreams = await startTwoUpstreams();
    const config = { redisUrl: redis.url };
    await using first = await startForBoth({ upstreams, config });
    await using second = await startForBoth({ upstreams, config });
    const document = 'subscription ($after: ID) { chatUpdated(after: $after) { change } }';
    const open = async (gateway: typeof first, account: string, after?: string) =>
      openSubscriber(gateway.url, {
        ...{ transport: 'sse', query: document, headers: await first.headersOf(account) },
        ...(after === undefined ? {} : { after }),
      });
    const change = (account: string, event: string) =>
      first.deliver(
        `/${account}`,
        wireDelivery({ event, eventData: chatData({ id: 1, status: 'closed', rating: 'great' }) }),
        accountOf(account).webhookSecrets[0] ?? '',
      );
    await using live = await open(first, 'shop');
    await first.waitForSubscriptions(1);
    await change('shop', 'chat.closed');
    const { eventId } = (await live.next()).extensions;
    await change('shop', 'chat.rated');
    await live.next();

    await using own = await open(second, 'shop', eventId);
    await using foreign = await open(second, 'bank', eventId);
    const continued = await own.next();
    const missed = await foreign.next();
    await change('bank', 'chat.status_updated');
    const next = await foreign.next();

    expect(continued.data.chatUpdated.change).toBe('RATED');
    expect(missed.errors[0].extensions.missed).toBe(true);
    expect(next.data.chatUpdated.change).toBe('STATUS');
  });
});
