import { createHook } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { hasBrowser, startBrowser } from '../../support/browser.ts';
import { startDemo, startTestGateway } from '../../support/gateway.ts';
import { jwtAuth } from '../../support/issuer.ts';

// A browser on a busy machine takes its time.

type Demo = Awaited<ReturnType<typeof startDemo>>;

let demo: Demo;

beforeAll(async () => {
  demo = await startDemo();
});

afterAll(() => demo[Symbol.asyncDispose]());

const ask = (path: string, headers: Readonly<Record<string, string>> = {}, { url } = demo) =>
  fetch(`${url}${path}`, { headers, redirect: 'manual' });

const html = { accept: 'text/html,application/xhtml+xml' };

/** The directives of a page's Content-Security-Policy by name. */
const policyOf = ({ headers }: Response): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (headers.get('content-security-policy') ?? '').split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ');
      return [name, sources.join(' ')];
    }),
  );

/** The text of a prepared operation, and the variables of its first comment. */
function preparedOperation(file: string) {
  const query = readFileSync(`explorer/operations/${file}`, 'utf8');
  const variables: any = JSON.parse(/^# variables: (.*)$/m.exec(query)?.[1] ?? '{}');
  return { query, variables };
}

test('the prepared operation MarkRead changes a chat of a new demo', async () => {
  await using fresh = await startDemo();
  const { query, variables } = preparedOperation('06-mark-read.graphql');
  const read = async () =>
    (await fresh.query(`{ chat(id: ${variables.id}) { readByAgent } }`)).data.chat;

  const before = await read();
  const { data } = await fresh.query(query, variables);

  expect(before).toEqual({ readByAgent: false });
  expect(data.markChatRead).toMatchObject({ id: variables.id, readByAgent: true });
  expect(await read()).toEqual({ readByAgent: true });
});

test('the prepared operation Reply sends one message, although it is executed twice', async () => {
  await using fresh = await startDemo();
  const { query, variables } = preparedOperation('07-reply.graphql');

  const [first, second] = [
    await fresh.query(query, variables),
    await fresh.query(query, variables),
  ];
  const other = await fresh.query(query, { ...variables, text: 'Another text' });
  const sent = fresh.simulator.calls.filter(({ method }) => method === 'POST');

  expect(first.data.sendMessage).toMatchObject({ text: variables.text });
  expect(second.data).toEqual(first.data);
  expect(other.errors).toMatchObject([{ extensions: { code: 'CONFLICT' } }]);
  expect(sent.map(({ path }) => path)).toEqual(['/messages']);
});

test('the prepared operations Status and Assign change a chat of a new demo', async () => {
  await using fresh = await startDemo();
  const { query, variables } = preparedOperation('09-status.graphql');
  const assign = preparedOperation('10-assign.graphql');
  const state = async () =>
    (await fresh.query(`{ chat(id: ${variables.chatId}) { status assignee { id } } }`)).data.chat;

  const before = await state();
  await fresh.query(query, variables);
  await fresh.query(assign.query, assign.variables);

  expect(before).toEqual({ status: 'NEW', assignee: null });
  expect(await state()).toEqual({
    status: variables.status,
    assignee: { id: assign.variables.agentId },
  });
});

describe('explorer pages', () => {
  test('explorer pages may connect to this server only', async () => {
    const page = await ask('/explorer', html);

    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(policyOf(page)).toMatchObject({
      'default-src': "'none'",
      'script-src': "'self'",
      'connect-src': "'self'",
      'frame-ancestors': "'none'",
    });
    expect(Object.keys(policyOf(page))).not.toContain('frame-src');
  });

  test('the page at / may load Apollo Sandbox and nothing else', async () => {
    const page = await ask('/', html);

    expect(page.status).toBe(200);
    expect(policyOf(page)).toMatchObject({
      'default-src': "'none'",
      'script-src': "'self' https://embeddable-sandbox.cdn.apollographql.com",
      'frame-src': 'https://sandbox.embed.apollographql.com',
      'connect-src': "'self'",
    });
  });

  test('a browser that opens the endpoint is redirected to the explorer', async () => {
    const visit = await ask('/graphql', html);

    expect(visit.status).toBe(302);
    expect(visit.headers.get('location')).toBe('/');
  });

  test('an operation that a browser sends by GET is not redirected', async () => {
    const answer = await ask('/graphql?query={__typename}', {
      accept: 'application/json, text/html',
      'apollo-require-preflight': '1',
    });

    expect(await answer.json()).toMatchObject({ data: { __typename: 'Query' } });
  });

  test('explorer files are sent compressed, plain on request, and once to clients that cache them', async () => {
    const zipped = await ask('/explorer/graphiql.js', { 'accept-encoding': 'br, gzip' });
    const plain = await ask('/explorer/graphiql.js', { 'accept-encoding': 'gzip;q=0' });
    const again = await ask('/explorer/graphiql.js', {
      'if-none-match': zipped.headers.get('etag') ?? '',
    });

    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(await plain.text()).toBe(await zipped.text());
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
  });

  test('explorer files are decompressed once for any number of plain requests', async () => {
    await using fresh = await startTestGateway({ upstream: demo.simulator });
    let decompressions = 0;
    // Hooks see the whole process, in which other responses are compressed.
    const isOfExplorers = (stack = '') => stack.includes('src/http/routes/explorers.ts');
    const hook = createHook({
      init(_id, type) {
        if (type === 'ZLIB' && isOfExplorers(new Error().stack)) decompressions += 1;
      },
    });
    const askPlain = async () => {
      const response = await fetch(`${fresh.url}/explorer/graphiql.js`, {
        headers: { 'accept-encoding': 'identity' },
      });
      return response.text();
    };

    hook.enable();
    const first = await Promise.all([askPlain(), askPlain(), askPlain()]);
    const again = await askPlain();
    hook.disable();

    expect(new Set([...first, again]).size).toBe(1);
    expect(decompressions).toBe(1);
  });

  test('explorer routes serve only explorer files', async () => {
    const outside = await ask('/explorer/..%2fmain.js');
    const unknown = await ask('/explorer/.built');

    expect(outside.status).toBe(404);
    expect(unknown.status).toBe(404);
  });

  test('there are no explorer pages in production', async () => {
    await using production = await startTestGateway({
      upstream: demo.simulator,
      config: { isProduction: true },
    });

    const paths = ['/', '/explorer', '/explorer/graphiql.js', '/explorer/explorer.js'];
    const pages = await Promise.all(
      paths.map((path) => fetch(`${production.url}${path}`, { headers: html })),
    );

    expect(pages.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });
});

(hasBrowser ? describe : describe.skip)('in a browser (needs Chromium)', () => {
  let browser: Awaited<ReturnType<typeof startBrowser>>;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  const resultOf = (page: Page) => page.getByRole('region', { name: 'Result Window' });
  const editorOf = (page: Page) => page.locator('.graphiql-query-editor');
  const statusOf = (page: Page) => page.locator('#status');
  const namesOf = (page: Page) => page.getByRole('list', { name: 'Select active operation' });

  const execute = (page: Page) => page.getByRole('button', { name: /^Execute query/ }).click();

  /** Runs the prepared operation that the link names and waits until the explorer shows what is expected. */
  async function run(page: Page, name: string, expected: string): Promise<void> {
    await page.getByRole('link', { name, exact: true }).click();
    await namesOf(page).locator(`[aria-current=true]`, { hasText: name }).waitFor();
    await editorOf(page).getByText(name, { exact: true }).first().waitFor();
    await execute(page);
    await resultOf(page).getByText(expected).first().waitFor();
  }

  test('the offline explorer runs queries and mutations, shows errors, and contacts no other host', async () => {
    await using fresh = await startDemo();
    await using tab = await browser.openPage();
    const { page, hosts, complaints } = tab;

    await page.goto(`${fresh.url}/explorer`);
    await run(page, 'Inbox', '"lastMessageText"');
    await run(page, 'MarkRead', '"readByCustomer"');
    await run(page, 'Reply', '"Hello, how can I help?"');
    await run(page, 'Note', '"Asked for the invoice."');
    await run(page, 'Status', '"PENDING"');
    await run(page, 'Assign', '"Grace Vaughan"');
    await run(page, 'NotFound', '"NOT_FOUND"');
    await statusOf(page).getByText('1 error: NOT_FOUND').waitFor();
    await run(page, 'BadFilter', '"BAD_USER_INPUT"');

    expect([...hosts]).toEqual(['127.0.0.1']);
    expect(complaints).toEqual([]);
    const changes = fresh.simulator.calls.filter(
      ({ method, path }) => method !== 'GET' && path !== '/chats/search',
    );
    expect(changes.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /chats/readByAgent',
      'POST /messages',
      'POST /messages',
      'PUT /chats/status',
      'PUT /chats/assignee',
    ]);
  });

  test('a button of the offline explorer opens one tab with its name, and the same tab again', async () => {
    await using tab = await browser.openPage();
    const { page } = tab;
    const names = () => namesOf(page).getByRole('button', { name: /^\w+$/ }).allTextContents();

    await page.goto(`${demo.url}/explorer`);
    await run(page, 'Team', '"agents"');
    await run(page, 'Chat', '"messages"');
    await run(page, 'Team', '"agents"');
    await run(page, 'Chat', '"messages"');
    const opened = await names();
    await page.reload();
    await namesOf(page).locator('[aria-current=true]', { hasText: 'Chat' }).waitFor();
    const active = page.getByRole('navigation').locator('[aria-current]');

    expect(opened).toEqual(['Inbox', 'Team', 'Chat']);
    expect(await names()).toEqual(opened);
    expect(await active.allTextContents()).toEqual(['Chat']);
    expect(new URL(page.url()).search).toBe('?operation=Chat');
  });

  test('the offline explorer shows the last hundred events of a subscription, the newest first', async () => {
    await using fresh = await startDemo({ config: { rateLimit: 1_000 } });
    await using tab = await browser.openPage({
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const { page, hosts, complaints } = tab;
    const query = 'subscription Changes { chatUpdated { change } }';

    await page.goto(`${fresh.url}/explorer?${new URLSearchParams({ query }).toString()}`);
    await execute(page);
    await statusOf(page).getByText('Waiting for events').waitFor();
    await fresh.waitForSubscriptions(1);
    for (let count = 0; count < 104; count += 1) {
      await fresh.query('mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }');
    }
    await statusOf(page).getByText('104 events, the last 100 are shown').waitFor();
    await page.getByRole('button', { name: /^Stop query/ }).click();
    await fresh.waitForSubscriptions(0);
    await resultOf(page).getByText('"received"').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Control+C');
    const shown = JSON.parse(await page.evaluate('navigator.clipboard.readText()'));
    const eventIds: string[] = shown.events.map(({ extensions }: any) => extensions.eventId);

    expect(shown.received).toBe(104);
    expect(new Set(eventIds).size).toBe(100);
    expect(eventIds).toEqual(eventIds.toSorted().toReversed());
    expect([...hosts]).toEqual(['127.0.0.1']);
    expect(complaints).toEqual([]);
  });

  test('the offline explorer says that the gateway cannot be reached', async () => {
    const stopping = await startDemo();
    await using tab = await browser.openPage();
    const { page } = tab;

    await page.goto(`${stopping.url}/explorer`);
    await run(page, 'Inbox', '"lastMessageText"');
    await stopping[Symbol.asyncDispose]();
    await execute(page);

    await statusOf(page).getByText('The gateway cannot be reached.').waitFor();
    await resultOf(page).getByText('"Failed to fetch"').waitFor();
  });

  test('the offline explorer says why it cannot load the schema', async () => {
    await using closed = await startTestGateway({
      upstream: demo.simulator,
      config: { auth: jwtAuth() },
    });
    await using tab = await browser.openPage();
    const { page } = tab;

    await page.goto(`${closed.url}/explorer`);

    await statusOf(page).getByText('The schema cannot be loaded: UNAUTHENTICATED').waitFor();
  });

  test('the offline explorer can be used by touch on a phone with 390 px', async () => {
    await using fresh = await startDemo();
    await using tab = await browser.openPage({
      viewport: { width: 390, height: 780 },
      hasTouch: true,
      isMobile: true,
    });
    const { page, complaints } = tab;
    const tap = (role: 'button' | 'link', name: RegExp) => page.getByRole(role, { name }).tap();

    await page.goto(`${fresh.url}/explorer`);
    await tap('link', /^Reply$/);
    await namesOf(page).locator('[aria-current=true]', { hasText: 'Reply' }).waitFor();
    await tap('button', /^Execute query/);
    await resultOf(page).getByText('"Hello, how can I help?"').waitFor();
    const small: unknown = await page.evaluate(`[...document.querySelectorAll('a, button')]
      .map((element) => [element.textContent || element.ariaLabel, element.getBoundingClientRect()])
      .filter(([, { width, height }]) => width > 0 && (width < 44 || height < 43.9))
      .map(([name, { width, height }]) => name + ' ' + width + ' x ' + height)`);
    const panes = await Promise.all(
      ['Operation Editor', 'Variables', 'Result Window'].map((name) =>
        page.getByRole('region', { name }).boundingBox(),
      ),
    );
    const tops = panes.map((pane) => pane?.y ?? 0);
    await tap('button', /^Show Documentation Explorer/);
    const documentation = page.getByRole('region', { name: 'Documentation Explorer' });
    await documentation.getByText('Mutation', { exact: true }).tap();
    await documentation.getByRole('link', { name: 'sendMessage' }).waitFor();
    await tap('button', /^Hide Documentation Explorer/);
    await documentation.waitFor({ state: 'hidden' });

    expect(small).toEqual([]);
    expect(panes.every((pane) => (pane?.width ?? 0) > 300 && (pane?.height ?? 0) > 70)).toBe(true);
    expect(tops).toEqual(tops.toSorted((one, other) => one - other));
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(complaints).toEqual([]);
  });

  test.each(['light', 'dark'] as const)(
    'the offline explorer has no accessibility violation in %s colours',
    async (colorScheme) => {
      await using fresh = await startDemo();
      await using tab = await browser.openPage({ colorScheme });
      const { page, faults } = tab;

      await page.goto(`${fresh.url}/explorer?operation=Reply`);
      await run(page, 'Reply', '"Hello, how can I help?"');
      const faultsOfReply = await faults('minor');
      await run(page, 'NotFound', '"message"');
      const faultsOfError = await faults('minor');
      await page.setViewportSize({ width: 390, height: 780 });
      const faultsOnPhone = await faults('minor');

      expect({ faultsOfReply, faultsOfError, faultsOnPhone }).toEqual({
        faultsOfReply: [],
        faultsOfError: [],
        faultsOnPhone: [],
      });
    },
  );

  const sandboxScript = 'https://embeddable-sandbox.cdn.apollographql.com/**';

  test('the page at / explains what to do when Apollo cannot be reached', async () => {
    await using tab = await browser.openPage();
    const { page, faults } = tab;
    await page.route(sandboxScript, (route) => route.abort());

    await page.goto(demo.url);
    const notice = page.getByRole('status').getByText("Apollo's servers cannot be reached");
    await notice.waitFor();

    expect(await faults()).toEqual([]);
    await page.getByRole('link', { name: 'offline explorer', exact: true }).click();
    await page.getByRole('button', { name: /^Execute query/ }).waitFor();
  });

  test("the page at / lets Apollo's script open its frame with this endpoint", async () => {
    await using tab = await browser.openPage();
    const { page, complaints } = tab;
    // Stands in for Apollo's script, which this test must not depend on.
    await page.route(sandboxScript, (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        body: `window.EmbeddedSandbox = class {
          constructor({ target, initialEndpoint }) {
            const frame = document.createElement('iframe');
            frame.src = 'https://sandbox.embed.apollographql.com/sandbox';
            frame.title = initialEndpoint;
            document.querySelector(target).append(frame);
          }
        };`,
      }),
    );
    await page.route('https://sandbox.embed.apollographql.com/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<p>Sandbox' }),
    );

    await page.goto(demo.url);
    const frame = page.frameLocator(`iframe[title="${demo.url}/graphql"]`);
    await frame.getByText('Sandbox').waitFor();

    expect(complaints).toEqual([]);
  });
});
