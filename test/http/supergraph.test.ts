import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { loadConfig } from '../../src/config/loadConfig.ts';
import { readConfig } from '../../src/config/settings.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';

const secret = 'the-secret-of-the-router-and-ours';

let helpdesk: RecordingUpstream;

beforeAll(async () => {
  helpdesk = await startRecordingUpstream();
  helpdesk.respond('GET /chats/5208', { body: wireChat() });
  helpdesk.respond('GET /chats/5209', {
    status: 404,
    body: { errors: [{ code: 'not_fount', message: 'Chat for ID "5209" was not found' }] },
  });
});

afterAll(async () => {
  await helpdesk[Symbol.asyncDispose]();
});

const subgraph = { subgraph: true };
const sdl = '{ _service { sdl } }';

describe('the schema for a router', () => {
  test('is schema.graphql to the letter where no supergraph is meant', async () => {
    await using gateway = await startTestGateway({ upstream: helpdesk });

    const { data } = await gateway.query(sdl);

    expect(data._service.sdl).toContain('  node("A value of some `nodeId`." nodeId: ID!): Node\n');
  });

  test('hides or leaves out the generic fields in a supergraph, and answers them all the same', async () => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, excludedRootFields: ['viewer'] },
    });

    const { data, errors } = await gateway.query(`{ _service { sdl } viewer { role } }`);

    expect(errors).toEqual([]);
    expect(data.viewer).toEqual({ role: 'ALL' });
    expect(data._service.sdl).toMatch(/rateLimit: HelpdeskRateLimit! .*@inaccessible/);
    expect(data._service.sdl).not.toContain('HelpdeskViewer');
  });

  test('is for nobody in production but in a supergraph', async () => {
    await using alone = await startTestGateway({
      upstream: helpdesk,
      config: { isProduction: true },
    });
    await using joined = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, isProduction: true },
    });

    const refused = await alone.query(sdl);
    const told = await joined.query(sdl);

    expect(refused.errors[0]?.extensions['code']).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(told.data._service.sdl).toContain('type Chat');
  });

  test('an unknown root field cannot be excluded', () => {
    const names = 'node, Query.nod,Mutation.markChatRead,Chat.id';

    expect(() => loadConfig({ SUBGRAPH: 'true', SUBGRAPH_EXCLUDE_FIELDS: names })).toThrow(
      [
        'SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field Query.nod',
        '  SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field Chat.id',
      ].join('\n'),
    );
  });

  test('a mutation can be excluded, and a root type without fields is omitted', async () => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, excludedRootFields: ['Mutation.markChatRead', 'viewer'] },
    });

    const { data } = await gateway.query(sdl);

    expect(data._service.sdl).not.toMatch(/markChatRead\(|type Mutation|type Viewer/);
    expect(data._service.sdl).toContain('type Query');
  });
});

