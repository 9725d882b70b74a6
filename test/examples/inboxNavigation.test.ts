import { describe, expect, test } from '@jest/globals';
import type { Locator } from 'playwright-core';
import { hasBrowser } from '../support/browser.ts';
import { chatOf, colleague, desktop, me, phone, useInbox } from '../support/inbox.ts';

const numberIn = async (locator: Locator): Promise<number> =>
  Number(/\d+/.exec((await locator.textContent()) ?? '')?.[0] ?? NaN);

(hasBrowser ? describe : describe.skip)('navigating the inbox (needs Chromium)', () => {
  const inbox = useInbox({ simulator: { chats: 1_000, customers: 400 } });

  const summary = async () => {
    const { data } = await inbox.gateway.query(
      '{ inboxSummary { open unread unassigned snoozed byAgent { agent { id } count } } }',
    );
    return data.inboxSummary;
  };

  test('the views show the counts of the summary, and the title the unread chats', async () => {
    const { page, ready } = await inbox.open();
    await ready();
    const views = page.getByRole('navigation', { name: 'Views' });
    const count = (view: string) =>
      numberIn(views.getByRole('link', { name: view }).locator('.number'));
    const { open, unread, unassigned, snoozed, byAgent } = await summary();
    const mine = byAgent.find(({ agent }: any) => agent.id === me.id)?.count ?? 0;

    await views.locator('.number').first().waitFor();
    const counts = {
      mine: await count('Mine'),
      open: await count('Open'),
      unread: await count('Unread'),
      unassigned: await count('Unassigned'),
      snoozed: await count('Snoozed'),
    };

    expect(counts).toEqual({ mine, open, unread, unassigned, snoozed });
    expect(await page.title()).toBe(`(${unread}) Inbox`);
  });

  test('each view lists its chats only, also after a reload', async () => {
    const { page, ready, rows, list } = await inbox.open();
    await ready();
    const marks = {
      Unassigned: 'Unassigned',
      Unread: 'Unread:',
      Snoozed: 'Snoozed',
      Mine: me.name,
      Closed: 'Closed',
    };

    for (const [name, mark] of Object.entries(marks)) {
      await page.getByRole('navigation').getByRole('link', { name }).click();
      await page.locator(`a[aria-current="page"][href="#/${name.toLowerCase()}"]`).waitFor();
      await page.reload();
      await list.getByText(/^[\d,]+ of [\d,]+ chats?$/).waitFor({ state: 'attached' });
      const shown = await rows.count();

      expect([name, shown]).not.toEqual([name, 0]);
      expect([name, await rows.filter({ has: page.getByText(mark) }).count()]).toEqual([
        name,
        shown,
      ]);
    }
  });

  test('filters are in the address, survive a reload, and can be cleared', async () => {
    const { page, ready, list, rows, choose } = await inbox.open();
    await ready();
    const filters = page.getByRole('group', { name: 'Filters' });

    await choose(filters.getByRole('button', { name: 'Status' }), 'Pending');
    await choose(filters.getByRole('button', { name: 'Agent' }), me.name);
    await choose(filters.getByRole('button', { name: 'Department' }), 'Night shift');
    await list.getByText('No chats match these filters.').waitFor();
    const { hash } = new URL(page.url());
    await page.reload();
    await filters.getByRole('button', { name: me.name }).waitFor();
    await list.getByRole('button', { name: 'Clear the filters' }).click();

    await rows.nth(9).waitFor();
    expect(hash).toBe(`#/open?status=PENDING&agent=${me.id}&department=8`);
    expect(new URL(page.url()).hash).toBe('#/open');
  });

  test('agents are sorted in the language of the browser and found by a part of their name', async () => {
    const { page, ready } = await inbox.open();
    await ready();
    const { data } = await inbox.gateway.query('{ agents { name } }');
    const names: string[] = data.agents.map(({ name }: any) => name);

    await page
      .getByRole('group', { name: 'Filters' })
      .getByRole('button', { name: 'Agent' })
      .click();
    const shown = await page.getByRole('option').allTextContents();
    await page.getByRole('combobox').fill('ashw');
    const found = await page.getByRole('option').allTextContents();

    const sorted = names.toSorted(new Intl.Collator('en-US', { sensitivity: 'base' }).compare);
    expect(shown).toEqual(['Any agent', ...sorted]);
    expect(found).toEqual(sorted.filter((name) => name.includes('Ashw')));
  });

  test('a customer is found by a part of the name, the e-mail address and the phone number', async () => {
    const { page, ready, list } = await inbox.open();
    await ready();
    const { data } = await inbox.gateway.query(
      '{ customers(first: 100) { nodes { name email phone } } }',
    );
    const valueOf = (field: string): string =>
      data.customers.nodes.find((node: any) => node.name && node[field])[field];
    const phone = valueOf('phone');
    const typed = [
      [valueOf('name'), valueOf('name')],
      [valueOf('email'), valueOf('email')],
      [`${phone.slice(0, 4)} (${phone.slice(4, 6)}) ${phone.slice(6)}`, phone],
    ] as const;

    for (const [text, value] of typed) {
      await page.keyboard.press('/');
      await page.keyboard.type(text);
      await list.locator('.row').filter({ hasText: value }).first().waitFor();
      await list.getByText(/^\d+ customers?$/).waitFor();
      await page.keyboard.press('Escape');
    }
  });

  test('notifications and sound are off until they are chosen, and the choice is remembered', async () => {
    const { page, ready } = await inbox.open({
      options: { ...desktop, permissions: ['notifications'] },
    });
    await ready();
    const open = () => page.getByRole('button', { name: 'Settings and help' }).click();
    const [notifications, sound] = [page.getByLabel('Notifications'), page.getByLabel('Sound')];

    await open();
    const atFirst = [await notifications.isChecked(), await sound.isChecked()];
    await sound.check();
    await page.getByLabel('Shortcuts with single keys').uncheck();
    await page.reload();
    await ready();
    await page.keyboard.press('?');
    const dialogs = await page.getByRole('dialog').count();
    await open();

    expect(dialogs).toBe(0);
    expect(atFirst).toEqual([false, false]);
    expect([await notifications.isChecked(), await sound.isChecked()]).toEqual([false, true]);
  });

  test('a notification and a tone report a message while the page is hidden, unless another agent has the chat', async () => {
    const { page, ready, rows, row } = await inbox.open({
      prepare: (opening) =>
        opening.addInitScript(`
          globalThis.shown = [];
          globalThis.tones = 0;
          const get = (_target, name) => (name === 'currentTime' ? 0 : anything);
          const anything = new Proxy(() => undefined, { get, apply: () => anything });
          globalThis.AudioContext = function () {
            tones += 1;
            return anything;
          };
          globalThis.Notification = class {
            static permission = 'granted';
            constructor(title, { body }) {
              shown.push([title, body]);
            }
          };
          Object.defineProperty(document, 'hidden', { get: () => true });
          const settings = { notifications: true, sound: true, agentId: '${me.id}' };
          localStorage['inbox.settings'] = JSON.stringify(settings);`),
    });
    await ready();
    const [own, other] = [await chatOf(rows.nth(2)), await chatOf(rows.nth(3))];
    const name = await row(own).locator('.name').textContent();
    await inbox.gateway.query(`mutation {
      own: assignChat(id: ${own}, agentId: ${me.id}) { id }
      other: assignChat(id: ${other}, agentId: ${colleague.id}) { id }
    }`);
    await row(other).getByText(colleague.name).waitFor();
    await row(own).getByText(me.name).waitFor();

    await inbox.customerWrites(other, 'Not for you');
    await row(other).getByText('Not for you').waitFor();
    await inbox.customerWrites(own, '**Is** anyone there?');
    await page.waitForFunction('shown.length > 0');

    const [[title, body], ...more]: any = await page.evaluate('shown');
    expect(name).toContain(title);
    expect([body, more]).toEqual(['Is anyone there?', []]);
    expect(await page.evaluate('tones')).toBe(1);
  });

  test('the call meter is shown to operators, and not to agents', async () => {
    const asAgent = (role: string) => ({
      prepare: (page: any) =>
        page.route('**/graphql', async (route: any) => {
          if (!route.request().postData()?.includes('query Team')) return route.continue();
          const response = await route.fetch();
          const body = await response.json();
          const agent = { __typename: 'Agent', ...colleague, role };
          body.data.viewer = { __typename: 'HelpdeskViewer', role: 'AGENT', agent };
          return route.fulfill({ response, json: body });
        }),
    });
    const meters = async (options: Parameters<typeof inbox.open>[0]) => {
      const { page, ready, openRow } = await inbox.open(options);
      await ready();
      await openRow(0);
      return page.getByRole('meter').count();
    };

    expect(await meters(asAgent('AGENT'))).toBe(0);
    expect(await meters(asAgent('SUPERVISOR'))).toBe(1);
    expect(await meters({})).toBe(1);
  });

  test.each([320, 390, 768])(
    'nothing is clipped at %i pixels, in either language',
    async (width) => {
      for (const locale of ['en-GB', 'uk-UA']) {
        const { page, rows, openRow } = await inbox.open({
          options: { viewport: { width, height: 700 }, locale, hasTouch: true, isMobile: true },
        });
        await rows.nth(3).waitFor();
        const parts = [
          '.top *',
          '.views a',
          '.filters button',
          '.search *',
          ':is(.chat-head, .composer) *',
        ];
        const findClipped = () =>
          page.evaluate(`[...document.querySelectorAll('${parts.join()}')]
            .filter((element) => {
              const { left, right, width } = element.getBoundingClientRect();
              return width > 1 && (left < 0 || right > innerWidth + 0.5);
            })
            .map((element) => element.className)`);
        const atList = await findClipped();
        await openRow(0);

        expect([atList, await findClipped()]).toEqual([[], []]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
    },
  );

  test('a link to a chat opens it on a phone, and the arrow leads to the list', async () => {
    const { ready, rows } = await inbox.open();
    await ready();
    const id = await chatOf(rows.nth(3));
    const { page, rows: phoneRows } = await inbox.open({
      options: phone,
      hash: `#/unread/${id}?agent=${me.id}`,
    });

    await page.locator('.message').first().waitFor();
    await page.getByRole('link', { name: 'Back to the list' }).tap();
    await phoneRows.first().waitFor();

    expect(new URL(page.url()).hash).toBe(`#/unread?agent=${me.id}`);
  });

  test('the links of the customer card are large enough for a finger', async () => {
    const { page, ready, openRow, chat, card } = await inbox.open({ options: phone });
    await ready();
    const id = await chatOf(page.locator('.row[data-chat]').nth(2));
    const { data } = await inbox.gateway.query(`{ chat(id: ${id}) { customer { id } } }`);
    await inbox.callHelpCrunch('PATCH', `/customers/${data.chat.customer.id}`, {
      email: 'finger@example.com',
      phone: '+380441234567',
    });

    await openRow(2);
    await chat.getByRole('button', { name: 'Customer' }).tap();
    const links = ['finger@example.com', '+380441234567'].map((name) =>
      card.getByRole('link', { name }),
    );
    for (const link of links) await link.waitFor();
    const [email, phoneNumber] = await Promise.all(links.map((link) => link.boundingBox()));

    expect(email?.height).toBeGreaterThanOrEqual(44);
    expect(phoneNumber?.height).toBeGreaterThanOrEqual(44);
    expect(email!.y + email!.height).toBeLessThanOrEqual(phoneNumber!.y);
  });

  test('an unknown chat, an invalid address and an unknown view lead back to the list on a phone', async () => {
    const { page, rows } = await inbox.open({ options: phone });
    const titles = {
      '#/open/99999999': 'Not found',
      '#/open/abc': 'This address is not valid',
      '#/nowhere': 'This address is not valid',
    };

    for (const [hash, title] of Object.entries(titles)) {
      await page.goto(page.url().replace(/#.*|$/, hash));
      await page.getByText(title).waitFor();
      await page.getByRole('link', { name: 'Back to the list' }).tap();
      await rows.first().waitFor();
    }
  });

  test('a chat that cannot be loaded shows its name, its customer and the way back on a phone', async () => {
    const { page, ready, rows } = await inbox.open({ options: phone });
    await ready();
    const name = (await rows.nth(4).locator('.name').textContent()) ?? '';
    await inbox.stopGateway();

    await rows.nth(4).tap();
    await page.getByRole('alert').getByText('The gateway cannot be reached').first().waitFor();
    const heading = await page.locator('.chat-head h2').textContent();
    await page.getByRole('link', { name: 'Back to the list' }).tap();
    await rows.nth(4).waitFor();
    await inbox.startGatewayAgain();

    expect(name).toContain(heading);
    await page.locator('[data-state="live"]').waitFor({ state: 'attached' });
  });

  test('the page is in Ukrainian for a Ukrainian browser, with its dates', async () => {
    const { page, rows, openRow } = await inbox.open({
      options: { ...desktop, locale: 'uk-UA', timezoneId: 'Europe/Kyiv' },
      hash: '#/closed',
    });
    await rows.nth(9).waitFor();
    await openRow(5);

    await page.getByRole('button', { name: 'Надіслати' }).waitFor();
    const texts = (
      await page.locator('.top, .views, .filters, .toolbar, .composer').allTextContents()
    ).join(' ');
    expect(await page.getAttribute('html', 'lang')).toBe('uk');
    expect(texts).not.toMatch(/\b(?:Inbox|Mine|Unread|Status|Send|Reply|Snooze)\b/);
  });
});
