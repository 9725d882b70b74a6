import { expect, test } from '@jest/globals';
import type { Announcement, Feed, News } from '../../src/events/feed.ts';
import { createLocalFeed } from '../../src/events/localFeed.ts';

const aboutCustomer = (customerId: number): News => ({
  kind: 'customer',
  customerId: String(customerId),
  atMs: 1,
});

const anything = () => true;

/** What is heard until nothing more is to come: whoever listens is ended after that. */
async function allHeard(listening: AsyncIterable<Announcement>, feed: Feed) {
  const heard: (string | undefined)[] = [];
  feed.announce('a', aboutCustomer(0));
  for await (const announcement of listening) {
    const id = 'customerId' in announcement ? (announcement.customerId ?? '') : announcement.kind;
    if (id === '0') break;
    heard.push(id);
  }
  return heard;
}

test('those who listen hear what they want of their own account, in order', async () => {
  const feed = createLocalFeed();
  const { signal } = new AbortController();
  const wants = (news: News) => news.customerId !== '2';
  const listening = feed.listen('a', wants, signal);

  for (const id of [1, 2, 3]) feed.announce('a', aboutCustomer(id));
  feed.announce('b', aboutCustomer(4));

  expect(await allHeard(listening, feed)).toEqual(['1', '3']);
});

test('what is announced between listening and the first question is heard', async () => {
  const feed = createLocalFeed();
  const listening = feed.listen('a', anything, new AbortController().signal);
  feed.announce('a', aboutCustomer(1));

  expect(await listening.next()).toEqual({ value: aboutCustomer(1) });
});

test('who asks several times before there is anything gets the answers in order', async () => {
  const feed = createLocalFeed();
  const listening = feed.listen('a', anything, new AbortController().signal);

  const asked = [listening.next(), listening.next(), listening.next()];
  feed.announce('a', aboutCustomer(1));
  feed.miss();
  feed.announce('a', aboutCustomer(2));

  expect(await Promise.all(asked)).toEqual([
    { value: aboutCustomer(1) },
    { value: { kind: 'gap' } },
    { value: aboutCustomer(2) },
  ]);
});

test('who lags behind keeps the latest and is told once that something was lost', async () => {
  const feed = createLocalFeed(4);
  const slow = feed.listen('a', anything, new AbortController().signal);

  for (const id of [1, 2, 3, 4, 5, 6]) feed.announce('a', aboutCustomer(id));

  expect(await allHeard(slow, feed)).toEqual(['gap', '4', '5', '6']);
});

test('a gap is told to those of every account, whatever they want', async () => {
  const feed = createLocalFeed();
  const { signal } = new AbortController();
  const listening = [feed.listen('a', () => false, signal), feed.listen('b', () => false, signal)];

  feed.miss();
  feed.miss();

  for (const listener of listening) {
    expect(await listener.next()).toEqual({ value: { kind: 'gap' } });
  }
});

test.each<
  [string, (feed: Feed, listening: AsyncIterator<Announcement>, stop: () => void) => unknown]
>([
  ['leaves', (_feed, listening) => listening.return?.()],
  ['is left by its signal', (_feed, _listening, stop) => stop()],
  ['is ended with the feed', (feed) => feed.close()],
])('who %s hears no more and is forgotten', async (_how, end) => {
  const feed = createLocalFeed();
  const controller = new AbortController();
  const listening = feed.listen('a', anything, controller.signal);
  feed.announce('a', aboutCustomer(1));
  const later = [listening.next(), listening.next()];

  await end(feed, listening, () => controller.abort());
  feed.announce('a', aboutCustomer(2));

  expect(await Promise.all(later)).toEqual([
    { value: aboutCustomer(1) },
    { value: undefined, done: true },
  ]);
  expect(await listening.next()).toEqual({ value: undefined, done: true });
  expect(feed.listeners()).toBe(0);
});

test('who comes with a signal that has fired hears nothing and is not kept', async () => {
  const feed = createLocalFeed();

  const listening = feed.listen('a', anything, AbortSignal.abort());

  expect(await listening.next()).toEqual({ value: undefined, done: true });
  expect(feed.listeners()).toBe(0);
});
