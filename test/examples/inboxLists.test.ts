import { describe, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { hasBrowser, stopClock } from '../support/browser.ts';
import { createDeferred } from '../support/deferred.ts';
import { answerOf, chatOf, me, useInbox } from '../support/inbox.ts';

(hasBrowser ? describe : describe.skip)('lists of the inbox (needs Chromium)', () => {
  const inbox = useInbox({ simulator: { chats: 1_000, customers: 400 } });

  /** Opens a view and waits for its list. */
  async function visit(page: Page, name: string): Promise<void> {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.locator(`a[aria-current="page"][href="#/${name.toLowerCase()}"]`).waitFor();
    await page.locator('.rows[aria-busy="false"]').waitFor();
  }

  /** Defines `sockets` and `isBlocked` in the page, which prevents new connections. */
  const controlSockets = (page: Page) =>
    page.addInitScript(() => {
      const scope: any = globalThis;
      const Original = scope.WebSocket;
      scope.isBlocked = false;
      scope.sockets = [];
      scope.WebSocket = class extends Original {
        constructor(url: string, ...values: any[]) {
          super(scope.isBlocked ? 'ws://127.0.0.1:9/' : url, ...values);
          scope.sockets.push(this);
        }
      };
    });

  const order = (rows: Locator): Promise<readonly string[]> =>
    rows.evaluateAll((links: any[]) => links.map(({ dataset }) => dataset.chat));

  test('a view that is shown again contains the chats that have changed meanwhile', async () => {
    const { page, ready, rows, row, chat, choose } = await inbox.open();
    await ready();
    await visit(page, 'Mine');
    await visit(page, 'Unassigned');
    await visit(page, 'Closed');
    const reopened = await chatOf(rows.first());
    await visit(page, 'Open');
    await stopClock(page);
    const taken = await chatOf(rows.filter({ hasNotText: me.name }).first());
    const closed = await chatOf(rows.filter({ hasNotText: 'Unassigned' }).nth(1));
    // The newest chat, because the gateway sorts the unassigned ones by creation.
    const assigned = await order(
      rows.filter({ hasNotText: 'Unassigned' }).filter({ hasNotText: me.name }),
    );
    const released = assigned
      .filter((id) => ![taken, closed].includes(id))
      .toSorted((a, b) => Number(b) - Number(a))[0];

    const openChat = async (id: string) => {
      await row(id).click();
      await page.locator('.message').first().waitFor();
    };
    await openChat(taken);
    const taking = answerOf(page, 'mutation Assign');
    await page.keyboard.press('t');
    await taking;
    await openChat(released ?? '');
    const releasing = answerOf(page, 'mutation Unassign');
    await choose(chat.getByRole('button', { name: /^Agent/ }), 'Unassigned');
    await releasing;
    await openChat(closed);
    const closing = answerOf(page, 'mutation SetStatus');
    await page.keyboard.press('e');
    await page.clock.runFor(10_000);
    await closing;

    await visit(page, 'Mine');
    await row(taken).waitFor();
    await inbox.customerWrites(reopened, 'It does not work yet');
    await visit(page, 'Unassigned');
    await row(released ?? '').waitFor();
    await visit(page, 'Closed');
    await row(closed).waitFor();
    await visit(page, 'Open');
    await row(reopened).waitFor();
  });

  test('the rows of a view that is shown again do not move under the pointer', async () => {
    const { page, ready, rows, row, news } = await inbox.open({ hash: '#/mine' });
    await rows.first().waitFor();
    const before = await order(rows);
    await visit(page, 'Open');
    await ready();
    const taken = await chatOf(rows.filter({ hasNotText: me.name }).first());
    const event = row(taken).getByText(me.name);
    await inbox.gateway.query(`mutation { assignChat(id: ${taken}, agentId: ${me.id}) { id } }`);
    await event.waitFor();

    await rows.first().hover();
    await page.goBack();
    await page.locator('a[aria-current="page"][href="#/mine"]').waitFor();
    await news.getByText('1 new').waitFor();
    const held = await order(rows);
    await news.click();

    await row(taken).waitFor();
    expect(held).toEqual(before);
  });

  test('the number of chats in a view does not change when a chat of it receives a message', async () => {
    const { page, ready, list, row } = await inbox.open();
    await ready();
    const open = '{ statusIn: [NEW, OPENED, PENDING, ON_HOLD] }';
    const { data } = await inbox.gateway.query(`{
      chats(first: 100, filter: ${open}, orderBy: { field: LAST_MESSAGE_AT, direction: DESC }) {
        totalCount
        nodes { id }
      }
      closed: chats(first: 1, filter: { status: CLOSED }) { nodes { id } }
    }`);
    const total = (count: number) =>
      list.getByText(new RegExp(`^\\d+ of ${count} chats$`)).waitFor({ state: 'attached' });
    const { nodes } = data.chats;
    const totalCount: number = data.chats.totalCount;
    const old = nodes.at(-1).id;
    await total(totalCount);

    await inbox.customerWrites(old, 'From a chat that is not loaded');
    await row(old).getByText('From a chat').waitFor();
    const text = await list.locator('.count').textContent();
    // A chat that was not counted yet.
    await inbox.customerWrites(data.closed.nodes[0].id, 'From a closed chat');
    await row(data.closed.nodes[0].id).getByText('From a closed').waitFor();
    await total(totalCount + 1);
    await page.reload();
    await total(totalCount + 1);

    expect(text).toContain(` of ${totalCount} chats`);
  });

  describe.each([
    ['that has received no event', false],
    ['that cannot continue after its last event', true],
  ])('after a reconnection %s', (_name, hasEvents) => {
    test('a conversation that is opened again contains the missed messages, and is marked as read when they are shown', async () => {
      const { page, ready, rows, row, chat } = await inbox.open({ prepare: controlSockets });
      await ready();
      const [id, other] = [await chatOf(rows.nth(3)), await chatOf(rows.nth(4))];
      const show = async (shown: string) => {
        await row(shown).click();
        await page.locator('.message').first().waitFor();
      };
      await show(id);
      await show(other);
      if (hasEvents) {
        await inbox.customerWrites(other, 'An event');
        await chat.getByText('An event').waitFor();
        await inbox.markUnread(other);
        await row(other).getByText('Unread:').waitFor({ state: 'attached' });
      }
      await page.evaluate('isBlocked = true; sockets.at(-1).close()');
      await page.getByText('Reconnecting …').waitFor();
      await inbox.customerWrites(id, 'Written during the restart');
      // The gateway has received the webhook, and loses its event.
      await inbox.stopGateway();
      await inbox.startGatewayAgain();
      await page.evaluate('isBlocked = false');
      await page.getByText('Live', { exact: true }).waitFor();
      await row(id).getByText('Written during the restart').waitFor();
      await stopClock(page);
      const held = createDeferred();
      await page.route('**/graphql', async (route) => {
        if (route.request().postData()?.includes('query ChatView') === true) await held.promise;
        await route.continue();
      });

      await show(id);
      await page.clock.runFor(5_000);
      // A mark would change the row at once.
      const unread = await row(id).getByText('Unread:').count();
      held.resolve();
      await chat.getByText('Written during the restart').waitFor();
      while ((await row(id).getByText('Unread:').count()) > 0) await page.clock.runFor(100);

      expect(unread).toBe(1);
    });
  });

  test('a chat or a view that is opened while the search is typed stays open', async () => {
    const { page, ready, rows, list } = await inbox.open();
    await ready();
    await stopClock(page);
    const id = await chatOf(rows.nth(2));
    const hash = () => new URL(page.url()).hash;

    await page.keyboard.press('/');
    await page.keyboard.type('ma');
    await rows.nth(2).click();
    await page.clock.runFor(1_000);
    await page.locator('.message').first().waitFor();
    const afterChat = hash();
    await page.keyboard.press('/');
    await page.keyboard.type('mar');
    await page.getByRole('navigation').getByRole('link', { name: 'Closed' }).click();
    await page.locator('a[aria-current="page"][href="#/closed"]').waitFor();
    await page.clock.runFor(1_000);
    await rows.first().waitFor();

    expect(afterChat).toBe(`#/open/${id}?search=ma`);
    expect(hash()).toBe('#/closed');
    expect(await list.getByRole('searchbox').inputValue()).toBe('');
  });
});
