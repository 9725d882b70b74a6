import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { hydrate, loadPage } from '../../examples/clients/urqlServer.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';

const query = '{ chat(id: 1) { id lastMessageText } }';

let upstream: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startControlledUpstream();
  gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

test('a page that urql has rendered on the server needs no request, and a message cannot end its script', async () => {
  const text = '</script><script>alert(1)</script>';
  upstream.seed({ chats: [{ id: 1, lastMessageText: text }] });
  const { authorization } = await bearer({ role: 'agent' });
  const url = `${gateway.url}/graphql`;

  const state = await loadPage(url, authorization, query);
  const requests = jest.spyOn(globalThis, 'fetch');
  const { data } = await hydrate(url, state).query(query, {}).toPromise();

  expect(state).not.toContain('<');
  expect(data.chat.lastMessageText).toBe(text);
  expect(requests).not.toHaveBeenCalled();
});

test('a page that urql renders with other credentials contains nothing of an earlier one', async () => {
  upstream.seed({ chats: [{ id: 1, lastMessageText: 'private' }] });
  const { authorization } = await bearer({ role: 'agent' });

  const first = await loadPage(`${gateway.url}/graphql`, authorization, query);
  const second = await loadPage(`${gateway.url}/graphql`, 'Bearer invalid', query);

  expect(first).toContain('private');
  expect(second).not.toContain('private');
  expect(second).toContain('UNAUTHENTICATED');
});
