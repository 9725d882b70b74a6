import type { ServerResponse } from 'node:http';
import { expect, test } from '@jest/globals';
import { exportData } from '../../src/index.ts';
import { respond, startOperationProxy } from '../support/exportFailures.ts';
import { createExportDirectory, idsOf, readKind, repeatedIds } from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { rest, restRows } from '../support/rest.ts';

/** With older ones, the first page of a list has 100 rows, and further pages have 90: the second page begins and ends within them. */
const tied = 230;

async function startTied() {
  const clock = createManualClock();
  const demo = await startDemo({ clock, customers: 20, chats: 40, config: { rateLimit: 0 } });
  const { simulator } = demo;
  const firstSeen = Math.floor(clock.now() / 1_000);
  const create = async () => {
    const customer = await rest(simulator, '/customers', {
      method: 'POST',
      body: { name: 'Ada' },
    });
    await rest(simulator, `/customers/${customer.id}`, { method: 'PATCH', body: { firstSeen } });
    const body = { customer: customer.id, application: 1 };
    const chat = await rest(simulator, '/chats', { method: 'POST', body });
    return { customer: customer.id, chat: chat.id };
  };
  const created: Awaited<ReturnType<typeof create>>[] = [];
  for (let index = 0; index < tied; index += 1) created.push(await create());
  return { ...demo, clock, create, created };
}

type TiedAccount = Awaited<ReturnType<typeof startTied>>;

const remove = ({ simulator, created }: TiedAccount, index: number) =>
  rest(simulator, `/customers/${created[index]?.customer}`, { method: 'DELETE' });

test.each([
  ['nothing changes', () => undefined],
  ['rows that were read are deleted', (account: TiedAccount) => remove(account, 10)],
  ['the last row that was read is deleted', (account: TiedAccount) => remove(account, 59)],
  ['rows that were not read are deleted', (account: TiedAccount) => remove(account, 150)],
  [
    'rows of the same second are created',
    ({ create }: TiedAccount, list: string) => list === 'Chats' && create(),
  ],
])('rows of one second on several pages are exported once, while %s', async (_what, change) => {
  await using account = await startTied();
  await using target = await createExportDirectory();
  const { url, simulator, clock } = account;
  let pages = 0;
  await using proxy = await startOperationProxy(url, ({ body }) => {
    const [, list = ''] = /^query Export(Chats|Customers)\b/.exec(body.query) ?? [];
    if (list === '' || body.variables.after === null) return undefined;
    return async (response: ServerResponse) => {
      pages += 1;
      await change(account, list);
      const passed = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      respond(200, await passed.json())(response);
    };
  });
  await exportData({ url: proxy.url, directory: target.directory, clock });

  const chats = await readKind(target.directory, 'chats');
  const customers = await readKind(target.directory, 'customers');
  const chatIds = new Set(account.created.map(({ chat }) => String(chat)));
  const customerIds = new Set(account.created.map(({ customer }) => String(customer)));
  const times = new Set(chats.filter(({ id }) => chatIds.has(id)).map((line) => line['createdAt']));
  for (const line of customers) if (customerIds.has(line['id'])) times.add(line['firstSeen']);
  expect(times.size).toBe(1);
  expect(pages).toBeGreaterThanOrEqual(4);
  for (const [lines, path] of [
    [chats, '/chats'],
    [customers, '/customers'],
  ] as const) {
    const exported = new Set(idsOf(lines));
    const existing = await restRows(simulator, path);
    expect(repeatedIds(lines)).toEqual([]);
    expect(existing.filter(({ id }) => !exported.has(String(id)))).toEqual([]);
  }
});
