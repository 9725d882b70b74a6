import { describe, expect, test } from '@jest/globals';
import { hasBrowser } from '../support/browser.ts';
import { useInbox } from '../support/inbox.ts';

(hasBrowser ? describe : describe.skip)('messages in the inbox (needs Chromium)', () => {
  const inbox = useInbox();

  test('HTML and unsafe links of a message are shown as text', async () => {
    const { page, ready, openRow, chat } = await inbox.open();
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await ready();
    const id = await openRow(2);

    const hostile = [
      '<img src=x onerror=alert(1)><script>alert(2)</script>',
      '[pay](javascript:alert(1))',
      '[pay](JaVaScRiPt:alert(1))',
      '[pay](data:text/html,x)',
      '![pay](javascript:alert(1))',
      '[**pay**](vbscript:x)',
    ].join(' ');
    await inbox.customerWrites(id, `${hostile} ready`);
    const message = chat.locator('.message').filter({ hasText: 'ready' });
    await message.waitFor();

    expect(await message.locator('.text').textContent()).toBe(
      '<img src=x onerror=alert(1)><script>alert(2)</script> pay pay pay !pay pay ready',
    );
    expect(await message.locator('img, script, a').count()).toBe(0);
    expect(dialogs).toEqual([]);
  });

  test('messages that are long in any way are shown, and neither widen nor block the page', async () => {
    const { page, ready, openRow, chat, row } = await inbox.open();
    await ready();
    const id = await openRow(3);
    const length = 20_000;
    const texts = [
      'w'.repeat(length),
      '['.repeat(length),
      '**a '.repeat(length / 4),
      'a@'.repeat(length / 2),
      Array.from({ length: 500 }, (_, index) => `https://shop.example.com/${index}`).join(' '),
      'שלום, **איפה** ההזמנה שלי? 👩‍👩‍👧‍👦',
    ];

    for (const text of texts) await inbox.customerWrites(id, text);
    const last = chat.locator('.message').last();
    await last.getByRole('strong').getByText('איפה').waitFor();
    await row(id).getByText('שלום, איפה ההזמנה שלי?').waitFor();

    const links = chat
      .locator('.message')
      .filter({ has: page.locator('a') })
      .last();
    expect(await links.locator('a').count()).toBe(500);
    expect(await links.locator('*').count()).toBeLessThan(1_000);
    expect(
      await last
        .locator('.text')
        .evaluate((element) => (globalThis as any).getComputedStyle(element).direction),
    ).toBe('rtl');
    expect(
      await chat
        .locator('.talk')
        .evaluate(({ scrollWidth, clientWidth }: any) => scrollWidth - clientWidth),
    ).toBe(0);
  });

  test('a chat without messages says so', async () => {
    const { data } = await inbox.gateway.query(
      '{ chats(first: 1, filter: { status: EMPTY }) { nodes { id } } }',
    );
    const { chat } = await inbox.open({ hash: `#/open/${data.chats.nodes[0].id}` });

    const text = chat.getByText('No messages yet.');
    await text.waitFor();
    const [shown, talk] = [await text.boundingBox(), await chat.locator('.talk').boundingBox()];

    expect(shown?.y).toBeGreaterThanOrEqual(talk?.y ?? NaN);
  });

  test('an image of a message is shown in the conversation, without the address of the page', async () => {
    const { page, ready, openRow, chat } = await inbox.open({
      prepare: (opening) =>
        opening.route('https://files.example.com/**', (route) =>
          route.fulfill({
            contentType: 'image/svg+xml',
            body: '<svg xmlns="http://www.w3.org/2000/svg"/>',
          }),
        ),
    });
    await ready();
    const id = await openRow(2);
    const loading = page.waitForRequest('https://files.example.com/receipt.png');

    await inbox.customerWrites(id, 'https://files.example.com/receipt.png');
    await chat.getByRole('img', { name: 'Image' }).scrollIntoViewIfNeeded();

    expect((await loading).headers()['referer']).toBeUndefined();
  });
});
