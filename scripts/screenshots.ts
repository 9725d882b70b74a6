// Takes the pictures of docs/images: npm run screenshots. Needs Chromium.
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions } from 'playwright-core';
import { serveInbox } from '../examples/inbox/serve.ts';
import { startBrowser } from '../test/support/browser.ts';
import { startDemo } from '../test/support/gateway.ts';

const folder = fileURLToPath(new URL('../docs/images/', import.meta.url));

await using demo = await startDemo({ rateLimit: 120, config: { rateLimit: 120 } });
const inbox = await serveInbox(demo.url, 0);
await using browser = await startBrowser();

const explorer = await browser.openPage({ viewport: { width: 1200, height: 720 } });
await explorer.page.goto(`${demo.url}/explorer?operation=Chat`);
await explorer.page.getByRole('button', { name: /^Execute query/ }).click();
await explorer.page.getByText('"messages"').first().waitFor();
await explorer.page.mouse.move(0, 0);
await explorer.page.screenshot({ path: `${folder}explorer.png` });

const agentId = '21';

/** Opens the inbox, with a conversation that shows a reply and a private note. */
async function openInbox(options: BrowserContextOptions) {
  const { page } = await browser.openPage(options);
  await page.addInitScript(`localStorage['inbox.settings'] = '{"agentId":"${agentId}"}';`);
  await page.goto(`${inbox.url}#/mine`);
  const rows = page.locator('.row[data-chat]');
  await rows.nth(4).waitFor();
  await page.locator('[data-state="live"]').waitFor({ state: 'attached' });
  return { page, rows };
}

interface Chats {
  readonly chats: { readonly nodes: readonly { readonly id: string }[] };
}

async function prepareChats(): Promise<string> {
  const filter = `assigneeId: "${agentId}", status: OPENED`;
  const order = 'orderBy: { field: LAST_MESSAGE_AT, direction: DESC }';
  const { data } = await demo.query<Chats>(
    `{ chats(first: 6, filter: { ${filter} }, ${order}) { nodes { id } } }`,
  );
  const ids = data.chats.nodes.map(({ id }) => id);
  const [chat = ''] = ids;
  const text = 'Customs: **released this morning**, delivery tomorrow.';
  await demo.query(`mutation {
    addChatNote(chatId: ${chat}, agentId: ${agentId}, text: "${text}", markdown: "${text}") { id }
    unread: markChatRead(id: ${ids[1] ?? ''}, by: AGENT, read: false) { id }
    alsoUnread: markChatRead(id: ${ids[3] ?? ''}, by: AGENT, read: false) { id }
  }`);
  return chat;
}

const chat = await prepareChats();
const shots = [
  ['light', { viewport: { width: 1280, height: 760 } }],
  ['dark', { viewport: { width: 1280, height: 760 }, colorScheme: 'dark' }],
  ['ukrainian', { viewport: { width: 1280, height: 760 }, locale: 'uk-UA' }],
  ['phone', { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true }],
] as const;

for (const [name, options] of shots) {
  const { page, rows } = await openInbox(options);
  const row = name === 'ukrainian' ? rows.nth(3) : page.locator(`.row[data-chat="${chat}"]`);
  await row.click();
  await page.locator('.message').first().waitFor();
  await page.locator('.card h2').waitFor({ state: 'attached' });
  await page.screenshot({ path: `${folder}inbox-${name}.png` });
  await page.context().close();
}
process.exit(0);
