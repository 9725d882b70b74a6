import { describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { readConfig } from '../../src/config/settings.ts';
import { hasBrowser } from '../support/browser.ts';
import { startExample, useInbox } from '../support/inbox.ts';
import { createManualClock } from '../support/manualClock.ts';
import { webhookSecret } from '../support/webhooks.ts';

const { cacheTtlsMs } = readConfig({
  PORT: '0',
  HELPCRUNCH_API_KEY: 'key',
  HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
});

test('the page is smaller than 200 kB when it is compressed', async () => {
  const example = await startExample({ GATEWAY_URL: 'http://127.0.0.1:9', NODE_ENV: 'production' });
  const html = await (await fetch(example.page)).text();
  const assets = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);

  const bodies = await Promise.all(
    assets.map(async (path) => (await fetch(new URL(path ?? '', example.page))).arrayBuffer()),
  );
  const sizes = [html, ...bodies].map((body) => gzipSync(body).length);
  await example.stop();

  expect(assets.length).toBeGreaterThanOrEqual(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(200_000);
});

(hasBrowser ? describe : describe.skip)('the cost of the inbox (needs Chromium)', () => {
  const clock = createManualClock(Date.now());
  // About 90 open chats, and the caching that webhooks permit.
  const inbox = useInbox({
    clock,
    simulator: { chats: 500, customers: 300 },
    config: { cacheTtlsMs, refreshAhead: true },
  });

  /** Resolves when the page has received as many results of the query. */
  function countResults(page: Page, query: string) {
    let count = 0;
    let notify = (): void => undefined;
    page.on('requestfinished', (request) => {
      if (request.postData()?.includes(`query ${query}`) !== true) return;
      count += 1;
      notify();
    });
    return (expected: number) =>
      new Promise<void>((resolve) => {
        notify = () => {
          if (count >= expected) resolve();
        };
        notify();
      });
  }

  /** Advances the clocks of the gateway, HelpCrunch and the page. */
  async function pass(page: Page, seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1_000);
      await page.clock.runFor(1_000);
    }
  }

  test('an idle inbox with a chat open and up to 100 open chats costs at most three calls per minute', async () => {
    const { page, ready, openRow } = await inbox.open({
      prepare: (opening) => opening.clock.install({ time: clock.now() }),
    });
    const summaries = countResults(page, 'Summary');
    await ready();
    await openRow(2);
    const { data } = await inbox.gateway.query('{ inboxSummary { open isComplete } }');
    await pass(page, 60);
    await summaries(2);
    const before = inbox.simulator.calls.length;

    for (let minute = 1; minute <= 3; minute += 1) {
      await pass(page, 60);
      await summaries(2 + minute);
    }

    const calls = inbox.simulator.calls.slice(before);
    expect(data.inboxSummary.isComplete).toBe(true);
    expect(data.inboxSummary.open).toBeGreaterThan(50);
    expect(data.inboxSummary.open).toBeLessThanOrEqual(100);
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.length).toBeLessThanOrEqual(3 * 3);
  });
});
