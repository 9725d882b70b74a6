import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { prerenderStatic } from '@apollo/client/react/ssr';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { createApolloClient } from '../../examples/clients/apollo.ts';
import { Inbox } from '../../examples/clients/Inbox.tsx';
import { hasBrowser, startBrowser } from '../support/browser.ts';
import { startDemo } from '../support/gateway.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('React renders the open chats on the server', async () => {
  await using demo = await startDemo({ customers: 120, chats: 400 });
  const client = createApolloClient(`${demo.url}/graphql`);

  const { result } = await prerenderStatic({
    tree: createElement(Inbox),
    context: { client },
    renderFunction: renderToString,
  });
  client.stop();

  expect(result.match(/<li>/g)).toHaveLength(10);
  expect(result).toContain('More');
});

const program = `
import { ApolloProvider } from '@apollo/client/react';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { createApolloClient } from '${root}examples/clients/apollo.ts';
import { Inbox } from '${root}examples/clients/Inbox.tsx';

const client = createApolloClient(new URLSearchParams(location.search).get('url'));
const page = createElement(ApolloProvider, { client }, createElement(Inbox));
createRoot(document.body).render(page);
`;

/** Serves `Inbox.tsx` in a page that contains nothing else. */
async function servePage() {
  const folder = mkdtempSync(join(tmpdir(), 'react-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'main.ts'), program);
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>Inbox</title><link rel="icon" href="data:," /><script type="module" src="/main.ts"></script>',
  );
  const command = join(root, 'node_modules/vite/bin/vite.js');
  await promisify(execFile)(process.execPath, [command, 'build', '--logLevel', 'error'], {
    cwd: folder,
  });
  const server = createServer(({ url = '' }, response) => {
    const path = url.startsWith('/assets/') ? url : '/index.html';
    response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.end(readFileSync(join(folder, 'dist', path)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

(hasBrowser ? describe : describe.skip)('Inbox.tsx in a browser (needs Chromium)', () => {
  let browser: Awaited<ReturnType<typeof startBrowser>>;
  let served: Awaited<ReturnType<typeof servePage>>;

  beforeAll(async () => {
    [browser, served] = await Promise.all([startBrowser(), servePage()]);
  });

  afterAll(async () => {
    await browser.close();
    served.close();
  });

  test('it marks a chat as read at once, undoes a mark that fails, loads more chats and shows events', async () => {
    const config = { corsOrigins: [served.url] };
    await using demo = await startDemo({ customers: 120, chats: 400, config });
    const mark = (id: string, read: boolean) =>
      demo.query(`mutation { markChatRead(id: ${id}, by: AGENT, read: ${read}) { id } }`);
    const { data } = await demo.query(
      '{ chats(first: 2, filter: { status: OPENED }) { nodes { id } } }',
    );
    const [first, second] = data.chats.nodes.map(({ id }: any) => id);
    await mark(first, false);
    await mark(second, true);
    const { page, complaints } = await browser.openPage();
    const unread = (index: number) =>
      page.getByRole('listitem').nth(index).getByRole('button', { name: 'Mark as read' });
    const rejected = { kind: 'status', status: 403, body: {} } as const;

    await page.goto(`${served.url}?url=${demo.url}/graphql`);
    await unread(0).waitFor();
    await demo.waitForSubscriptions(1);
    await mark(second, false);
    await unread(1).waitFor();
    demo.simulator.behave({ faults: [{ match: 'PUT', fault: rejected }] });
    await unread(0).click();
    await page.getByRole('alert').waitFor();
    await unread(0).waitFor();
    demo.simulator.behave({ faults: [{ match: 'PUT', fault: 'hang' }] });
    await unread(1).click();
    await unread(1).waitFor({ state: 'detached' });
    demo.simulator.behave({ faults: [] });
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('listitem').nth(19).waitFor();

    expect(await page.getByRole('listitem').count()).toBe(20);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
