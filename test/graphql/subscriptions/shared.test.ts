import { expect, test } from '@jest/globals';
import { createSharedSubscriptions } from '../../../src/graphql/subscriptions/shared.ts';
import type {
  SubscriberRotation,
  ExecuteSubscription,
  SubscriptionResult,
  SubscriptionCaller,
} from '../../../src/graphql/subscriptions/eventExecution.ts';
import type { ResultConsumer } from '../../../src/graphql/subscriptions/eventDelivery.ts';
import type { Viewer } from '../../../src/graphql/context.ts';
import type { SubscriptionResults } from '../../../src/graphql/subscriptions/run.ts';
import { createBoundedQueue } from '../../../src/lib/boundedQueue.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const subscriber = (
  viewer: Viewer = { role: 'ALL' },
  account = 'a',
  quotaKey = 'c',
): SubscriptionCaller => ({
  requestId: 'r',
  viewerId: undefined,
  address: '127.0.0.1',
  viewer,
  quotaKey,
  apiKey: 'k',
  account,
});

const admitted = (source = 'subscription { a }', variables = {}) => ({
  document: { kind: 'Document', definitions: [] } as never,
  source,
  operationName: null,
  variables,
});

const result = (event: number): SubscriptionResult => ({ data: { event } });

const emptyHistory = {
  head: () => 0,
  positionOf: () => Promise.resolve(undefined),
  latestId: () => undefined,
  read: () => ({ events: [], end: 0 }),
};

const opened = (results: SubscriptionResults) => ({
  deliver({ take, end }: ResultConsumer) {
    results.consume({
      take(each, resume) {
        take(each);
        resume();
      },
      end,
    });
  },
  history: emptyHistory,
  replay: () => Promise.resolve(null),
});

/** Events that the test gives, to each reading that is under way. */
function createEvents() {
  const readings = new Set<(result: SubscriptionResult) => void>();
  const readEvents: ExecuteSubscription = (_admitted, _subscriber, signal) => {
    const queue = createBoundedQueue<SubscriptionResult>({
      maxLength: 1_000,
      overflowItem: {},
      onEnd: () => readings.delete(push),
    });
    const push = (item: SubscriptionResult) => queue.push(item);
    readings.add(push);
    signal.addEventListener('abort', () => queue.finish(), { once: true });
    return Promise.resolve(opened(queue.items));
  };
  return {
    readEvents,
    readings,
    happen: (event: number) => readings.forEach((push) => push(result(event))),
  };
}

async function joinedBy(
  joining: Promise<SubscriptionResults | SubscriptionResult>,
): Promise<SubscriptionResults> {
  const joined = await joining;
  if (!('next' in joined)) throw new Error('It was refused.');
  return joined;
}

test('subscribers with the same operation and audience share one subscription, which ends with the last of them', async () => {
  const { readEvents: executeSubscription, readings, happen } = createEvents();
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 10 });
  const members = await Promise.all(
    Array.from({ length: 1_000 }, () => joinedBy(fanOut.join(admitted(), subscriber()))),
  );

  happen(1);
  const heard = await Promise.all(members.map((member) => member.next()));
  const shared = readings.size;
  await Promise.all(members.slice(1).map(async (member) => member.return?.()));
  const left = readings.size;
  await members[0]?.return?.();

  expect(heard.every(({ value }) => value === heard[0]?.value)).toBe(true);
  expect([shared, left, readings.size, fanOut.count()]).toEqual([1, 1, 0, 0]);
});

test.each([
  ['another document', admitted('subscription { b }'), subscriber()],
  ['other variables', admitted(undefined, { id: '1' }), subscriber()],
  ['another account', admitted(), subscriber(undefined, 'b')],
  ['another role', admitted(), subscriber({ role: 'CUSTOMER', id: '7' } as Viewer)],
])('a subscription is not shared with a subscriber that has %s', async (_name, other, who) => {
  const { readEvents: executeSubscription, readings } = createEvents();
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 10 });

  await fanOut.join(admitted(), subscriber());
  await fanOut.join(other, who);

  expect(readings.size).toBe(2);
});

