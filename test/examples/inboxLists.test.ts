import { describe, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { hasBrowser, stopClock } from '../support/browser.ts';
import { chatOf, me, useInbox } from '../support/inbox.ts';

(hasBrowser ? describe : describe.skip)('lists of the inbox (needs Chromium)', () => {
  const inbox = useInbox({ simulator: { chats: 1_000, customers: 400 } });

  /** Resolves when the gateway has answered the operation. */
  const answerOf = (page: Page, operation: string) =>
    page.waitForResponse((response) => Boolean(response.request().postData()?.includes(operation)));

  /** Opens a view and waits for its list. */
  async function visit(page: Page, name: string): Promise<void> {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.locator(`a[aria-current="page"][href="#/${name.toLowerCase()}"]`).waitFor();
    await page.locator('.rows[aria-busy="false"]').waitFor();
  }

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
});
