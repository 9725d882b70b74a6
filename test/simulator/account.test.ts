import { expect, test } from '@jest/globals';

import { createAccount } from '../../src/simulator/account.ts';
import type { Change } from '../../src/simulator/changes.ts';
import { createManualClock } from '../support/manualClock.ts';

test('the account reports each change', () => {
  const held = createAccount({ seed: 1, clock: createManualClock(), customers: 1, chats: 0 });
  const changes: Change[] = [];
  const stop = held.changes.listen((change) => changes.push(change));

  const { id } = held.chats.create({
    customerId: 7001,
    applicationId: 2,
    assigneeId: null,
    departmentId: null,
  });
  held.chats.post({ chatId: id, text: 'Hi', type: 'message', agentId: 12 });
  held.chats.setStatus(id, 'closed');
  held.chats.rate(id, 'great');
  held.customers.patch(7001, { email: 'new@example.com', blocked: true, tags: [] });
  held.customers.remove(7001);
  stop();
  held.customers.create({});

  expect(changes.map(({ event }) => event)).toEqual([
    'chat.new',
    'chat.assigned',
    'chat.status_updated',
    'message.chat.agent',
    'chat.status_updated',
    'chat.closed',
    'chat.rated',
    'customer.email_updated',
    'customer.blocked',
    'customer.deleted',
  ]);
});
