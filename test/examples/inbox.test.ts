import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Locator, Page, Request } from 'playwright-core';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { hasBrowser, startBrowser } from '../support/browser.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { webhookSecret } from '../support/webhooks.ts';

const root = new URL('../../', import.meta.url);

/** Starts what `npm run example:inbox` starts, and gives what it prints. */
async function startExample(env: Readonly<Record<string, string>>) {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', 'examples/inbox/main.ts'],
    { cwd: root, env: { ...process.env, PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let printed = '';
  for await (const line of createInterface({ input: child.stdout! })) {
    printed += `${line}\n`;
    if (line.startsWith('Control-C')) break;
  }
  return {
    page: /page +(\S+)/.exec(printed)?.[1] ?? '',
    async stop(): Promise<unknown> {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      return code;
    },
  };
}

test('npm run example:inbox starts the page with a gateway, and stops on a signal', async () => {
  const example = await startExample({ GATEWAY_URL: '' });

  const page = await fetch(example.page);
  const answer = await fetch(`${example.page}graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ chats(first: 1) { nodes { id } } }' }),
  });
  const { data }: any = await answer.json();
  const code = await example.stop();

  expect(await page.text()).toContain('<title>Inbox</title>');
  expect(data.chats.nodes).toHaveLength(1);
  expect(code).toBe(0);
}, 120_000);

(hasBrowser ? describe : describe.skip)('in a browser (needs Chromium)', () => {
  // Delays longer than this, such as the throttling below, are reported immediately.
  const config = {
    // One viewer makes the calls of all tests within a minute.
    rateLimit: 1_000,
    webhookSecret,
    operationTimeoutMs: 3_000,
  };
  let simulator: Simulator;
  let gateway: Awaited<ReturnType<typeof startTestGateway>>;
  let example: Awaited<ReturnType<typeof startExample>>;
  let browser: Awaited<ReturnType<typeof startBrowser>>;

  beforeAll(async () => {
    simulator = await startSimulator({ rateLimit: 0 });
    gateway = await startTestGateway({ upstream: simulator, config });
    simulator.sendWebhooks({ url: `${gateway.url}/webhooks/helpcrunch`, secret: webhookSecret });
    [example, browser] = await Promise.all([
      startExample({ GATEWAY_URL: gateway.url }),
      startBrowser(),
    ]);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await example.stop();
    await gateway.stop();
    await simulator.close();
  });

  let opened: Page[] = [];

  afterEach(async () => {
    simulator.behave({ faults: [] });
    await Promise.all(opened.map((page) => page.context().close()));
    opened = [];
    await gateway.waitForSubscriptions(0);
  });

  const chatOf = async (row: Locator): Promise<number> =>
    Number(await row.getAttribute('data-chat'));

  /** A write in HelpCrunch itself, not through the gateway. */
  async function callHelpCrunch(method: string, path: string, body: unknown): Promise<void> {
    const { status } = await fetch(simulator.url + path, {
      method,
      headers: { authorization: `Bearer ${simulator.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(status).toBeLessThan(300);
  }

  const markUnread = (chat: number) =>
    gateway.query(`mutation { markChatRead(id: ${chat}, by: AGENT, read: false) { id } }`);

  const isChatList = (request: Request): boolean =>
    request.postData()?.includes('query ChatList') === true;

  async function openInbox(
    options: Parameters<typeof browser.openPage>[0] = {},
    prepare: (page: Page) => Promise<unknown> = () => Promise.resolve(),
  ) {
    const shown = await browser.openPage({
      viewport: { width: 1360, height: 820 },
      ...options,
    });
    const { page } = shown;
    opened.push(page);
    page.setDefaultTimeout(15_000);
    await prepare(page);
    await page.goto(example.page);
    const rows = page.getByRole('navigation', { name: 'Chats' }).getByRole('link');
    await rows.nth(29).waitFor();
    return { ...shown, rows };
  }

  test('the inbox lists, filters, scrolls and opens chats, and contacts no other host', async () => {
    const { page, rows, hosts, complaints } = await openInbox();

    await rows.nth(29).scrollIntoViewIfNeeded();
    await rows.nth(59).waitFor({ state: 'attached' });
    const ids = await rows.evaluateAll((links: any[]) => links.map(({ dataset }) => dataset.chat));
    await page.getByLabel('Pending').check();
    await page.getByText(/^\d+ of 140 chats$/).waitFor();
    await rows.first().click();
    await page.getByRole('listitem').and(page.locator('.message')).first().waitFor();
    const card = page.getByRole('complementary', { name: 'Customer' });
    const name = await page.getByRole('main').getByRole('heading').textContent();
    await card.getByRole('heading', { name: name ?? '' }).waitFor();

    expect(new Set(ids).size).toBe(ids.length);
    expect([...hosts]).toEqual(['127.0.0.1']);
    expect(complaints).toEqual([]);
  }, 120_000);

  test('a chat is marked as read when it is opened, and as unread and read by a button', async () => {
    const { page, rows, complaints } = await openInbox();
    const chat = await chatOf(rows.nth(1));
    const row = page.locator(`[data-chat="${chat}"]`);
    await markUnread(chat);
    await row.getByText('Unread:').waitFor({ state: 'attached' });

    await row.click();
    await page.getByRole('button', { name: 'Mark unread' }).click();
    await row.getByText('Unread:').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Mark read' }).click();
    await page.getByRole('button', { name: 'Mark unread' }).waitFor();

    const marks = simulator.calls.filter(({ path }) => path === '/chats/readByAgent');
    expect(marks.length).toBeGreaterThanOrEqual(3);
    expect(complaints).toEqual([]);
  }, 120_000);

  test('the inbox shows a change that happens before its subscription starts', async () => {
    const held = createDeferred();
    const { page, rows } = await openInbox({}, (opening) =>
      opening.routeWebSocket(/\/graphql$/, (socket) => {
        const server = socket.connectToServer();
        socket.onMessage((message) => void held.promise.then(() => server.send(message)));
      }),
    );
    const chat = await chatOf(rows.filter({ hasNotText: 'Unread:' }).first());

    await markUnread(chat);
    held.resolve();

    await page.locator(`[data-chat="${chat}"]`).getByText('Unread:').waitFor({ state: 'attached' });
  }, 120_000);

  test('a response that is older than an event does not undo the change of the event', async () => {
    const [read, released] = [createDeferred(), createDeferred()];
    let lists = 0;
    let event: Promise<unknown> | undefined;
    const isEvent = ({ payload }: { readonly payload: string | Buffer }) =>
      payload.includes('chatUpdated');
    const { page, rows } = await openInbox({}, (opening) => {
      opening.once('websocket', (socket) => {
        event = socket.waitForEvent('framereceived', isEvent);
      });
      return opening.route('**/graphql', async (route) => {
        // The second is sent when the subscription has started.
        const isHeld = isChatList(route.request()) && (lists += 1) === 2;
        if (!isHeld) return route.continue();
        const response = await route.fetch();
        read.resolve();
        await released.promise;
        return route.fulfill({ response });
      });
    });
    const chat = await chatOf(rows.filter({ hasNotText: 'Unread:' }).first());
    await read.promise;

    await markUnread(chat);
    await event;
    released.resolve();

    await page.locator(`[data-chat="${chat}"]`).getByText('Unread:').waitFor({ state: 'attached' });
  }, 120_000);

  test('the inbox reverts a change that HelpCrunch rejects and shows the reason', async () => {
    const { page, rows } = await openInbox();
    await rows.nth(2).click();
    const button = page.getByRole('button', { name: /^Mark/ });
    const before = await button.textContent();
    simulator.behave({
      faults: [{ match: 'PUT', fault: { kind: 'status', status: 403, body: {} } }],
    });

    await button.click();
    await page.getByRole('alert').getByText('The chat could not be marked.').waitFor();

    expect(await button.textContent()).toBe(before);
  }, 120_000);

  test('a new message of a customer appears in its chat and in the list', async () => {
    const { page, rows, complaints } = await openInbox();
    await page.getByText('Live', { exact: true }).waitFor();
    const row = rows.nth(3);
    const chat = await chatOf(row);
    await row.click();
    await page.locator('.message').first().waitFor();
    await gateway.waitForSubscriptions(2);

    await callHelpCrunch('POST', '/messages', {
      chat,
      type: 'message',
      text: 'Are you still there?',
    });
    await page.getByRole('main').getByText('Are you still there?').waitFor();
    await page.locator('.row').first().getByText('Are you still there?').waitFor();

    expect(await chatOf(rows.first())).toBe(chat);
    expect(complaints).toEqual([]);
  }, 120_000);

  test('arrow keys move through the list, Enter opens a chat and Escape returns to the list', async () => {
    const { page, rows } = await openInbox();
    const third = await chatOf(rows.nth(2));

    await rows.first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.message').first().waitFor();
    const led = new URL(page.url()).hash;
    await page.keyboard.press('Escape');
    await page.getByText('Choose a chat to read it.').waitFor();

    expect(led).toBe(`#chat/${third}`);
    expect(await page.evaluate('document.activeElement.dataset.chat')).toBe(String(third));
  }, 120_000);

  test('the inbox shows an outage and a rate limit, and recovers from both', async () => {
    const { page, rows } = await openInbox();
    const fault = (status: number, headers = {}) => ({
      faults: [
        { match: 'POST /chats/search', fault: { kind: 'status', status, headers } as const },
      ],
    });

    simulator.behave(fault(503));
    await page.getByLabel('On hold').check();
    await page.getByRole('alert').getByText('HelpCrunch is not available').waitFor();
    simulator.behave(fault(429, { 'retry-after': '4' }));
    await page.getByLabel('New').check();
    await page.getByRole('alert').getByText('The rate limit is reached').waitFor();
    simulator.behave({ faults: [] });

    await rows.first().waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  }, 120_000);

  test('the inbox reconnects after a restart of the gateway and shows the changes since then', async () => {
    const { page, rows } = await openInbox();
    await page.getByText('Live', { exact: true }).waitFor();
    const chat = await chatOf(rows.nth(4));
    const { port } = new URL(gateway.url);

    await gateway.stop();
    await page.getByText('Reconnecting …').waitFor();
    await callHelpCrunch('POST', '/messages', {
      chat,
      type: 'message',
      text: 'Written in the dark',
    });
    gateway = await startTestGateway({
      upstream: simulator,
      config: { ...config, port: Number(port) },
    });

    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('.row').first().getByText('Written in the dark').waitFor();
  }, 120_000);

  test.each([
    ['light', 1360],
    ['dark', 360],
  ] as const)(
    'the inbox has no serious accessibility violation in %s colours, %i pixels wide',
    async (colorScheme, width) => {
      const { page, rows, faults } = await openInbox({
        colorScheme,
        viewport: { width, height: 740 },
      });

      const atList = await faults();
      await rows.nth(1).click();
      await page.locator('.message').first().waitFor();
      const atChat = await faults();

      expect([...atList, ...atChat]).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    },
    120_000,
  );
});