describe('a secret that the router shares', () => {
  const document = '{ chat(id: 5208) { id } }';

  test('lets it ask', async () => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret },
    });

    const { status, data } = await gateway.query(document, {}, { 'x-router-secret': secret });

    expect(status).toBe(200);
    expect(data.chat.id).toBe('5208');
  });

  test.each([
    ['none', {}],
    ['another', { 'x-router-secret': secret.replace('the', 'eht') }],
    ['a part of it', { 'x-router-secret': secret.slice(0, -1) }],
    ['it twice', { 'x-router-secret': `${secret}, ${secret}` }],
    ['it as a token', { authorization: `Bearer ${secret}` }],
  ])('lets nobody ask who gives %s, and costs no call', async (_what, headers) => {
    helpdesk.clearCalls();
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret },
    });

    const { status, errors, data } = await gateway.query(document, {}, headers);

    expect(status).toBe(401);
    expect(data).toBeUndefined();
    expect(errors[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED', retryable: false });
    expect(helpdesk.calls).toEqual([]);
  });

  test.each(['GET', 'POST', 'PUT', 'DELETE'])('guards %s /graphql', async (method) => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret },
    });

    const { status } = await fetch(`${gateway.url}/graphql?query={viewer{role}}`, {
      method,
      headers: { 'apollo-require-preflight': '1' },
    });

    expect(status).toBe(401);
  });

  test.each([
    ['without it', {}, 401],
    ['with it', { 'x-router-secret': secret }, 101],
  ])('guards WebSockets: %s', async (_what, headers, expected) => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret },
    });

    const socket = new WebSocket(
      `${gateway.url.replace('http', 'ws')}/graphql`,
      ['graphql-transport-ws'],
      { headers },
    );
    const status = await new Promise((resolve, reject) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
      socket.once('error', reject);
    });
    socket.terminate();

    expect(status).toBe(expected);
  });

  test('guards event streams', async () => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret },
    });

    const { status } = await fetch(`${gateway.url}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { messageReceived { id } }' }),
    });

    expect(status).toBe(401);
  });

  test('is not asked of those who watch the process', async () => {
    await using gateway = await startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret },
    });

    const statuses = await Promise.all(
      ['healthz', 'readyz', 'metrics'].map(
        async (path) => (await fetch(`${gateway.url}/${path}`)).status,
      ),
    );

    expect(statuses).toEqual([200, 200, 200]);
  });

  test('is as good as ALLOW_UNAUTHENTICATED, and means nothing outside a supergraph', () => {
    const settings = { HELPCRUNCH_API_KEY: 'key', HOST: '0.0.0.0', ROUTER_SECRET: secret };

    expect(readConfig({ ...settings, SUBGRAPH: 'true' }).routerSecret).toBe(secret);
    expect(() => readConfig(settings)).toThrow('ROUTER_SECRET: needs SUBGRAPH=true');
    expect(() => readConfig({ SUBGRAPH: 'true', ROUTER_SECRET: 'short' })).toThrow(
      'ROUTER_SECRET: must be at least 32 printable ASCII characters',
    );
  });
});

describe('a router that is known', () => {
  const references = `{ _entities(representations: [
    { __typename: "Customer", id: "7001" }
    { __typename: "Customer", id: "7002", name: "Mallory", userId: "u-7001" }
    { __typename: "Customer", userId: "u-7001", id: "7002" }
    { __typename: "Chat", id: "5208", status: "OPENED" }
    { __typename: "Chat", id: "5300", status: "OPENED" }
    { __typename: "Department", id: "3" }
  ]) { ... on Customer { id } ... on Chat { id status } ... on Department { id } } }`;

  const start = () => {
    helpdesk.respond('GET /chats/5300', { body: wireChat({ id: 5300, customer: { id: 7002 } }) });
    helpdesk.respond('GET /customers/7001', { body: { id: 7001, userId: 'u-7001' } });
    return startTestGateway({
      upstream: helpdesk,
      config: { ...subgraph, routerSecret: secret, auth: jwtAuth() },
    });
  };

  test('must still say for whom it asks', async () => {
    await using gateway = await start();

    const { status, errors } = await gateway.query(references, {}, { 'x-router-secret': secret });

    expect(status).toBe(401);
    expect(errors[0]?.extensions['code']).toBe('UNAUTHENTICATED');
  });

  test('gets nothing of others for a customer, whatever it sends along', async () => {
    await using gateway = await start();
    const headers = await bearer({ role: 'customer', customerId: '7001' });

    const { data } = await gateway.query(references, {}, { ...headers, 'x-router-secret': secret });

    const [self, other, mixed, ownChat, otherChat, department] = data._entities;
    expect([self, ownChat]).toEqual([{ id: '7001' }, { id: '5208', status: 'OPENED' }]);
    expect([other, otherChat, department]).toEqual([null, null, null]);
    expect(mixed?.id).not.toBe('7002');
  });

  test('gets everything for an agent', async () => {
    await using gateway = await start();
    const headers = await bearer({ role: 'agent' });

    const { data, errors } = await gateway.query(
      references,
      {},
      { ...headers, 'x-router-secret': secret },
    );

    expect(errors).toEqual([]);
    expect(data._entities).not.toContain(null);
  });
});

describe('a trace', () => {
  const headers = { 'apollo-federation-include-trace': 'ftv1' };
  const document = '{ chat(id: 5209) { status } ok: chat(id: 5208) { status } }';

  test('is given in a supergraph to who asks for it', async () => {
    await using gateway = await startTestGateway({ upstream: helpdesk, config: subgraph });

    const traced = await gateway.query(document, {}, headers);
    const plain = await gateway.query(document);

    expect(Object.keys(traced.extensions).toSorted()).toEqual(['ftv1', 'upstream']);
    expect(plain.extensions).not.toHaveProperty('ftv1');
    expect(traced.data).toEqual(plain.data);
  });

  test('tells that a field failed and not why', async () => {
    await using gateway = await startTestGateway({ upstream: helpdesk, config: subgraph });

    const { extensions, errors } = await gateway.query(document, {}, headers);
    const trace = Buffer.from((extensions as any).ftv1, 'base64').toString('latin1');

    expect(errors[0]?.extensions['code']).toBe('NOT_FOUND');
    expect(trace).toContain('status');
    expect(trace).toContain('<masked>');
    expect(trace).not.toMatch(/5209|not found|helpdesk has/i);
  });

  test('is given to nobody outside one', async () => {
    await using gateway = await startTestGateway({ upstream: helpdesk });

    const { extensions } = await gateway.query(document, {}, headers);

    expect(extensions).not.toHaveProperty('ftv1');
  });
});
