import { expect, test } from '@jest/globals';
import type { EventOrGap, EventBus, DomainEvent } from '../../src/events/bus.ts';
import { LocalEventBus } from '../../src/events/localBus.ts';
import { createManualClock } from '../support/manualClock.ts';

const customerEvent = (customerId: number): DomainEvent => ({
  kind: 'customer',
  change: 'UPDATED',
  customerId: String(customerId),
  atMs: 1,
});

const acceptAll = () => true;

/** All events of a subscription up to a marker that this function publishes. */
async function receivedEvents(subscription: AsyncIterable<EventOrGap>, eventBus: EventBus) {
  const received: (string | undefined)[] = [];
  eventBus.publish('a', customerEvent(0));
  for await (const event of subscription) {
    const id = 'customerId' in event ? (event.customerId ?? '') : event.kind;
    if (id === '0') break;
    received.push(id);
  }
  return received;
}

test('a subscriber receives the accepted events of its own account in order', async () => {
  const eventBus = new LocalEventBus(createManualClock());
  const { signal } = new AbortController();
  const accepts = (event: DomainEvent) => event.customerId !== '2';
  const subscription = eventBus.subscribe('a', accepts, signal);

  for (const id of [1, 2, 3]) eventBus.publish('a', customerEvent(id));
  eventBus.publish('b', customerEvent(4));

  expect(await receivedEvents(subscription, eventBus)).toEqual(['1', '3']);
});

test('an event published between subscribe and the first next is delivered', async () => {
  const eventBus = new LocalEventBus(createManualClock());
  const subscription = eventBus.subscribe('a', acceptAll, new AbortController().signal);
  eventBus.publish('a', customerEvent(1));

  expect(await subscription.next()).toMatchObject({ value: customerEvent(1) });
});

test('concurrent calls of next are resolved in order', async () => {
  const eventBus = new LocalEventBus(createManualClock());
  const subscription = eventBus.subscribe('a', acceptAll, new AbortController().signal);

  const pending = [subscription.next(), subscription.next(), subscription.next()];
  eventBus.publish('a', customerEvent(1));
  eventBus.signalGap('a');
  eventBus.publish('a', customerEvent(2));

  expect(await Promise.all(pending)).toMatchObject([
    { value: customerEvent(1) },
    { value: { kind: 'gap' } },
    { value: customerEvent(2) },
  ]);
});

test('a slow subscriber receives one gap and then the latest events', async () => {
  const eventBus = new LocalEventBus(createManualClock(), 4);
  const slow = eventBus.subscribe('a', acceptAll, new AbortController().signal);

  for (const id of [1, 2, 3, 4, 5, 6]) eventBus.publish('a', customerEvent(id));

  expect(await receivedEvents(slow, eventBus)).toEqual(['gap', '4', '5', '6']);
});

test('a gap is delivered to all subscribers of its account, whatever events they accept', async () => {
  const eventBus = new LocalEventBus(createManualClock());
  const { signal } = new AbortController();
  const subscriptions = [
    eventBus.subscribe('a', () => false, signal),
    eventBus.subscribe('a', acceptAll, signal),
  ];

  eventBus.signalGap('a');
  eventBus.signalGap('a');

  for (const events of subscriptions) {
    expect(await events.next()).toEqual({ value: { kind: 'gap' } });
  }
});

test.each<
  [
    string,
    (eventBus: EventBus, subscription: AsyncIterator<EventOrGap>, stop: () => void) => unknown,
  ]
>([
  ['its iterator returns', (_eventBus, subscription) => subscription.return?.()],
  ['its signal aborts', (_eventBus, _subscription, stop) => stop()],
  ['the event bus closes', (eventBus) => eventBus.close()],
])('a subscription ends and is removed when %s', async (_how, end) => {
  const eventBus = new LocalEventBus(createManualClock());
  const controller = new AbortController();
  const subscription = eventBus.subscribe('a', acceptAll, controller.signal);
  eventBus.publish('a', customerEvent(1));
  const results = [subscription.next(), subscription.next()];

  await end(eventBus, subscription, () => controller.abort());
  eventBus.publish('a', customerEvent(2));

  expect(await Promise.all(results)).toMatchObject([
    { value: customerEvent(1) },
    { value: undefined, done: true },
  ]);
  expect(await subscription.next()).toEqual({ value: undefined, done: true });
  expect(eventBus.subscriberCount()).toBe(0);
});

test('a subscription with an aborted signal ends immediately and is not kept', async () => {
  const eventBus = new LocalEventBus(createManualClock());

  const subscription = eventBus.subscribe('a', acceptAll, AbortSignal.abort());

  expect(await subscription.next()).toEqual({ value: undefined, done: true });
  expect(eventBus.subscriberCount()).toBe(0);
});

test('subscribers are waited for while they have events to take, but not for a gap, which takes no space', async () => {
  const eventBus = new LocalEventBus(createManualClock());
  const subscription = eventBus.subscribe('a', acceptAll, new AbortController().signal);
  const isWaiting = () =>
    Promise.race([
      eventBus.waitForSubscribers('a').then(() => false),
      new Promise<boolean>((resolve) => setImmediate(() => resolve(true))),
    ]);

  eventBus.signalGap('a');
  const afterGap = await isWaiting();
  eventBus.publish('a', customerEvent(1));
  const afterEvent = await isWaiting();
  await subscription.next();
  await subscription.next();

  expect([afterGap, afterEvent, await isWaiting()]).toEqual([false, true, false]);
});
