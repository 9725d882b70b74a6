import { describe, expect, test } from '@jest/globals';
import type { Locator } from 'playwright-core';
import { hasBrowser, stopClock } from '../support/browser.ts';
import { answerOf, me, useInbox } from '../support/inbox.ts';

(hasBrowser ? describe : describe.skip)('closing chats in the inbox (needs Chromium)', () => {
  const inbox = useInbox();

  const stopped = 'Not closed: the customer has written.';

  /** Advances the stopped clock of the page by milliseconds, because Apollo Client shows events with a timer. */
  async function untilShown(target: Locator): Promise<void> {
    while ((await target.count()) === 0) await target.page().clock.runFor(1);
  }

  /** Opens a chat that is neither closed nor snoozed nor assigned to the user. */
  async function openChat(index: number) {
    const shown = await inbox.open();
    await shown.ready();
    const free = shown.rows.filter({ hasNotText: me.name }).filter({ hasNotText: 'Snoozed' });
    await stopClock(shown.page);
    await free.nth(index).click();
    await shown.page.locator('.message').first().waitFor();
    const { hash } = new URL(shown.page.url());
    const before = inbox.simulator.calls.length;
    return {
      ...shown,
      id: hash.replace(/\D/g, ''),
      status: shown.chat.locator('.chat-head .status'),
      statuses: () => inbox.callsOf('PUT', '/chats/status', before).map(({ body }: any) => body),
    };
  }

  test('a message of the customer during the undo time is shown and stops the closing, with a notice', async () => {
    const { page, rows, chat, id, status, statuses } = await openChat(1);
    const open = await status.textContent();

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await inbox.customerWrites(id, 'Wait, one more thing');
    await untilShown(chat.getByText('Wait, one more thing'));
    await page.getByText(stopped).waitFor();
    await page.clock.runFor(10_000);
    const kept = await status.textContent();
    await rows.nth(3).click();
    await page.getByText(stopped).locator('..').getByRole('link').click();
    await page.locator(`.row[data-chat="${id}"][aria-current]`).waitFor();
    await page.getByText(stopped).locator('..').getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText(stopped).waitFor({ state: 'detached' });

    expect(kept).toBe(open);
    expect(statuses()).toEqual([]);
  });

  test('a message of an agent during the undo time is shown, and the chat is closed', async () => {
    const { page, chat, id, status, statuses } = await openChat(2);
    const closed = answerOf(page, 'mutation SetStatus');

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await inbox.gateway.query(
      `mutation { addChatNote(chatId: ${id}, agentId: ${me.id}, text: "Solved") { id } }`,
    );
    await untilShown(chat.getByText('Solved', { exact: true }));
    await page.clock.runFor(10_000);
    await closed;

    expect(statuses()).toMatchObject([{ status: 'closed' }]);
  });

  test('a status that is chosen during the undo time replaces the closing', async () => {
    const { page, chat, choose, status, statuses } = await openChat(3);
    const changed = answerOf(page, 'mutation SetStatus');

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await choose(chat.getByRole('button', { name: /^Status/ }), 'Pending');
    await changed;
    await page.getByText('The chat is closed.').waitFor({ state: 'detached' });
    await page.clock.runFor(10_000);

    await status.getByText('Pending').waitFor();
    expect(statuses()).toMatchObject([{ status: 'pending' }]);
  });

  test('a chat that is taken during the undo time shows its new agent', async () => {
    const { page, chat, status, statuses } = await openChat(4);
    const closed = answerOf(page, 'mutation SetStatus');
    // The page reads the counts after the response of the mutation.
    const taken = page.waitForRequest((request) =>
      Boolean(request.postData()?.includes('query Summary')),
    );

    await page.keyboard.press('e');
    await page.keyboard.press('t');
    await taken;
    await chat.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();
    const shown = await status.textContent();
    await page.clock.runFor(10_000);
    await closed;

    await chat.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();
    expect(shown).toBe('Closed');
    expect(statuses()).toMatchObject([{ status: 'closed' }]);
  });

  test('a chat that is snoozed or answered during the undo time stays open', async () => {
    const { page, chat, choose, reply, outgoing, status, statuses } = await openChat(5);
    const open = (await status.textContent()) ?? '';

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await choose(chat.getByRole('button', { name: 'Snooze', exact: true }), 'In one hour');
    await status.getByText(open).waitFor();
    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await reply.fill('One question before');
    await reply.press('Control+Enter');
    await outgoing.waitFor({ state: 'detached' });
    await page.getByText('The chat is closed.').waitFor({ state: 'detached' });
    await page.clock.runFor(10_000);

    expect(statuses()).toEqual([]);
  });

  test('two chats can be closed one after the other, and the undo reopens the last', async () => {
    const { page, rows, id, status, statuses } = await openChat(6);
    const closed = answerOf(page, 'mutation SetStatus');

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await rows.first().click();
    await page.locator('.message').first().waitFor();
    await status.getByText('Closed').waitFor({ state: 'detached' });
    const open = (await status.textContent()) ?? '';
    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await page.keyboard.press('z');
    await status.getByText(open).waitFor();
    await page.clock.runFor(10_000);
    await closed;

    expect(statuses()).toMatchObject([{ id: Number(id), status: 'closed' }]);
  });

  test('a closing is sent when the page is left during the undo time', async () => {
    const { page, status, statuses } = await openChat(7);

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await page.reload();
    while (statuses().length === 0) await page.evaluate('0');

    expect(statuses()).toMatchObject([{ status: 'closed' }]);
  });

  test('a closing that has failed is repeated at once', async () => {
    const { page, chat, status, statuses } = await openChat(8);
    inbox.fail('PUT /chats/status', { kind: 'status', status: 403, body: {} });

    await page.keyboard.press('e');
    await status.getByText('Closed').waitFor();
    await page.clock.runFor(10_000);
    await chat.getByRole('alert').getByText('The chat could not be closed.').waitFor();
    inbox.recover();
    await chat.getByRole('button', { name: 'Retry' }).click();
    await chat.getByRole('alert').waitFor({ state: 'detached' });

    expect(statuses()).toHaveLength(2);
    await status.getByText('Closed').waitFor();
  });
});
