import { describe, expect, test } from '@jest/globals';
import { hasBrowser, stopClock } from '../support/browser.ts';
import {
  chatOf,
  colleague,
  desktop,
  loseAnswersOf,
  me,
  phone,
  useInbox,
} from '../support/inbox.ts';

(hasBrowser ? describe : describe.skip)('changes in the inbox (needs Chromium)', () => {
  const inbox = useInbox();

  test('a rejected change is reverted, explained and repeated by a button', async () => {
    const { ready, openRow, chat } = await inbox.open();
    await ready();
    await openRow(7);
    const button = chat.getByRole('button', { name: /^Agent/ });
    const take = chat.getByRole('button', { name: 'Take it' });
    const before = await button.textContent();
    inbox.fail('PUT /chats/assignee', { kind: 'status', status: 403, body: {} });

    await take.click();
    await chat.getByRole('alert').getByText('The chat could not be assigned.').waitFor();
    const reverted = await button.textContent();
    inbox.recover();
    await chat.getByRole('button', { name: 'Retry' }).click();
    await chat.getByRole('alert').waitFor({ state: 'detached' });

    expect(reverted).toBe(before);
    expect(await button.textContent()).toContain(me.name);
  });

  test('taking a chat that a colleague has just taken shows who has it, and changes nothing', async () => {
    const { page, ready, rows, row, chat } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(5));
    await inbox.gateway.query(`mutation { unassignChat(id: ${id}) { id } }`);
    await row(id).getByText('Unassigned').waitFor();
    await row(id).click();
    await page.locator('.message').first().waitFor();
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('mutation Assign') === true) {
        await inbox.gateway.query(
          `mutation { assignChat(id: ${id}, agentId: ${colleague.id}) { id } }`,
        );
      }
      await route.continue();
    });

    await chat.getByRole('button', { name: 'Take it' }).click();
    const notice = chat.locator('.notice');
    await notice.getByText('Not taken: another agent has this chat now.').waitFor();
    await chat.getByRole('button', { name: `Agent: ${colleague.name}` }).waitFor();
    const retries = await notice.getByRole('button', { name: /Retry|Check/ }).count();
    await notice.getByRole('button', { name: 'Dismiss' }).click();
    const { data } = await inbox.gateway.query(`{ chat(id: ${id}) { assignee { id } } }`);
    await page.unrouteAll();
    // The user sees from whom it is taken.
    await chat.getByRole('button', { name: 'Take it' }).click();
    await chat.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();

    expect(data.chat.assignee.id).toBe(colleague.id);
    expect(retries).toBe(0);
    expect(await notice.count()).toBe(0);
  });

  test('a change with an unknown outcome is checked: it is applied or can be repeated', async () => {
    const { page, ready, openRow, chat } = await inbox.open();
    await ready();
    await openRow(8);
    await page.route('**/graphql', (route) =>
      route.request().postData()?.includes('mutation Assign') === true
        ? route.abort()
        : route.continue(),
    );

    await chat.getByRole('button', { name: 'Take it' }).click();
    await chat.getByText('It is unknown whether HelpCrunch has applied it.').waitFor();
    const canRepeat = await chat.getByRole('button', { name: 'Retry' }).count();
    await page.unrouteAll();
    await chat.getByRole('button', { name: 'Check' }).click();
    await chat.getByRole('button', { name: 'Retry' }).click();
    await chat.getByRole('alert').waitFor({ state: 'detached' });

    expect(canRepeat).toBe(0);
    await chat.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();
  });

  test('a change whose response is lost is checked, and not repeated if it was applied', async () => {
    const { page, ready, rows, row, chat } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(3));
    await inbox.gateway.query(
      `mutation { assignChat(id: ${id}, agentId: ${colleague.id}) { id } }`,
    );
    await row(id).click();
    await page.locator('.message').first().waitFor();
    await loseAnswersOf(page, 'mutation Assign');
    const before = inbox.simulator.calls.length;

    await chat.getByRole('button', { name: 'Take it' }).click();
    await chat.getByText('It is unknown whether HelpCrunch has applied it.').waitFor();
    const canRepeat = await chat.getByRole('button', { name: 'Retry' }).count();
    await chat.getByRole('button', { name: 'Check' }).click();
    await chat.getByRole('alert').waitFor({ state: 'detached' });
    await chat.getByRole('button', { name: `Agent: ${me.name}` }).waitFor();

    expect(canRepeat).toBe(0);
    expect(inbox.callsOf('PUT', '/chats/assignee', before)).toHaveLength(1);
  });

  test('a snooze for an hour whose response is lost is confirmed by the check', async () => {
    const { page, ready, rows, chat, choose } = await inbox.open();
    await ready();
    await rows.filter({ hasNotText: 'Snoozed' }).first().click();
    await page.locator('.message').first().waitFor();
    await loseAnswersOf(page, 'mutation Snooze');
    const before = inbox.simulator.calls.length;

    await choose(chat.getByRole('button', { name: 'Snooze', exact: true }), 'In one hour');
    await chat.getByText('It is unknown whether HelpCrunch has applied it.').waitFor();
    await chat.getByRole('button', { name: 'Check' }).click();
    await chat.getByRole('alert').waitFor({ state: 'detached' });
    await chat.getByText(/^Snoozed until/).waitFor();

    expect(inbox.callsOf('PUT', '/chats/snooze', before)).toHaveLength(1);
  });

  test('a reply and a closing that fail after the agent has left the chat are shown in the list', async () => {
    const { page, ready, rows, row, openRow, list, chat, reply, outgoing } = await inbox.open();
    await ready();
    await stopClock(page);
    const id = await openRow(2);
    const name = (await chat.getByRole('heading').textContent()) ?? '';
    const notice = list.locator('.unfinished');
    inbox.fail('POST /messages', { kind: 'status', status: 403, body: {} });

    await reply.fill('Nobody would notice');
    await reply.press('Control+Enter');
    await outgoing.getByText('Not sent').waitFor();
    const whileOpen = await notice.count();
    await openRow(4);
    await notice.getByRole('link', { name }).click();
    await outgoing.getByRole('button', { name: 'Discard' }).click();
    inbox.fail('PUT /chats/status', { kind: 'status', status: 403, body: {} });
    await chat.getByRole('button', { name: 'Close chat' }).click();
    await rows.nth(4).click();
    await page.clock.runFor(10_000);
    await notice.getByRole('link', { name }).click();
    await chat.getByRole('alert').getByText('The chat could not be closed.').waitFor();

    expect(whileOpen).toBe(0);
    expect(await row(id).getByText('Closed').count()).toBe(0);
    await notice.waitFor({ state: 'detached' });
  });

  test('a closed chat says who closed it, also when a link opens it beside a filtered list', async () => {
    const { data } = await inbox.gateway.query(
      '{ chats(first: 100, filter: { status: CLOSED }) { nodes { id closedBy } } }',
    );
    const by = (author: string) =>
      data.chats.nodes.find(({ closedBy }: any) => closedBy === author)?.id;
    const hash = `#/closed/${by('CUSTOMER')}?department=8`;

    const { page, chat } = await inbox.open({ hash });
    await chat.getByText('Closed by the customer').waitFor();
    await page.reload();
    await chat.getByText('Closed by the customer').waitFor();
    const kept = new URL(page.url()).hash;
    await page.getByRole('group', { name: 'Filters' }).getByText('Night shift').waitFor();
    await page.goto(page.url().replace(/#.*/, `#/closed/${by('AGENT')}`));
    await chat.getByText('Closed by the team').waitFor();

    expect(kept).toBe(hash);
  });

  test('the card of a customer links and copies addresses without breaking them, and formats dates', async () => {
    const { page, ready, rows, row, card, complaints } = await inbox.open({
      options: {
        ...desktop,
        locale: 'en-US',
        // Where it is still the day before midnight in UTC.
        timezoneId: 'America/Los_Angeles',
        permissions: ['clipboard-read', 'clipboard-write'],
      },
    });
    await ready();
    const chat = await chatOf(rows.nth(6));
    const { data } = await inbox.gateway.query(`{ chat(id: ${chat}) { customer { id } } }`);
    const email = 'oleksandra.shcherbakovska.194@wholesale-orders.example.com';
    const customData = Object.entries({
      renewedAt: '1752451200',
      balance: 1234.5,
      wholesale: true,
      plan: '2025-07-14',
      coupon: '2025-07-14T01:30:00Z',
    }).map(([property, value]) => ({ property, value }));
    await inbox.callHelpCrunch('PATCH', `/customers/${data.chat.customer.id}`, {
      email,
      phone: '+380 (44) 123-45-67',
      customData,
    });

    await row(chat).click();
    const link = card.getByRole('link', { name: email });
    await link.waitFor();
    const facts = Object.fromEntries(
      await card
        .locator('dl > div')
        .evaluateAll((all: any[]) =>
          all.map((fact) => [
            fact.querySelector('dt').textContent,
            fact.querySelector('dd > :first-child').textContent,
          ]),
        ),
    );
    const lines = await link.evaluate((element: any) =>
      [...element.childNodes]
        .filter(({ nodeType }: any) => nodeType === 3)
        .map((part: any) => {
          const range = element.ownerDocument.createRange();
          range.selectNodeContents(part);
          return range.getClientRects().length;
        }),
    );
    await card.getByRole('button', { name: 'Copy: E-mail' }).click();
    await card.getByText('Copied').waitFor({ state: 'attached' });

    expect(await link.getAttribute('href')).toBe(`mailto:${email}`);
    expect(lines.length).toBeGreaterThan(2);
    expect(new Set(lines)).toEqual(new Set([1]));
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(email);
    expect(facts).toMatchObject({
      Phone: '+380 (44) 123-45-67',
      'Renewed at': 'Jul 14, 2025',
      Balance: '1,234.5',
      Wholesale: 'Yes',
      Plan: 'Jul 14, 2025',
      Coupon: 'Jul 13, 2025',
    });
    expect(complaints).toEqual([]);
  });

  test('values of a customer that HelpCrunch does not accept stay in the form, also after a reload', async () => {
    const { page, ready, openRow, card } = await inbox.open();
    await ready();
    await openRow(9);
    await card.getByRole('button', { name: 'Edit' }).click();
    const company = card.getByRole('textbox', { name: 'Company' });
    inbox.fail('PATCH', { kind: 'status', status: 503 });

    await company.fill('Typed during an outage');
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByRole('alert').getByText('The customer could not be saved.').waitFor();
    await page.reload();
    await company.waitFor();
    const kept = await company.inputValue();
    inbox.recover();
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('Typed during an outage').waitFor();

    expect(kept).toBe('Typed during an outage');
  });

  test('a customer that could not be saved is shown after the agent has left the chat, and saved by the retry', async () => {
    const { page, ready, rows, openRow, list, card } = await inbox.open();
    await ready();
    const company = card.getByRole('textbox', { name: 'Company' });
    const phoneField = card.getByRole('textbox', { name: 'Phone' });
    const retry = card.getByRole('button', { name: 'Retry' });
    const saved = () =>
      inbox.simulator.calls.filter(({ method, status }) => method === 'PATCH' && status < 300);
    await openRow(6);
    const before = saved().length;
    await card.getByRole('button', { name: 'Edit' }).click();
    inbox.fail('PATCH', { kind: 'status', status: 403, body: {} });

    await company.fill('Left Behind Ltd');
    await card.getByRole('button', { name: 'Save' }).click();
    await retry.waitFor();
    await rows.nth(3).click();
    await list.locator('.unfinished').getByRole('link').click();
    await phoneField.fill('+380501112233');
    inbox.recover();
    await retry.click();
    await card.getByRole('alert').waitFor({ state: 'detached' });
    // It was typed after the attempt that is repeated.
    const kept = await phoneField.inputValue();
    inbox.fail('PATCH', { kind: 'status', status: 403, body: {} });
    await card.getByRole('button', { name: 'Save' }).click();
    await retry.waitFor();
    inbox.recover();
    await retry.click();
    await company.waitFor({ state: 'detached' });
    await card.getByText('Left Behind Ltd').waitFor();
    await page.reload();
    await card.getByText('+380501112233').waitFor();

    expect(kept).toBe('+380501112233');
    expect(await company.count()).toBe(0);
    expect(
      saved()
        .slice(before)
        .map(({ body }) => body),
    ).toEqual([{ company: 'Left Behind Ltd' }, { phone: '+380501112233' }]);
  });

  test('on a phone a customer that could not be saved is shown in the chat while the card is closed', async () => {
    const { page, ready, openRow, chat, card } = await inbox.open({ options: phone });
    await ready();
    await openRow(5);
    await chat.getByRole('button', { name: 'Customer' }).tap();
    await card.getByRole('button', { name: 'Edit' }).tap();
    inbox.fail('PATCH', { kind: 'status', status: 403, body: {} });

    await card.getByRole('textbox', { name: 'Company' }).fill('Hidden & Sons');
    await card.getByRole('button', { name: 'Save' }).tap();
    await card.getByRole('alert').getByText('The customer could not be saved.').waitFor();
    await chat.getByRole('button', { name: 'Customer' }).tap();
    await chat.getByRole('alert').getByText('The customer could not be saved.').waitFor();
    inbox.recover();
    await chat.getByRole('button', { name: 'Retry' }).tap();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await chat.getByRole('button', { name: 'Customer' }).tap();

    await card.getByText('Hidden & Sons').waitFor();
    await card.getByRole('button', { name: 'Edit' }).waitFor();
  });

  test('the card of a customer that is shown again contains what has changed meanwhile', async () => {
    const { ready, rows, row, openRow, card } = await inbox.open();
    await ready();
    const id = await openRow(7);
    const heading = card.getByRole('heading').first();
    const name = await heading.textContent();
    await rows.nth(8).click();
    await heading.and(card.getByText(name ?? '')).waitFor({ state: 'detached' });
    const { data } = await inbox.gateway.query(`{ chat(id: ${id}) { customer { id } } }`);

    await inbox.callHelpCrunch('PATCH', `/customers/${data.chat.customer.id}`, {
      company: 'Changed Elsewhere Inc',
    });
    await row(id).click();

    await card.getByText('Changed Elsewhere Inc').waitFor();
  });

  test('two windows show the messages, changes and customer data of each other', async () => {
    const [first, second] = [await inbox.open(), await inbox.open()];
    await first.ready();
    await second.ready();
    const id = await first.openRow(5);
    await second.row(id).click();
    await second.page.locator('.message').first().waitFor();
    await inbox.gateway.waitForSubscriptions(6);

    await first.reply.fill('Seen in both windows');
    await first.reply.press('Control+Enter');
    await second.chat.getByText('Seen in both windows').waitFor();
    await second.choose(second.chat.getByRole('button', { name: /^Status/ }), 'Pending');
    await first.chat.getByRole('button', { name: 'Status: Pending' }).waitFor();
    await first.choose(first.chat.getByRole('button', { name: /^Agent/ }), colleague.name);
    await second.row(id).getByText(colleague.name).waitFor();
    await second.card.getByRole('button', { name: 'Edit' }).click();
    await second.card.getByRole('textbox', { name: 'Company' }).fill('Shared GmbH');
    await second.card.getByRole('button', { name: 'Save' }).click();
    await first.card.getByText('Shared GmbH').waitFor();

    await first.chat.getByText(/^Status changed from .+ to Pending/).waitFor();
    await second.chat.getByText(/^Status changed from .+ to Pending/).waitFor();
    expect(await first.chat.getByText('Seen in both windows').count()).toBe(1);
  });
});