test('the subscribers of a shared subscription take turns in being charged for an event', async () => {
  const { readEvents } = createEvents();
  const audiences: SubscriberRotation[] = [];
  const executeSubscription: ExecuteSubscription = (admittedSubscription, audience, signal) => {
    audiences.push(audience);
    return readEvents(admittedSubscription, audience, signal);
  };
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 10 });
  const join = (client: string) =>
    joinedBy(fanOut.join(admitted(), subscriber(undefined, undefined, client)));
  const first = await join('a');
  for (const client of ['b', 'a', 'c']) await join(client);
  const turn = () => {
    const { chargedSubscriber, others = [] } = audiences[0]?.nextCharged(1) ?? {};
    return `${chargedSubscriber?.quotaKey} ${others.map(({ quotaKey }) => quotaKey).join('')}`;
  };

  const turns = [turn(), turn(), turn(), turn()];
  await first.return?.();
  const afterOneLeft = [turn(), turn(), turn()];

  expect(audiences).toHaveLength(1);
  expect(turns).toEqual(['a bc', 'b ac', 'a cb', 'c ab']);
  expect(afterOneLeft).toEqual(['b ac', 'a cb', 'c ba']);
});

test('of many subscribers of a shared subscription eight can be charged for one event', async () => {
  const { readEvents } = createEvents();
  let nextCharged: SubscriberRotation['nextCharged'] | undefined;
  const executeSubscription: ExecuteSubscription = (admittedSubscription, audience, signal) => {
    ({ nextCharged } = audience);
    return readEvents(admittedSubscription, audience, signal);
  };
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 10 });
  for (let client = 0; client < 100; client += 1)
    await joinedBy(fanOut.join(admitted(), subscriber(undefined, undefined, `c${client}`)));

  const { chargedSubscriber, others = [] } = nextCharged?.(1) ?? {};

  expect(new Set([chargedSubscriber, ...others].map((caller) => caller?.quotaKey)).size).toBe(8);
});

test('a slow subscriber receives a gap instead of its buffered results and does not delay the others', async () => {
  const { readEvents: executeSubscription, happen } = createEvents();
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 3 });
  const slow = await joinedBy(fanOut.join(admitted(), subscriber()));
  const fast = await joinedBy(fanOut.join(admitted(), subscriber()));

  const heard: unknown[] = [];
  for (let event = 0; event < 5; event += 1) {
    happen(event);
    heard.push((await fast.next()).value);
  }
  const late = [(await slow.next()).value, (await slow.next()).value, (await slow.next()).value];

  expect(heard).toEqual([0, 1, 2, 3, 4].map(result));
  expect(late).toMatchObject([
    { data: null, errors: [{ extensions: { missed: true, retryable: true } }] },
    result(3),
    result(4),
  ]);
});

test('a shared subscription that fails to start is retried by the next subscriber', async () => {
  const refusal: SubscriptionResult = { errors: [{ message: 'No.' }] };
  let tries = 0;
  const executeSubscription: ExecuteSubscription = () => {
    tries += 1;
    return tries === 1 ? Promise.reject(new Error('A bug.')) : Promise.resolve(refusal);
  };
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 3 });

  await expect(fanOut.join(admitted(), subscriber())).rejects.toThrow('A bug.');
  const answers = [
    await fanOut.join(admitted(), subscriber()),
    await fanOut.join(admitted(), subscriber()),
  ];

  expect(answers).toEqual([refusal, refusal]);
  expect([tries, fanOut.count()]).toEqual([3, 0]);
});

test('all subscribers of a shared subscription end when its events end', async () => {
  const ends: (() => void)[] = [];
  const executeSubscription: ExecuteSubscription = () => {
    const queue = createBoundedQueue<SubscriptionResult>({
      maxLength: 9,
      overflowItem: {},
      onEnd: () => undefined,
    });
    queue.push(result(1));
    ends.push(() => queue.finish());
    return Promise.resolve(opened(queue.items));
  };
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 3 });
  const member = await joinedBy(fanOut.join(admitted(), subscriber()));

  for (const end of ends) end();
  const heard = [await member.next(), await member.next(), await member.next()];

  expect(heard.map(({ done = false }) => done)).toEqual([false, true, true]);
});

test('shared subscriptions retain nothing after a day of subscribers that join and leave', async () => {
  const { readEvents: executeSubscription, readings, happen } = createEvents();
  const fanOut = createSharedSubscriptions({ executeSubscription, log, maxBuffered: 3 });

  for (let minute = 0; minute < 1_440; minute += 1) {
    const members = await Promise.all(
      [0, 1, 2].map((id) => joinedBy(fanOut.join(admitted(undefined, { id }), subscriber()))),
    );
    happen(minute);
    await Promise.all(members.map((member) => member.next()));
    await Promise.all(members.map(async (member) => member.return?.()));
  }

  expect([readings.size, fanOut.count()]).toEqual([0, 0]);
});
