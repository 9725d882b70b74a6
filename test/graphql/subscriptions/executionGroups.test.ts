import { expect, test } from '@jest/globals';
import { parse } from 'graphql';
import type { PublishedEvent } from '../../../src/events/bus.ts';
import type { ExecutedEvent } from '../../../src/graphql/subscriptions/eventExecutor.ts';
import { ExecutionGroups } from '../../../src/graphql/subscriptions/executionGroups.ts';
import type { ChargeableSubscribers } from '../../../src/graphql/subscriptions/subscribers.ts';
import { chargeable } from '../../../src/graphql/subscriptions/subscribers.ts';

const callerOf = (quotaKey: string) => ({
  requestId: 'r',
  viewerId: undefined,
  address: '127.0.0.1',
  viewer: { role: 'ALL' as const },
  quotaKey,
  apiKey: 'k',
  account: 'a',
});

/** Subscriptions that differ in their filter, with their subscribers. */
function start(subscriptions: Readonly<Record<string, readonly string[]>>) {
  const audiences: ChargeableSubscribers[] = [];
  const groups = new ExecutionGroups({
    executor: {
      execute: (_operation, { audience }) => {
        audiences.push(audience);
        return Promise.resolve({ result: null, calls: 0 });
      },
    },
    prepare: () => () => ({}),
  });
  let turns = 0;
  const joined = Object.entries(subscriptions).map(([filter, clients]) => {
    const subscribers = clients.map((client) => ({ caller: callerOf(client), turn: (turns += 1) }));
    const source = `subscription { chatUpdated${filter} { change } }`;
    const { signal } = new AbortController();
    const admitted = { document: parse(source), source, operationName: null, variables: {} };
    const group = groups.join(admitted, callerOf('opener'), signal);
    const rotation = {
      opener: callerOf('opener'),
      turn: () => subscribers[0]?.turn,
      nextCharged: () => {
        const next = subscribers.shift();
        if (next === undefined) return undefined;
        subscribers.push({ ...next, turn: (turns += 1) });
        return chargeable(next.caller, subscribers);
      },
      subscribers: () => subscribers,
    };
    const execute = (event: PublishedEvent) =>
      new Promise<ExecutedEvent>((take, fail) => {
        group.execute(event, {
          ...{ subscribed: { ...admitted, operation: null }, variables: {} },
          ...{ execute: () => ({}), filter: () => true },
          ...{ rotation, signal, fail, take: (_event, executed) => take(executed) },
        });
      });
    return execute;
  });
  return {
    audiences,
    async execute(position: number) {
      const event = {
        ...{ kind: 'chat' as const, chatId: '1', change: 'RATED' as const, atMs: 0 },
        ...{ customerId: null, assigneeId: null, departmentId: null, eventId: 'e', position },
      };
      await Promise.all(joined.map((executeFor) => executeFor(event)));
    },
  };
}

test('the subscribers of all subscriptions that share an execution take turns in being charged', async () => {
  const { audiences, execute } = start({ '': ['a', 'b'], '(id: 1)': ['c'] });

  for (let position = 1; position <= 4; position += 1) await execute(position);

  const keysOf = ({ chargedSubscriber, others }: ChargeableSubscribers) =>
    [chargedSubscriber, ...others].map(({ quotaKey }) => quotaKey);
  expect(audiences.map((audience) => keysOf(audience)[0])).toEqual(['a', 'b', 'c', 'a']);
  expect(audiences.map((audience) => keysOf(audience).toSorted())).toEqual(
    Array(4).fill(['a', 'b', 'c']),
  );
});
