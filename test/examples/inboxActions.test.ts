import { describe, expect, test } from '@jest/globals';
import { hasBrowser, stopClock } from '../support/browser.ts';
import {
  answerOf,
  chatOf,
  colleague,
  desktop,
  focusedChat,
  me,
  phone,
  useInbox,
} from '../support/inbox.ts';
import { keyboardDriver, touchDriver } from '../support/inboxDrivers.ts';

const drivers = [
  { name: 'the keyboard', options: desktop, createDriver: keyboardDriver, isTouch: false },
  { name: 'touch at 390 pixels', options: phone, createDriver: touchDriver, isTouch: true },
] as const;

(hasBrowser ? describe : describe.skip)('acting in the inbox (needs Chromium)', () => {
  const inbox = useInbox();

  const writesSince = (before: number) =>
    inbox.simulator.calls
      .slice(before)
      .filter(({ method, path }) => method !== 'GET' && !path.endsWith('/search'))
      .filter(({ path }) => path !== '/chats/readByAgent');

  describe.each(drivers)('with $name', ({ options, createDriver, isTouch }) => {
    /** Opens a chat of the first rows and the tools that a small screen hides. */
    async function openChat(index: number) {
      const shown = await inbox.open({ options });
      await shown.ready();
      const driver = createDriver(shown.page);
      const id = await chatOf(shown.rows.nth(index));
      if (isTouch) {
        await driver.press(shown.rows.nth(index));
        await driver.press(shown.chat.getByRole('button', { name: 'Actions' }));
      } else {
        for (let steps = 0; steps <= index; steps += 1) await shown.page.keyboard.press('j');
        await shown.page.keyboard.press('Enter');
      }
      await shown.page.locator('.message').first().waitFor();
      const tools = shown.page.getByRole('group', { name: 'Actions' });
      return { ...shown, driver, id, tools, before: inbox.simulator.calls.length };
    }

    test('an agent replies and writes a private note', async () => {
      const { page, driver, chat, reply, note, outgoing, before } = await openChat(1);

      await driver.type(reply, 'A reply');
      await driver.press(chat.getByRole('button', { name: 'Send' }));
      await chat.locator('.message:not(.outgoing)').getByText('A reply').waitFor();
      if (isTouch) await page.locator('.kinds label').nth(1).tap();
      else {
        await page.keyboard.press('Escape');
        await page.keyboard.press('n');
      }
      await driver.type(note, 'A note');
      await driver.press(chat.getByRole('button', { name: 'Add note' }));
      await chat.locator('.message:not(.outgoing)').getByText('A note').waitFor();
      await outgoing.waitFor({ state: 'detached' });

      expect(writesSince(before).map(({ body }: any) => [body.type, body.text])).toEqual([
        ['message', 'A reply'],
        ['private', 'A note'],
      ]);
    });

    test('an agent assigns a chat, takes it, moves it and changes its status', async () => {
      const { page, driver, tools, before } = await openChat(2);
      // Another status than that of the other run.
      const status = isTouch ? 'Pending' : 'On hold';

      await driver.choose(tools.getByRole('button', { name: /^Agent/ }), colleague.name);
      await tools.getByRole('button', { name: `Agent: ${colleague.name}` }).waitFor();
      await driver.press(tools.getByRole('button', { name: 'Take it' }));
      await tools.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();
      await driver.choose(tools.getByRole('button', { name: /^Department/ }), 'Night shift');
      await tools.getByRole('button', { name: 'Department: Night shift' }).waitFor();
      await driver.choose(tools.getByRole('button', { name: /^Status/ }), status);
      await page.getByText(new RegExp(`^Status changed from .+ to ${status}`)).waitFor();

      expect(writesSince(before).map(({ path }) => path)).toEqual([
        '/chats/assignee',
        '/chats/assignee',
        '/chats/department',
        '/chats/status',
      ]);
      expect(await page.locator('.notice').count()).toBe(0);
    });

    test('an agent snoozes a chat, ends the snooze, which makes it unread, and marks it as read', async () => {
      const { page, driver, chat, tools, before } = await openChat(3);
      const wake = tools.getByRole('button', { name: 'End snooze' });
      if ((await wake.count()) > 0) await driver.press(wake);

      await driver.choose(
        tools.getByRole('button', { name: 'Snooze', exact: true }),
        'In one hour',
      );
      await chat.getByText(/^Snoozed until/).waitFor();
      await driver.press(wake);
      await chat.getByText(/^Snoozed until/).waitFor({ state: 'detached' });
      await driver.press(tools.getByRole('button', { name: 'Mark read' }));
      await tools.getByRole('button', { name: 'Mark unread' }).waitFor();

      const paths = writesSince(before).map(({ path }) => path);
      expect(paths.filter((path) => path === '/chats/snooze').length).toBeGreaterThanOrEqual(2);
      expect(await page.locator('.notice').count()).toBe(0);
    });

    test('an agent closes a chat, can undo it before it is sent, and closes it', async () => {
      const { page, driver, chat, before } = await openChat(4);
      await stopClock(page);
      const status = chat.locator('.chat-head .status');
      const open = await status.textContent();

      await driver.press(chat.getByRole('button', { name: 'Close chat' }));
      await status.getByText('Closed').waitFor();
      await driver.press(page.getByRole('button', { name: 'Undo' }));
      await status.getByText(open ?? '').waitFor();
      await page.clock.runFor(10_000);
      const afterUndo = writesSince(before).length;
      await driver.press(chat.getByRole('button', { name: 'Close chat' }));
      const closed = answerOf(page, 'mutation SetStatus');
      await page.clock.runFor(10_000);
      await closed;

      await page.getByText(/^Status changed from .+ to Closed/).waitFor();
      expect(afterUndo).toBe(0);
      expect(writesSince(before).map(({ body }) => body)).toMatchObject([{ status: 'closed' }]);
    });

    test('an agent adds and removes a tag, and edits the customer', async () => {
      const { page, driver, chat, card, before } = await openChat(5);
      if (isTouch) await driver.press(chat.getByRole('button', { name: 'Customer' }));

      await driver.type(card.getByRole('textbox', { name: 'Add a tag' }), 'wholesale');
      await driver.press(card.getByRole('button', { name: 'Add', exact: true }));
      await driver.press(card.getByRole('button', { name: 'Remove the tag wholesale' }));
      await card.getByText('wholesale').waitFor({ state: 'detached' });
      await driver.press(card.getByRole('button', { name: 'Edit' }));
      await driver.type(card.getByRole('textbox', { name: 'Company' }), 'Bicycles & Co');
      await driver.press(card.getByRole('button', { name: 'Save' }));
      await card.getByText('Bicycles & Co').waitFor();

      expect(writesSince(before).map(({ method }) => method)).toEqual(['PUT', 'DELETE', 'PATCH']);
      expect(writesSince(before).at(-1)?.body).toEqual({ company: 'Bicycles & Co' });
      expect(await page.locator('.notice').count()).toBe(0);
    });

    test('an agent searches a customer, opens a chat of it and returns to the list', async () => {
      const { page, list, rows, ready } = await inbox.open({ options });
      const driver = createDriver(page);
      await ready();

      if (!isTouch) await page.keyboard.press('/');
      await driver.type(list.getByRole('searchbox'), 'Мельник');
      await list.getByText(/^\d+ customers$/).waitFor();
      if (isTouch) await driver.press(list.locator('.row').first());
      else {
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
      }
      await list.getByRole('heading', { name: /^Chats of .*Мельник/ }).waitFor();
      await rows.first().waitFor();
      await driver.press(rows.first());
      await page.locator('.message, .tech, .talk .empty').first().waitFor();
      if (isTouch) await driver.press(page.getByRole('link', { name: 'Back to the list' }));
      else await page.keyboard.press('Escape');

      await rows.first().waitFor();
      expect(await focusedChat(page)).toMatch(/^\d+$/);
      expect(new URL(page.url()).hash).toMatch(/^#\/open\?customer=\d+&search=/);
    });
  });

  test('keys move through the list without a prior click, on a Cyrillic keyboard too', async () => {
    const { page, ready, rows } = await inbox.open();
    await ready();
    const third = await chatOf(rows.nth(2));
    const second = await chatOf(rows.nth(1));

    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const afterDown = await focusedChat(page);
    // The key J of a Ukrainian keyboard is "о", and K is "л".
    await page.evaluate(
      `document.dispatchEvent(new KeyboardEvent('keydown', { key: 'л', code: 'KeyK' }))`,
    );
    const afterUp = await focusedChat(page);
    await page.keyboard.press('Enter');
    await page.locator('.message').first().waitFor();
    const opened = new URL(page.url()).hash;
    await page.keyboard.press('Escape');
    await page.getByText('Choose a chat to read it.').waitFor();

    expect(afterDown).toBe(third);
    expect(afterUp).toBe(second);
    expect(opened).toBe(`#/open/${second}`);
    expect(await focusedChat(page)).toBe(second);
  });

  test('keys reply, write a note, assign, take and close, and do nothing while typing', async () => {
    const { page, ready, openRow, reply, note, chat, choose } = await inbox.open();
    await ready();
    await openRow(6);

    await page.keyboard.press('n');
    await page.keyboard.type('near');
    const typed = await note.inputValue();
    await page.keyboard.press('Escape');
    await page.keyboard.press('r');
    const isReply = await reply.evaluate(
      (field) => field === (globalThis as any).document.activeElement,
    );
    await page.keyboard.press('Escape');
    await page.keyboard.press('a');
    await page.keyboard.type('ashworth');
    const found = await page.getByRole('option').allTextContents();
    await page.keyboard.press('Escape');
    await page.keyboard.press('t');
    await chat.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();
    await page.keyboard.press('u');
    await chat.getByRole('button', { name: 'Mark read' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Private note').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.getByText('The chat is closed.').waitFor();
    await page.keyboard.press('z');
    await page.getByText('The chat is closed.').waitFor({ state: 'detached' });
    await choose(chat.getByRole('button', { name: /^Status/ }), 'Closed');
    await page.getByText('The chat is closed.').waitFor();
    await page.keyboard.press('z');
    await page.getByText('The chat is closed.').waitFor({ state: 'detached' });

    expect(typed).toBe('near');
    expect(isReply).toBe(true);
    expect(found).toEqual(['Grace Ashworth', 'Noah Ashworth', 'Samuel Ashworth']);
    expect(await chat.locator('.notice').count()).toBe(0);
  });
});
