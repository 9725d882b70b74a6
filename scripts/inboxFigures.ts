// Measures the example inbox in Chromium: npm run inbox:figures.
import { gzipSync } from 'node:zlib';
import { serveInbox } from '../examples/inbox/serve.ts';
import { startBrowser } from '../test/support/browser.ts';
import { startDemo } from '../test/support/gateway.ts';

const runs = 5;

await using demo = await startDemo({ rateLimit: 0 });
const inbox = await serveInbox(demo.url, 0);
await using browser = await startBrowser();

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Opens the page in a new profile, as on the first visit. */
async function measure() {
  const { page } = await browser.openPage({ viewport: { width: 1280, height: 760 } });
  await page.addInitScript(`
    globalThis.shift = 0;
    new PerformanceObserver((entries) => {
      for (const entry of entries.getEntries()) shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    new MutationObserver((_changes, observer) => {
      if (document.querySelector('.row') === null) return;
      globalThis.firstRow = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });`);
  await page.goto(inbox.url);
  await page.locator('.row').nth(2).click();
  await page.locator('.message').first().waitFor();
  await page.waitForLoadState('networkidle');
  const figures = await page.evaluate<{ firstRowMs: number; shift: number }>(
    '({ firstRowMs: firstRow, shift })',
  );
  await page.context().close();
  return figures;
}

/** The size of the page and its files, compressed with gzip. */
async function sizeOfPage(): Promise<number> {
  const html = await (await fetch(inbox.url)).text();
  const paths = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(
    ([, path = '']) => path,
  );
  const files = paths.map(async (path) =>
    Buffer.from(await (await fetch(new URL(path, inbox.url))).arrayBuffer()),
  );
  const contents = [Buffer.from(html), ...(await Promise.all(files))];
  return contents.reduce((sum, content) => sum + gzipSync(content).length, 0);
}

const figures = [];
for (let run = 0; run < runs; run += 1) figures.push(await measure());
const firstRowMs = median(figures.map((figure) => figure.firstRowMs));
const shift = Math.max(...figures.map((figure) => figure.shift));
process.stdout.write(`first row: ${Math.round(firstRowMs)} ms (median of ${runs})\n`);
process.stdout.write(`bundle: ${Math.round((await sizeOfPage()) / 1000)} kB compressed\n`);
process.stdout.write(`layout shift: ${shift.toFixed(4)} (maximum of ${runs})\n`);
process.exit(0);
