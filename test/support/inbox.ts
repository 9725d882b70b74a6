import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import type { Config } from '../../src/config/settings.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Fault, Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startBrowser } from './browser.ts';
import { startTestGateway } from './gateway.ts';
import { webhookSecret } from './webhooks.ts';

const root = new URL('../../', import.meta.url);

/** Starts what `npm run example:inbox` starts, and returns the address that it prints. */
export async function startExample(env: Readonly<Record<string, string>>) {
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

/** The agent in whose name the page writes, and another one. */
export const me = { id: '21', name: 'Kateryna Tkachenko' } as const;
export const colleague = { id: '29', name: 'Grace Ashworth' } as const;

export const desktop = { viewport: { width: 1360, height: 820 } } as const;
export const phone = {
  viewport: { width: 390, height: 780 },
  hasTouch: true,
  isMobile: true,
} as const;

type PageOptions = Parameters<Awaited<ReturnType<typeof startBrowser>>['openPage']>[0];

interface OpenOptions {
  readonly options?: PageOptions;
  /** The part of the address after the page. */
  readonly hash?: string;
  /** Null: no agent has been chosen. */
  readonly agentId?: string | null;
  /** Another address than that of the example. */
  readonly url?: string;
  readonly prepare?: (page: Page) => Promise<unknown>;
}

interface InboxOptions {
  readonly simulator?: SimulatorOptions;
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
}

/** Starts the inbox for all tests of a `describe`: simulator, gateway, page and browser. */
export function useInbox({ simulator: seed = {}, config = {}, clock }: InboxOptions = {}) {
  let simulator: Simulator;
  let gateway: Awaited<ReturnType<typeof startTestGateway>>;
  let example: Awaited<ReturnType<typeof startExample>>;
  let browser: Awaited<ReturnType<typeof startBrowser>>;
  let opened: Page[] = [];
  const shared = clock === undefined ? {} : { clock };
  const startGateway = (port: number) =>
    startTestGateway({
      upstream: simulator,
      ...shared,
      config: {
        // One viewer makes the calls of all tests within a minute.
        rateLimit: 1_000,
        webhookSecret,
        operationTimeoutMs: 3_000,
        port,
        ...config,
      },
    });

  beforeAll(async () => {
    simulator = await startSimulator({ rateLimit: 0, ...shared, ...seed });
    gateway = await startGateway(0);
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

  afterEach(async () => {
    simulator.behave({ faults: [] });
    await Promise.all(opened.map((page) => page.context().close()));
    opened = [];
    await gateway.waitForSubscriptions(0);
  });

  return {
    get simulator() {
      return simulator;
    },
    get gateway() {
      return gateway;
    },

    /** Opens the page in a browser profile of its own. */
    async open({ options = desktop, hash = '', agentId = me.id, url, prepare }: OpenOptions = {}) {
      const shown = await browser.openPage(options);
      const { page } = shown;
      opened.push(page);
      page.setDefaultTimeout(60_000);
      await page.addInitScript((id) => {
        const storage: any = (globalThis as any).localStorage;
        if (id !== null) storage['inbox.settings'] ??= JSON.stringify({ agentId: id });
      }, agentId);
      await prepare?.(page);
      await page.goto(`${url ?? example.page}${hash}`);
      return { ...shown, ...partsOf(page) };
    },

    /** A write in HelpCrunch itself, not through the gateway. */
    async callHelpCrunch(method: string, path: string, body: unknown): Promise<void> {
      const { status } = await fetch(simulator.url + path, {
        method,
        headers: { authorization: `Bearer ${simulator.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(status).toBeLessThan(300);
    },

    customerWrites(chat: string, text: string): Promise<void> {
      return this.callHelpCrunch('POST', '/messages', {
        chat: Number(chat),
        type: 'message',
        text,
      });
    },

    markUnread: (chat: string) =>
      gateway.query(`mutation { markChatRead(id: ${chat}, by: AGENT, read: false) { id } }`),

    fail(match: string, fault: Fault): void {
      simulator.behave({ faults: [{ match, fault }] });
    },

    recover(): void {
      simulator.behave({ faults: [] });
    },

    async stopGateway(): Promise<void> {
      await gateway.stop();
    },

    async startGatewayAgain(): Promise<void> {
      gateway = await startGateway(Number(new URL(gateway.url).port));
    },

    /** The calls with a method and path since the given number of calls. */
    callsOf: (method: string, path: string, since = 0) =>
      simulator.calls.slice(since).filter((call) => call.method === method && call.path === path),
  };
}

/** The parts of the page that tests use. */
function partsOf(page: Page) {
  // Their names depend on the language of the page.
  const list = page.locator('section.list');
  const rows = list.locator('.row[data-chat]');
  return {
    list,
    rows,
    row: (chat: string) => page.locator(`.row[data-chat="${chat}"]`),
    chat: page.locator('section.chat'),
    card: page.getByRole('complementary', { name: 'Customer' }),
    reply: page.getByRole('textbox', { name: 'Reply' }),
    note: page.getByRole('textbox', { name: 'Private note' }),
    outgoing: page.locator('.outgoing'),
    news: list.getByRole('button', { name: /^\d+ new$/ }),
    async ready(): Promise<void> {
      await rows.nth(9).waitFor();
      await page.locator('[data-state="live"]').waitFor({ state: 'attached' });
    },
    /** Opens the chat of a row and waits for its messages. */
    async openRow(index: number): Promise<string> {
      const id = await chatOf(rows.nth(index));
      await rows.nth(index).click();
      await page.locator('.message').first().waitFor();
      return id;
    },
    /** Selects a choice of a picker. */
    async choose(button: Locator, choice: string | RegExp): Promise<void> {
      await button.click();
      await page.getByRole('option', { name: choice }).first().click();
    },
  };
}

export const chatOf = async (row: Locator): Promise<string> =>
  (await row.getAttribute('data-chat')) ?? '';

/** Resolves when the gateway has answered the operation. */
export const answerOf = (page: Page, operation: string) =>
  page.waitForResponse((response) => Boolean(response.request().postData()?.includes(operation)));

/** The gateway executes the operation, and the page does not receive its response. */
export const loseAnswersOf = (page: Page, operation: string) =>
  page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes(operation) !== true) return route.continue();
    await route.fetch();
    return route.abort();
  });

export const focusedChat = (page: Page): Promise<unknown> =>
  page.evaluate('document.activeElement.dataset.chat');
