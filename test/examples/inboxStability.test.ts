import { describe, expect, test } from '@jest/globals';
import { hasBrowser, stopClock } from '../support/browser.ts';
import { createDeferred } from '../support/deferred.ts';
import { answerOf, chatOf, desktop, useInbox } from '../support/inbox.ts';

(hasBrowser ? describe : describe.skip)('the stability of the inbox (needs Chromium)', () => {
  const inbox = useInbox();

  const marksSince = (before: number) => inbox.callsOf('PUT', '/chats/readByAgent', before);

  const order = (rows: { evaluateAll(read: (links: any[]) => unknown): Promise<unknown> }) =>
    rows.evaluateAll((links) => links.slice(0, 8).map(({ dataset }) => dataset.chat));

  test('rows do not move under the pointer: new messages are counted, and shown by a button', async () => {
    const { ready, rows, row, news } = await inbox.open();
    await ready();
    await rows.nth(1).hover();
    const before = await order(rows);
    const [fourth, sixth] = [await chatOf(rows.nth(3)), await chatOf(rows.nth(5))];

    await inbox.customerWrites(sixth, 'First news');
    await row(sixth).getByText('First news').waitFor();
    await inbox.customerWrites(fourth, 'Second news');
    await news.getByText('2 new').waitFor();
    const held = await order(rows);
    await news.click();
    await news.waitFor({ state: 'detached' });

    expect(held).toEqual(before);
    expect((await order(rows)) as string[]).toEqual(expect.arrayContaining([fourth, sixth]));
    expect([await chatOf(rows.nth(0)), await chatOf(rows.nth(1))]).toEqual([fourth, sixth]);
  });

  test('rows move at once while neither pointer nor focus is in the list', async () => {
    const { ready, rows } = await inbox.open();
    await ready();
    const fifth = await chatOf(rows.nth(4));

    await inbox.customerWrites(fifth, 'To the top');
    await rows.first().getByText('To the top').waitFor();

    expect(await chatOf(rows.first())).toBe(fifth);
  });

  test('a chat that leaves its view stays under the pointer until the pointer leaves', async () => {
    const { page, ready, rows, row } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(2));
    await rows.nth(2).hover();
    const before = await order(rows);

    await inbox.callHelpCrunch('PUT', '/chats/status', { id: Number(id), status: 'closed' });
    await row(id).getByText('Closed').waitFor();
    const held = await order(rows);
    await page.mouse.move(900, 400);
    await row(id).waitFor({ state: 'detached' });

    expect(held).toEqual(before);
  });

  test('a chat is marked as read one second after its messages are shown, and not before they have loaded', async () => {
    const released = createDeferred();
    const { page, ready, rows, row } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(3));
    await inbox.markUnread(id);
    await row(id).getByText('Unread:').waitFor({ state: 'attached' });
    await stopClock(page);
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('query ChatView') === true) await released.promise;
      await route.continue();
    });
    const before = inbox.simulator.calls.length;

    await row(id).click();
    await page.clock.runFor(5_000);
    const whileLoading = marksSince(before).length;
    released.resolve();
    await page.locator('.message').first().waitFor();
    await page.clock.runFor(900);
    const tooEarly = marksSince(before).length;
    await page.clock.runFor(200);
    await row(id).getByText('Unread:').waitFor({ state: 'detached' });
    // The row changes before HelpCrunch is called.
    while (marksSince(before).length === 0) await page.evaluate('0');

    expect([whileLoading, tooEarly]).toEqual([0, 0]);
    const [loading, mark] = ['GET', 'PUT'].map((wanted) =>
      inbox.simulator.calls.slice(before).findIndex(({ method }) => method === wanted),
    );
    expect(loading).toBeLessThan(mark ?? -1);
  });

  test('a chat that is left within a second, or is in a hidden page, stays unread', async () => {
    const { page, ready, rows, row } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(4));
    await inbox.markUnread(id);
    await row(id).getByText('Unread:').waitFor({ state: 'attached' });
    await stopClock(page);
    const before = inbox.simulator.calls.length;

    await row(id).click();
    await page.locator('.message').first().waitFor();
    await page.clock.runFor(600);
    await page.keyboard.press('Escape');
    await page.locator('.message').first().waitFor({ state: 'detached' });
    await page.clock.runFor(3_000);
    await page.evaluate(`
      Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));`);
    await row(id).click();
    await page.locator('.message').first().waitFor();
    await page.clock.runFor(3_000);

    expect(marksSince(before)).toEqual([]);
    expect(await row(id).getByText('Unread:').count()).toBe(1);
  });

  test('a chat that was marked as unread while it is open stays unread until a new message', async () => {
    const { page, ready, openRow, row, chat } = await inbox.open();
    await ready();
    await page.clock.install();
    const id = await openRow(5);
    await page.clock.runFor(2_000);
    await chat.getByRole('button', { name: 'Mark unread' }).click();
    await row(id).getByText('Unread:').waitFor({ state: 'attached' });
    const before = inbox.simulator.calls.length;

    await page.clock.runFor(5_000);
    const stays = marksSince(before).length;
    await inbox.customerWrites(id, 'One more thing');
    await chat.getByText('One more thing').waitFor();
    await page.clock.runFor(2_000);
    await row(id).getByText('Unread:').waitFor({ state: 'detached' });

    expect(stays).toBe(0);
  });

  test('an automatic mark that fails is not repeated and shows no notice', async () => {
    const { page, ready, rows, row, chat } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(6));
    await inbox.markUnread(id);
    await row(id).getByText('Unread:').waitFor({ state: 'attached' });
    inbox.fail('PUT /chats/readByAgent', { kind: 'status', status: 403, body: {} });
    await stopClock(page);
    const before = inbox.simulator.calls.length;

    await row(id).click();
    await page.locator('.message').first().waitFor();
    const answered = answerOf(page, 'mutation MarkRead');
    await page.clock.runFor(1_100);
    await answered;
    await page.clock.runFor(10_000);

    expect(marksSince(before)).toHaveLength(1);
    expect(await chat.getByRole('alert').count()).toBe(0);
  });

  test('what an agent reads does not move: a new message is offered by a button, and unread until then', async () => {
    const { page, ready, rows, row, chat, reply, complaints } = await inbox.open({
      options: { viewport: { width: 1360, height: 560 } },
    });
    await ready();
    const id = await chatOf(rows.nth(7));
    for (let part = 1; part <= 6; part += 1) {
      await inbox.customerWrites(id, `Part ${part} of a long story. `.repeat(20));
    }
    await page.clock.install();
    await row(id).click();
    const talk = chat.getByRole('region', { name: 'Messages' });
    await talk.getByText('Part 6').waitFor();
    const isAtEnd = `(() => {
      const { scrollHeight, clientHeight, scrollTop } = document.querySelector('.talk');
      return scrollHeight - clientHeight - scrollTop < 2;
    })()`;

    await reply.fill('A reply\nwith many\nlines\nmakes\nthe field\nhigher');
    await page.waitForFunction(isAtEnd);
    await page.clock.runFor(1_100);
    await row(id).getByText('Unread:').waitFor({ state: 'detached' });
    await talk.evaluate((element: any) => element.scrollTo({ top: 0, behavior: 'instant' }));
    const before = inbox.simulator.calls.length;
    await inbox.customerWrites(id, 'The end of the story');
    const button = talk.getByRole('button', { name: 'New messages' });
    await button.waitFor();
    await page.clock.runFor(3_000);
    const top = await talk.evaluate((element: any) => element.scrollTop);
    const unseen = marksSince(before).length;
    await button.click();
    await page.waitForFunction(isAtEnd);
    await page.clock.runFor(1_100);
    await row(id).getByText('Unread:').waitFor({ state: 'detached' });

    expect([top, unseen]).toEqual([0, 0]);
    expect(await button.count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('the layout shifts by less than 0.05 while the list and a chat are loaded', async () => {
    const { page, ready, openRow, card } = await inbox.open({
      options: desktop,
      prepare: (opening) =>
        opening.addInitScript(`
          globalThis.shift = 0;
          new PerformanceObserver((entries) => {
            for (const entry of entries.getEntries()) shift += entry.value;
          }).observe({ type: 'layout-shift', buffered: true });`),
    });

    await ready();
    await openRow(3);
    await card.getByRole('heading').first().waitFor();
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );

    expect(await page.evaluate('shift')).toBeLessThan(0.05);
  });
});
