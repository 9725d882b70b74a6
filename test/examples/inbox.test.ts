import { describe, expect, test } from '@jest/globals';
import type { Request } from 'playwright-core';
import { hasBrowser } from '../support/browser.ts';
import { createDeferred } from '../support/deferred.ts';
import { chatOf, desktop, startExample, useInbox } from '../support/inbox.ts';

test('npm run example:inbox starts the page with a gateway, and stops on a signal', async () => {
  const example = await startExample({ GATEWAY_URL: '' });

  const page = await fetch(example.page);
  const answer = await fetch(`${example.page}graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ chats(first: 1) { nodes { id } } }' }),
  });
  const { data }: any = await answer.json();
  const code = await example.stop();

  expect(await page.text()).toContain('<title>Inbox</title>');
  expect(data.chats.nodes).toHaveLength(1);
  expect(code).toBe(0);
});

(hasBrowser ? describe : describe.skip)('in a browser (needs Chromium)', () => {
  const inbox = useInbox();

  const isList = (request: Request): boolean =>
    request.postData()?.includes('query ChatSearch') === true;

  test('the inbox lists, scrolls and opens chats, and contacts no other host', async () => {
    const { page, rows, openRow, chat, card, hosts, complaints } = await inbox.open();

    await rows.nth(29).scrollIntoViewIfNeeded();
    await rows.nth(59).waitFor({ state: 'attached' });
    const ids = await rows.evaluateAll((links: any[]) => links.map(({ dataset }) => dataset.chat));
    await page.getByText(/^\d+ of [\d,]+ chats$/).waitFor({ state: 'attached' });
    await openRow(0);
    const name = await chat.getByRole('heading').textContent();
    await card.getByRole('heading', { name: name ?? '' }).waitFor();

    expect(new Set(ids).size).toBe(ids.length);
    expect([...hosts]).toEqual(['127.0.0.1']);
    expect(complaints).toEqual([]);
  });

  test('the inbox shows a change that happens before its subscription starts', async () => {
    const held = createDeferred();
    const { rows, row } = await inbox.open({
      prepare: (page) =>
        page.routeWebSocket(/\/graphql$/, (socket) => {
          const server = socket.connectToServer();
          socket.onMessage((message) => void held.promise.then(() => server.send(message)));
        }),
    });
    const chat = await chatOf(rows.filter({ hasNotText: 'Unread:' }).first());

    await inbox.markUnread(chat);
    held.resolve();

    await row(chat).getByText('Unread:').waitFor({ state: 'attached' });
  });

  test('a response that is older than an event does not undo the change of the event', async () => {
    const [read, released] = [createDeferred(), createDeferred()];
    let lists = 0;
    let event: Promise<unknown> | undefined;
    const isEvent = ({ payload }: { readonly payload: string | Buffer }) =>
      payload.includes('chatUpdated');
    const { rows, row } = await inbox.open({
      prepare(page) {
        page.once('websocket', (socket) => {
          event = socket.waitForEvent('framereceived', isEvent);
        });
        return page.route('**/graphql', async (route) => {
          // The second is sent when the subscription has started.
          const isHeld = isList(route.request()) && (lists += 1) === 2;
          if (!isHeld) return route.continue();
          const response = await route.fetch();
          read.resolve();
          await released.promise;
          return route.fulfill({ response });
        });
      },
    });
    const chat = await chatOf(rows.filter({ hasNotText: 'Unread:' }).first());
    await read.promise;

    await inbox.markUnread(chat);
    await event;
    released.resolve();

    await row(chat).getByText('Unread:').waitFor({ state: 'attached' });
  });

  test('a new message of a customer appears in its chat and in the list', async () => {
    const { page, ready, openRow, row, chat, complaints } = await inbox.open();
    await ready();
    const id = await openRow(3);

    await inbox.customerWrites(id, 'Are you still there?');
    await chat.getByText('Are you still there?').waitFor();
    await row(id).getByText('Are you still there?').waitFor();
    await page
      .getByRole('status')
      .getByText('New message: Are you still there?')
      .waitFor({ state: 'attached' });

    expect(complaints).toEqual([]);
  });

  test('the inbox shows an outage and a rate limit, and recovers from both', async () => {
    const { page, rows, list } = await inbox.open();
    const search = 'POST /chats/search';
    await rows.nth(9).waitFor();

    inbox.fail(search, { kind: 'status', status: 503 });
    await rows.nth(29).scrollIntoViewIfNeeded();
    await list.getByRole('alert').getByText('HelpCrunch is not available').waitFor();
    inbox.recover();
    await rows.nth(59).waitFor({ state: 'attached' });
    inbox.fail(search, { kind: 'status', status: 503 });
    await page.getByRole('link', { name: 'Closed' }).click();
    await list.getByRole('alert').getByText('HelpCrunch is not available').waitFor();
    inbox.fail(search, { kind: 'status', status: 429, headers: { 'retry-after': '4' } });
    await list.getByRole('alert').getByText('The rate limit is reached').waitFor();
    inbox.recover();

    await rows.nth(9).waitFor();
    expect(await list.getByRole('alert').count()).toBe(0);
  });

  test('the inbox reconnects after a restart of the gateway and shows the changes since then', async () => {
    const { page, ready, rows, row } = await inbox.open();
    await ready();
    const chat = await chatOf(rows.nth(4));

    await inbox.stopGateway();
    await page.getByText('Reconnecting …').waitFor();
    await inbox.customerWrites(chat, 'Written during the restart');
    await inbox.startGatewayAgain();

    await page.getByText('Live', { exact: true }).waitFor();
    await row(chat).getByText('Written during the restart').waitFor();
  });

  test('a page that is opened during an outage of the gateway works after it', async () => {
    await inbox.stopGateway();
    const { page, list, rows, openRow, reply, chat } = await inbox.open({
      prepare: (opening) => opening.clock.install(),
    });
    await list.getByRole('alert').getByText('The gateway cannot be reached').waitFor();
    await inbox.startGatewayAgain();

    while ((await rows.count()) === 0) await page.clock.runFor(1_000);
    await openRow(0);
    await reply.fill('Written after the outage');
    const send = chat.getByRole('button', { name: 'Send' });
    while (await send.isDisabled()) await page.clock.runFor(1_000);
    while ((await page.locator('[data-state="live"]').count()) === 0)
      await page.clock.runFor(1_000);

    expect(await list.getByRole('alert').count()).toBe(0);
  });

  test('subscriptions that have received an event continue after it without refetching the list', async () => {
    const { page, ready, rows, row } = await inbox.open({
      prepare: (opening) =>
        opening.addInitScript(() => {
          const scope: any = globalThis;
          const Original = scope.WebSocket;
          scope.sockets = [];
          scope.WebSocket = class extends Original {
            constructor(...values: any[]) {
              super(...values);
              scope.sockets.push(this);
            }
          };
        }),
    });
    await ready();
    const chat = await chatOf(rows.nth(4));
    const other = await chatOf(rows.nth(5));
    await inbox.customerWrites(chat, 'An event for both subscriptions');
    await row(chat).getByText('An event for both').waitFor();
    await inbox.markUnread(other);
    await row(other).getByText('Unread:').waitFor({ state: 'attached' });
    const lists: Request[] = [];
    page.on('request', (request) => {
      if (isList(request)) lists.push(request);
    });

    await page.evaluate('sockets.at(-1).close()');
    await page.getByText('Reconnecting …').waitFor();
    await inbox.customerWrites(chat, 'Written while disconnected');
    await row(chat).getByText('Written while disconnected').waitFor();

    expect(lists).toEqual([]);
  });

  test.each([
    ['light', desktop.viewport.width],
    ['dark', 360],
    ['light', 320],
    ['dark', 768],
  ] as const)(
    'the inbox has no accessibility violation in %s colours, %i pixels wide',
    async (colorScheme, width) => {
      const { page, ready, openRow, faults } = await inbox.open({
        options: { colorScheme, viewport: { width, height: 740 } },
      });

      await ready();
      const atList = await faults('minor');
      await openRow(1);
      const atChat = await faults('minor');
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      const atHelp = await faults('minor');

      expect([...atList, ...atChat, ...atHelp]).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    },
  );
});
