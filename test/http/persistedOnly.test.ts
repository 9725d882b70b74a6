import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { openEventStream } from '../support/eventStream.ts';
import { startDemo } from '../support/gateway.ts';
import { bearer, jwtAuth, token } from '../support/issuer.ts';
import { openSocket } from '../support/socket.ts';

const listed = 'query Listed { viewer { role } }';
const other = '{ viewer { role } __typename }';
const listedUpdates = 'subscription Listed { chatUpdated(id: 5208) { change } }';
const otherUpdates = 'subscription Other { chatUpdated(id: 5208) { change } }';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hashOf = (text: string) => ({
  persistedQuery: { version: 1, sha256Hash: sha256(text) },
});

const customer = { role: 'customer', customerId: '1001' };
const agent = { role: 'agent' };

const rejected = { status: 400, code: 'PERSISTED_QUERY_NOT_FOUND' };
const executed = { status: 200, code: undefined };

const configOf = (operationCache: Config['operationCache']): Partial<Config> => ({
  auth: jwtAuth(),
  persistedOnly: 'customers',
  operationCache,
  persistedOperations: new Map([
    ['listed', listed],
    ['updates', listedUpdates],
  ]),
});

describe.each(['on', 'off'] as const)(
  'PERSISTED_ONLY=customers with OPERATION_CACHE=%s',
  (operationCache) => {
    let gateway: Awaited<ReturnType<typeof startDemo>>;
    beforeAll(async () => {
      gateway = await startDemo({ config: configOf(operationCache) });
    });
    afterAll(() => gateway[Symbol.asyncDispose]());

    async function outcomeOf(response: Response) {
      const { errors }: any = await response.json();
      return { status: response.status, code: errors?.[0].extensions.code };
    }

    async function post(claims: object, body: object) {
      const headers = { 'content-type': 'application/json', ...(await bearer({ ...claims })) };
      const options = { method: 'POST', headers, body: JSON.stringify(body) };
      return outcomeOf(await fetch(`${gateway.url}/graphql`, options));
    }

    async function get(claims: object, parameters: Record<string, string>) {
      const headers = { 'apollo-require-preflight': '1', ...(await bearer({ ...claims })) };
      const search = new URLSearchParams(parameters).toString();
      return outcomeOf(await fetch(`${gateway.url}/graphql?${search}`, { headers }));
    }

    test('agents execute and register any operation', async () => {
      expect(await post(agent, { query: other })).toEqual(executed);
      expect(await post(agent, { query: other, extensions: hashOf(other) })).toEqual(executed);
      expect(await post(agent, { extensions: hashOf(other) })).toEqual(executed);
      expect(await get(agent, { query: other })).toEqual(executed);
    });

    test('customers execute persisted operations only, even if an agent executed or registered another', async () => {
      for (const query of [other, other, '{ __typename }', 'broken {']) {
        expect(await post(customer, { query })).toEqual(rejected);
        expect(await get(customer, { query })).toEqual(rejected);
      }
      const extensions = hashOf(other);
      await post(agent, { query: other, extensions });
      expect(await post(customer, { extensions })).toEqual(rejected);
      expect(await post(customer, { query: other, extensions })).toEqual(rejected);
      expect(await get(customer, { extensions: JSON.stringify(extensions) })).toEqual(rejected);
      expect(await post(customer, { documentId: 'unknown' })).toEqual(rejected);

      for (const body of [{ query: listed }, { documentId: 'listed' }, { query: listed }]) {
        expect(await post(customer, body)).toEqual(executed);
      }
      expect(await get(customer, { documentId: 'listed' })).toEqual(executed);
    });

    test('customers execute persisted operations only over WebSocket', async () => {
      await using line = await openSocket(gateway.url);
      await line.initialize({ authorization: `Bearer ${await token(customer)}` });
      const send = (id: string, query: string) =>
        line.send({ id, type: 'subscribe', payload: { query } });

      for (const [id, query] of [
        ['a', otherUpdates],
        ['b', other],
      ] as const) {
        send(id, query);
        expect(await line.nextMessage()).toMatchObject({
          id,
          type: 'error',
          payload: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
        });
      }

      send('c', listed);
      expect(await line.nextMessage()).toMatchObject({ id: 'c', type: 'next' });
    });

    test('agents execute any operation over WebSocket', async () => {
      await using line = await openSocket(gateway.url);
      await line.initialize({ authorization: `Bearer ${await token(agent)}` });
      line.send({ id: 'a', type: 'subscribe', payload: { query: other } });

      expect(await line.nextMessage()).toMatchObject({ id: 'a', type: 'next' });
    });

    test.each(['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0'])(
      'customers subscribe to persisted operations only with %s',
      async (accept) => {
        const headers = await bearer(customer);
        const options = (query: string) => ({
          method: 'POST',
          headers: { accept, 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ query }),
        });
        const response = await fetch(`${gateway.url}/graphql`, options(otherUpdates));
        expect({ status: response.status, text: await response.text() }).toEqual({
          status: 400,
          text: expect.stringContaining('PERSISTED_QUERY_NOT_FOUND'),
        });

        await using _stream = await openEventStream(gateway.url, listed, { accept, headers });
        expect(await _stream.next()).toMatchObject({ data: { viewer: { role: 'CUSTOMER' } } });
      },
    );
  },
);
