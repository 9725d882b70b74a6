import { expect, test } from '@jest/globals';
import type { EventOrGap, EventBus, DomainEvent } from '../../src/events/bus.ts';
import { createLocalEventBus } from '../../src/events/localBus.ts';

const aboutCustomer = (customerId: number): DomainEvent => ({
  kind: 'customer',
  customerId: String(customerId),
  atMs: 1,
});

const anything = () => true;

/** All events of a subscription up to a marker that this function publishes. */
async function allHeard(listening: AsyncIterable<EventOrGap>, feed: EventBus) {
  const heard: (string | undefined)[] = [];
  feed.publish('a', aboutCustomer(0));
  for await (const announcement of listening) {
    const id = 'customerId' in announcement ? (announcement.customerId ?? '') : announcement.kind;
    if (id === '0') break;
    heard.push(id);
  }
  return heard;
}

test('a subscriber receives the accepted events of its own account in order', async () => {
  const feed = createLocalEventBus();
  const { signal } = new AbortController();
  const wants = (news: DomainEvent) => news.customerId !== '2';
  const listening = feed.subscribe('a', wants, signal);

  for (const id of [1, 2, 3]) feed.publish('a', aboutCustomer(id));
  feed.publish('b', aboutCustomer(4));

  expect(await allHeard(listening, feed)).toEqual(['1', '3']);
});

test('an event published between subscribe and the first next is delivered', async () => {
  const feed = createLocalEventBus();
  const listening = feed.subscribe('a', anything, new AbortController().signal);
  feed.publish('a', aboutCustomer(1));

  expect(await listening.next()).toEqual({ value: aboutCustomer(1) });
});

test('concurrent calls of next are resolved in order', async () => {
  const feed = createLocalEventBus();
  const listening = feed.subscribe('a', anything, new AbortController().signal);

  const asked = [listening.next(), listening.next(), listening.next()];
  feed.publish('a', aboutCustomer(1));
  feed.signalGap();
  feed.publish('a', aboutCustomer(2));

  expect(await Promise.all(asked)).toEqual([
    { value: aboutCustomer(1) },
    { value: { kind: 'gap' } },
    { value: aboutCustomer(2) },
  ]);
});

test('a slow subscriber receives one gap and then the latest events', async () => {
  const feed = createLocalEventBus(4);
  const slow = feed.subscribe('a', anything, new AbortController().signal);

  for (const id of [1, 2, 3, 4, 5, 6]) feed.publish('a', aboutCustomer(id));

  expect(await allHeard(slow, feed)).toEqual(['gap', '4', '5', '6']);
});

test('a gap is delivered to the subscribers of every account, whatever events they accept', async () => {
  const feed = createLocalEventBus();
  const { signal } = new AbortController();
  const listening = [
    feed.subscribe('a', () => false, signal),
    feed.subscribe('b', () => false, signal),
  ];

  feed.signalGap();
  feed.signalGap();

  for (const listener of listening) {
    expect(await listener.next()).toEqual({ value: { kind: 'gap' } });
  }
});

test.each<
  [string, (feed: EventBus, listening: AsyncIterator<EventOrGap>, stop: () => void) => unknown]
>([
  ['its iterator returns', (_feed, listening) => listening.return?.()],
  ['its signal aborts', (_feed, _listening, stop) => stop()],
  ['the event bus closes', (feed) => feed.close()],
])('a subscription ends and is removed when %s', async (_how, end) => {
  const feed = createLocalEventBus();
  const controller = new AbortController();
  const listening = feed.subscribe('a', anything, controller.signal);
  feed.publish('a', aboutCustomer(1));
  const later = [listening.next(), listening.next()];

  await end(feed, listening, () => controller.abort());
  feed.publish('a', aboutCustomer(2));

  expect(await Promise.all(later)).toEqual([
    { value: aboutCustomer(1) },
    { value: undefined, done: true },
  ]);
  expect(await listening.next()).toEqual({ value: undefined, done: true });
  expect(feed.subscriberCount()).toBe(0);
});

test('a subscription with an aborted signal ends immediately and is not kept', async () => {
  const feed = createLocalEventBus();

  const listening = feed.subscribe('a', anything, AbortSignal.abort());

  expect(await listening.next()).toEqual({ value: undefined, done: true });
  expect(feed.subscriberCount()).toBe(0);
});
