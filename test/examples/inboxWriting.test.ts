import { describe, expect, test } from '@jest/globals';
import type { Locator, Page, Request } from 'playwright-core';
import { hasBrowser } from '../support/browser.ts';
import { createDeferred } from '../support/deferred.ts';
import { colleague, me, useInbox } from '../support/inbox.ts';

/** Variables of the mutations that the page sends from now on. */
function variablesOf(page: Page, mutation: string): readonly Readonly<Record<string, unknown>>[] {
  const found: Readonly<Record<string, unknown>>[] = [];
  page.on('request', (request: Request) => {
    const body: any = JSON.parse(request.postData() ?? '{}');
    if (body.operationName === mutation) found.push(body.variables);
  });
  return found;
}

async function write(field: Locator, text: string): Promise<void> {
  await field.fill(text);
  await field.press('Control+Enter');
}

(hasBrowser ? describe : describe.skip)('writing in the inbox (needs Chromium)', () => {
  const inbox = useInbox({ config: { operationTimeoutMs: 2_000 } });
  const messages = 'POST /messages';

  const sent = (since = 0) =>
    inbox.callsOf('POST', '/messages', since).filter(({ status }) => status < 300);

  test('a reply in Markdown is sent with Ctrl and Enter, and shown formatted', async () => {
    const { openRow, reply, chat, outgoing, complaints } = await inbox.open();
    const id = await openRow(0);
    await chat.getByRole('button', { name: 'Mark' }).waitFor();
    const before = inbox.simulator.calls.length;

    await write(reply, 'It is **on its way**: https://shop.example.com/track');
    await chat.getByRole('strong').getByText('on its way').waitFor();
    await outgoing.waitFor({ state: 'detached' });

    const [call] = sent(before);
    const link = chat.getByRole('link', { name: 'https://shop.example.com/track' });
    expect(call?.body).toMatchObject({
      chat: Number(id),
      agent: Number(me.id),
      text: 'It is **on its way**: https://shop.example.com/track',
    });
    expect(await link.getAttribute('rel')).toBe('noreferrer');
    expect(await reply.inputValue()).toBe('');
    expect(complaints).toEqual([]);
  });

  test('a private note looks different, has its own draft and is sent as a note', async () => {
    const { openRow, page, row, reply, note, chat } = await inbox.open();
    const id = await openRow(1);
    const said = await row(id).locator('.said').textContent();
    await reply.fill('An unfinished reply');
    const before = inbox.simulator.calls.length;

    await page.getByRole('radio', { name: 'Private note' }).check({ force: true });
    await write(note, 'Only for us');
    const message = chat.locator('.message:not(.outgoing)').filter({ hasText: 'Only for us' });
    await message.waitFor();
    await page.getByRole('radio', { name: 'Reply' }).check({ force: true });

    expect(await message.getAttribute('data-type')).toBe('PRIVATE');
    expect(await message.textContent()).toContain('private note');
    expect(sent(before).map(({ body }) => body)).toMatchObject([{ type: 'private' }]);
    expect(await reply.inputValue()).toBe('An unfinished reply');
    // Another note arrives as an event.
    await inbox.gateway.query(
      `mutation { addChatNote(chatId: ${id}, agentId: ${colleague.id}, text: "Seen") { id } }`,
    );
    await chat.getByText('Seen', { exact: true }).waitFor();
    expect(await row(id).locator('.said').textContent()).toBe(said);
  });

  test('drafts are kept per chat and survive a reload', async () => {
    const { page, openRow, reply } = await inbox.open();
    const first = await openRow(0);
    await reply.fill('For the first');
    await openRow(1);
    await reply.fill('For the second');

    await page.reload();
    await page.locator('.message').first().waitFor();
    const second = await reply.inputValue();
    await page.locator(`.row[data-chat="${first}"]`).click();
    await page.locator(`.row[data-chat="${first}"][aria-current]`).waitFor();

    expect(second).toBe('For the second');
    await expect(reply.inputValue()).resolves.toBe('For the first');
  });

  test('a reply that the rate limit rejects is kept and sent by the retry, with the same key', async () => {
    const { page, openRow, reply, outgoing } = await inbox.open();
    await openRow(0);
    const keys = variablesOf(page, 'Reply');
    const before = inbox.simulator.calls.length;
    inbox.fail(messages, { kind: 'status', status: 429, headers: { 'retry-after': '30' } });

    await write(reply, 'Please wait for the limit');
    await outgoing.getByText('The rate limit is reached. Not sent').waitFor();
    inbox.recover();
    await inbox.stopGateway();
    await inbox.startGatewayAgain();
    await outgoing.getByRole('button', { name: 'Retry' }).click();
    await outgoing.waitFor({ state: 'detached' });

    expect(sent(before)).toHaveLength(1);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1);
    expect(keys.length).toBeGreaterThanOrEqual(2);
  });

  test('a reply during an outage of HelpCrunch is kept, survives a reload, and can be edited', async () => {
    const { page, openRow, reply, outgoing } = await inbox.open();
    await openRow(0);
    const before = inbox.simulator.calls.length;
    inbox.fail(messages, { kind: 'status', status: 403, body: {} });

    await write(reply, 'Written during the outage');
    await outgoing.getByText('Not sent').waitFor();
    await page.reload();
    await outgoing.getByText('Written during the outage').waitFor();
    await outgoing.getByRole('button', { name: 'Edit' }).click();
    inbox.recover();
    const restored = await reply.inputValue();
    await write(reply, `${restored}, sent after it`);
    await outgoing.waitFor({ state: 'detached' });

    expect(restored).toBe('Written during the outage');
    expect(sent(before).map(({ body }: any) => body.text)).toEqual([
      'Written during the outage, sent after it',
    ]);
  });

  test('a reply during a restart of the gateway is kept, checked and sent once', async () => {
    const { page, ready, openRow, reply, outgoing, chat } = await inbox.open();
    await ready();
    await openRow(0);
    const before = inbox.simulator.calls.length;
    await inbox.stopGateway();
    await page.getByText('Reconnecting …').waitFor();

    await write(reply, 'Written during the restart');
    await outgoing.getByText('It is unknown whether this was sent').waitFor();
    await inbox.startGatewayAgain();
    await page.getByText('Live', { exact: true }).waitFor();
    await outgoing.getByRole('button', { name: 'Check' }).click();
    await outgoing.getByText('It is not in the chat.').waitFor();
    await outgoing.getByRole('button', { name: 'Send again' }).click();
    await outgoing.waitFor({ state: 'detached' });

    await chat.getByText('Written during the restart').waitFor();
    expect(sent(before)).toHaveLength(1);
  });

  test('after an unknown outcome the chat is read: a reply that arrived is not sent again', async () => {
    const { openRow, reply, outgoing, chat } = await inbox.open();
    await openRow(0);
    const before = inbox.simulator.calls.length;
    // Neither the response nor the lookup arrives.
    inbox.simulator.behave({
      faults: [
        { match: messages, fault: 'lose' },
        { match: 'GET /chats/{chatId}/messages', fault: { kind: 'status', status: 503 } },
      ],
    });

    await write(reply, 'Sent, but not confirmed');
    await outgoing.getByText('It is unknown whether this was sent').waitFor();
    const canRepeat = await outgoing.getByRole('button', { name: /Retry|Send again/ }).count();
    inbox.recover();
    await outgoing.getByRole('button', { name: 'Check' }).click();
    await outgoing.waitFor({ state: 'detached' });

    await chat.getByText('Sent, but not confirmed').waitFor();
    expect(canRepeat).toBe(0);
    expect(inbox.callsOf('POST', '/messages', before)).toHaveLength(1);
  });

  test('an earlier reply with the same text is not taken for one that was lost', async () => {
    const { page, openRow, reply, chat, outgoing } = await inbox.open();
    await openRow(0);
    const before = inbox.simulator.calls.length;
    const shown = chat.locator('.message:not(.outgoing)').getByText('Thank you!');

    await write(reply, 'Thank you!');
    await shown.waitFor();
    await outgoing.waitFor({ state: 'detached' });
    await page.route('**/graphql', (route) =>
      route.request().postData()?.includes('mutation Reply') === true
        ? route.abort()
        : route.continue(),
    );
    await write(reply, 'Thank you!');
    await outgoing.getByText('It is unknown whether this was sent').waitFor();
    await page.unrouteAll();
    await page.reload();
    await outgoing.getByRole('button', { name: 'Check' }).click();
    await outgoing.getByText('It is not in the chat.').waitFor();
    await outgoing.getByRole('button', { name: 'Send again' }).click();
    await outgoing.waitFor({ state: 'detached' });

    expect(sent(before)).toHaveLength(2);
    expect(await shown.count()).toBe(2);
  });

  test('of two replies with the same text, one that arrived does not confirm the other', async () => {
    const { page, openRow, reply, outgoing } = await inbox.open();
    await openRow(1);
    const before = inbox.simulator.calls.length;
    let attempts = 0;
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('mutation Reply') !== true) return route.continue();
      attempts += 1;
      if (attempts === 1) await route.fetch();
      return route.abort();
    });

    await write(reply, 'One moment');
    await outgoing.getByText('It is unknown whether this was sent').waitFor();
    await write(reply, 'One moment');
    await outgoing.nth(1).getByText('It is unknown whether this was sent').waitFor();
    await page.unrouteAll();
    await outgoing.first().getByRole('button', { name: 'Check' }).click();
    await outgoing.nth(1).waitFor({ state: 'detached' });
    await outgoing.getByRole('button', { name: 'Check' }).click();
    await outgoing.getByText('It is not in the chat.').waitFor();

    expect(sent(before)).toHaveLength(1);
  });

  test('a reply that is interrupted by a reload is checked before it can be sent again', async () => {
    const released = createDeferred();
    const { page, openRow, reply, outgoing } = await inbox.open();
    await openRow(0);
    const second = await page.context().newPage();
    await second.goto(page.url());
    await second.locator('.message').first().waitFor();
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('mutation Reply') === true) await released.promise;
      await route.continue().catch(() => undefined);
    });

    await write(reply, 'Interrupted');
    await outgoing.getByText('Sending …').waitFor();
    // Another window of the browser shows no alarm.
    await second.locator('.outgoing[data-state="sending"]').waitFor();
    await page.reload();
    await outgoing.getByText('It is unknown whether this was sent').waitFor();
    released.resolve();

    await outgoing.getByRole('button', { name: 'Check' }).click();
    await outgoing.getByText('It is not in the chat.').waitFor();
  });

  test('without a known agent the page asks who writes, and remembers the answer', async () => {
    const { page, openRow, reply, chat, choose } = await inbox.open({ agentId: null });
    await openRow(0);

    await reply.fill('Who am I?');
    const canSend = await chat.getByRole('button', { name: 'Send' }).count();
    await choose(chat.getByRole('button', { name: 'Choose who you are' }), me.name);
    await chat.getByRole('button', { name: 'Send' }).waitFor();
    await page.reload();

    await page.getByRole('button', { name: `You are: ${me.name}` }).waitFor();
    expect(canSend).toBe(0);
    expect(await reply.inputValue()).toBe('Who am I?');
  });
});
