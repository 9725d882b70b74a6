import { createHook } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { hasBrowser, startBrowser } from '../../support/browser.ts';
import { startDemo, startTestGateway } from '../../support/gateway.ts';

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

test('the prepared operation Mark read changes a chat of a new demo', async () => {
  await using fresh = await startDemo();
  const [, ...lines] = readFileSync('explorer/operations/3-mark-read.graphql', 'utf8').split('\n');
  const [, id] = /ID! = (\d+)/.exec(lines.join('\n')) ?? [];
  const read = async () => (await fresh.query(`{ chat(id: ${id}) { readByAgent } }`)).data.chat;

  const before = await read();
  const { data } = await fresh.query(lines.join('\n'));

  expect(before).toEqual({ readByAgent: false });
  expect(data.markChatRead).toMatchObject({ id, readByAgent: true });
  expect(await read()).toEqual({ readByAgent: true });
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

  /** Runs the ready operation that the link names until the explorer shows what is expected. */
  async function run(page: Page, name: string, expected: string): Promise<void> {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('button', { name: /^Execute query/ }).click();
    const result = page.getByRole('region', { name: 'Result Window' });
    await result.getByText(expected).first().waitFor();
  }

  test('the offline explorer runs a query and a mutation, shows errors, and contacts no other host', async () => {
    await using tab = await browser.openPage();
    const { page, hosts, complaints } = tab;

    await page.goto(`${demo.url}/explorer`);
    await run(page, 'Inbox', '"lastMessageText"');
    await run(page, 'Mark read', '"readByCustomer"');
    await run(page, 'Error: not found', '"NOT_FOUND"');
    await run(page, 'Error: bad filter', '"BAD_USER_INPUT"');

    expect([...hosts]).toEqual(['127.0.0.1']);
    expect(complaints).toEqual([]);
    const changes = demo.simulator.calls.filter(({ method }) => method === 'PUT');
    expect(changes.map(({ path }) => path)).toEqual(['/chats/readByAgent']);
  });

  test('the offline explorer shows the events of a subscription', async () => {
    await using tab = await browser.openPage();
    const { page, hosts, complaints } = tab;
    const opened = page.waitForResponse(`${demo.url}/graphql/stream`);

    await page.goto(`${demo.url}/explorer?operation=live`);
    await page.getByRole('button', { name: /^Execute query/ }).click();
    await opened;
    await demo.query('mutation { markChatRead(id: 5208, by: AGENT, read: false) { id } }');
    const result = page.getByRole('region', { name: 'Result Window' });
    await result.getByText('"READ"').waitFor();

    expect([...hosts]).toEqual(['127.0.0.1']);
    expect(complaints).toEqual([]);
  });

  test.each(['light', 'dark'] as const)(
    'the offline explorer has no serious accessibility violation in %s colours',
    async (colorScheme) => {
      await using tab = await browser.openPage({ colorScheme });
      const { page, faults } = tab;

      await page.goto(`${demo.url}/explorer?operation=chat`);
      await page.getByRole('button', { name: /^Execute query/ }).waitFor();

      // GraphiQL puts a button into each of its tabs.
      expect((await faults()).filter(({ where }) => where !== '.graphiql-tab')).toEqual([]);
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
