// Draws docs/images/explorer.png: the offline explorer with an answer of the demo account.
import { startBrowser } from '../test/support/browser.ts';
import { startDemo } from '../test/support/gateway.ts';

await using demo = await startDemo();
await using browser = await startBrowser();
await using tab = await browser.openPage({ viewport: { width: 1200, height: 720 } });
await tab.page.goto(`${demo.url}/explorer?operation=chat`);
await tab.page.getByRole('button', { name: /^Execute query/ }).click();
await tab.page.getByText('"messages"').first().waitFor();
await tab.page.mouse.move(0, 0);
await tab.page.screenshot({ path: 'docs/images/explorer.png' });
