import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, jest, test } from '@jest/globals';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth, secret } from '../../support/issuer.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('the token example of the documentation authenticates a customer', async () => {
  const path = 'examples/auth/issueToken.mjs';
  await using upstream = await startTwoCustomers();
  await using gateway = await startTestGateway({
    upstream,
    config: { auth: jwtAuth({ issuer: 'https://login.example.com', audience: 'helpdesk' }) },
  });

  const { stdout } = await promisify(execFile)(process.execPath, [path, 'u-ada'], {
    cwd: root,
    env: { JWT_SECRET: secret },
  });
  const { data } = await gateway.query(
    '{ viewer { role customer { name } } }',
    {},
    {
      authorization: `Bearer ${stdout.trim()}`,
    },
  );

  expect(data.viewer).toEqual({ role: 'CUSTOMER', customer: { name: 'Ada' } });
  expect(readFileSync(`${root}docs/auth.md`, 'utf8')).toContain(readFileSync(root + path, 'utf8'));
});

test('a customer receives events of its own chats only', async () => {
  await using upstream = await startTwoCustomers();
  await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
  const tokens = {
    ada: await bearer({ role: 'customer', userId: 'u-ada' }),
    bob: await bearer({ role: 'customer', customerId: 7002 }),
    agent: await bearer({ role: 'agent' }),
  };
  const query = 'subscription { chatUpdated { change chat { id } } }';
  await using ada = await openSocket(gateway.url);
  await using bob = await openSocket(gateway.url);
  await using agent = await openSocket(gateway.url);
  for (const [socket, token] of [
    [ada, tokens.ada],
    [bob, tokens.bob],
    [agent, tokens.agent],
  ] as const) {
    await socket.initialize(token);
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    // The response of a later operation on this connection shows that the subscription was accepted.
    socket.send({ id: '2', type: 'subscribe', payload: { query: '{ viewer { role } }' } });
    while ((await socket.nextMessage()).type !== 'complete');
  }

  for (const id of [1, 2, 3]) {
    await gateway.query(
      `mutation { markChatRead(id: ${id}, by: AGENT, read: true) { id } }`,
      {},
      tokens.agent,
    );
  }
  const idsHeard = async ({ nextMessage }: typeof ada, count: number) => {
    const ids: unknown[] = [];
    while (ids.length < count) ids.push((await nextMessage()).payload.data.chatUpdated.chat.id);
    return ids;
  };

  expect(await idsHeard(agent, 3)).toEqual(['1', '2', '3']);
  expect(await idsHeard(ada, 2)).toEqual(['1', '3']);
  expect(await idsHeard(bob, 1)).toEqual(['2']);
});

test('a secret is imported once for any number of tokens, valid or not', async () => {
  await using upstream = await startTwoCustomers();
  await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
  const valid = await bearer({ role: 'agent' });
  const invalid = await bearer(
    { role: 'agent' },
    { key: new TextEncoder().encode('x'.repeat(32)) },
  );
  const query = '{ viewer { role } }';
  using imports = jest.spyOn(crypto.subtle, 'importKey');

  const statuses = [];
  for (const headers of [invalid, valid, invalid, valid, invalid]) {
    statuses.push((await gateway.query(query, {}, headers)).status);
  }

  expect(statuses).toEqual([401, 200, 401, 200, 401]);
  expect(imports).toHaveBeenCalledTimes(1);
});
