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

test('those who listen hear what they want of their own account, in order', async () => {
  const feed = createLocalEventBus();
  const { signal } = new AbortController();
  const wants = (news: DomainEvent) => news.customerId !== '2';
  const listening = feed.subscribe('a', wants, signal);

  for (const id of [1, 2, 3]) feed.publish('a', aboutCustomer(id));
  feed.publish('b', aboutCustomer(4));

  expect(await allHeard(listening, feed)).toEqual(['1', '3']);
});

test('what is announced between listening and the first question is heard', async () => {
  const feed = createLocalEventBus();
  const listening = feed.subscribe('a', anything, new AbortController().signal);
  feed.publish('a', aboutCustomer(1));

  expect(await listening.next()).toEqual({ value: aboutCustomer(1) });
});

test('who asks several times before there is anything gets the answers in order', async () => {
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

test('who lags behind keeps the latest and is told once that something was lost', async () => {
  const feed = createLocalEventBus(4);
  const slow = feed.subscribe('a', anything, new AbortController().signal);

  for (const id of [1, 2, 3, 4, 5, 6]) feed.publish('a', aboutCustomer(id));

  expect(await allHeard(slow, feed)).toEqual(['gap', '4', '5', '6']);
});

test('a gap is told to those of every account, whatever they want', async () => {
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
  ['leaves', (_feed, listening) => listening.return?.()],
  ['is left by its signal', (_feed, _listening, stop) => stop()],
  ['is ended with the feed', (feed) => feed.close()],
])('who %s hears no more and is forgotten', async (_how, end) => {
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

test('who comes with a signal that has fired hears nothing and is not kept', async () => {
  const feed = createLocalEventBus();

  const listening = feed.subscribe('a', anything, AbortSignal.abort());

  expect(await listening.next()).toEqual({ value: undefined, done: true });
  expect(feed.subscriberCount()).toBe(0);
});
