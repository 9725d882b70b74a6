// Takes the pictures of docs/images: npm run screenshots. Needs Chromium.
import { fileURLToPath } from 'node:url';
import { serveInbox } from '../examples/inbox/serve.ts';
import { startBrowser } from '../test/support/browser.ts';
import { startDemo } from '../test/support/gateway.ts';

const folder = fileURLToPath(new URL('../docs/images/', import.meta.url));

await using demo = await startDemo({ rateLimit: 120, config: { rateLimit: 120 } });
const inbox = await serveInbox(demo.url, 0);
await using browser = await startBrowser();

const explorer = await browser.openPage({ viewport: { width: 1200, height: 720 } });
await explorer.page.goto(`${demo.url}/explorer?operation=chat`);
await explorer.page.getByRole('button', { name: /^Execute query/ }).click();
await explorer.page.getByText('"messages"').first().waitFor();
await explorer.page.mouse.move(0, 0);
await explorer.page.screenshot({ path: `${folder}explorer.png` });

for (const colorScheme of ['light', 'dark'] as const) {
  const { page } = await browser.openPage({
    colorScheme,
    viewport: { width: 1280, height: 760 },
  });
  await page.goto(inbox.url);
  const rows = page.getByRole('navigation', { name: 'Chats' }).getByRole('link');
  await rows.nth(4).waitFor();
  for (const place of [0, 3, 4]) {
    const id = await rows.nth(place).getAttribute('data-chat');
    await demo.query(`mutation { markChatRead(id: ${id ?? ''}, by: AGENT, read: false) { id } }`);
  }
  await rows.nth(4).getByText('Unread:').waitFor({ state: 'attached' });
  await rows.nth(2).click();
  await page.getByRole('complementary', { name: 'Customer' }).getByRole('heading').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.screenshot({ path: `${folder}inbox-${colorScheme}.png` });
  await page.context().close();
}
process.exit(0);
