import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import type { BrowserContextOptions, Page } from 'playwright-core';

const program = ['chromium-headless-shell', 'chromium'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** Without Chromium, tests in a `describe` that ends in "(needs Chromium)" are skipped and reported. */
export const hasBrowser = program !== undefined;

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const pathOf = (name: string): string => spawnSync('which', [name]).stdout.toString().trim();

/** A headless Chromium whose pages record console messages, requests and accessibility faults. */
export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: pathOf(program ?? 'chromium'),
    // Chromium's sandbox does not start as root, the user of containers.
    args: ['--no-sandbox'],
  });

  /** A page in a separate browser profile. */
  async function openPage(options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith('http')) hosts.add(hostname);
    });
    return {
      page,
      /** Errors and warnings on the console, and exceptions. */
      complaints,
      /** The hosts of all requests. */
      hosts,
      /** The faults that axe finds, by default the serious and critical ones: rule and element. */
      async faults(
        least: 'minor' | 'serious' = 'serious',
      ): Promise<readonly { readonly rule: string; readonly where: string }[]> {
        // The page's security policy does not apply to evaluated scripts.
        await page.evaluate(await readFile(axe, 'utf8'));
        const { violations }: any = await page.evaluate('axe.run(document)');
        return violations
          .filter(
            ({ impact }: any) => least === 'minor' || ['serious', 'critical'].includes(impact),
          )
          .flatMap(({ id, nodes }: any) =>
            nodes.map(({ target }: any) => ({ rule: id, where: target.join(' ') })),
          );
      },
      async [Symbol.asyncDispose]() {
        await context.close();
      },
    };
  }

  return {
    openPage,
    close: () => browser.close(),
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
}

/** Replaces the page's clock by one that advances only with `page.clock.runFor`. An installed clock advances with the time by itself. */
export async function stopClock({ clock }: Page): Promise<void> {
  const time = Date.now();
  await clock.install({ time });
  await clock.pauseAt(time + 60_000);
}
