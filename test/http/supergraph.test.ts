import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Kind, parse } from 'graphql';
import { loadConfig } from '../../src/config/loadConfig.ts';
import type { Config } from '../../src/config/settings.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';

const secret = 'the-secret-of-the-router-and-ours';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('GET /chats/5209', {
    status: 404,
    body: { errors: [{ code: 'not_fount', message: 'Chat for ID "5209" was not found' }] },
  });
});

afterAll(async () => {
  await helpCrunch[Symbol.asyncDispose]();
});

const subgraph = { subgraph: true };
const sdl = '{ _service { sdl } }';

describe('subgraph schema', () => {
  test('generic fields are hidden or excluded in a supergraph and can still be queried', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { ...subgraph, excludedRootFields: ['viewer'] },
    });

    const { data, errors } = await gateway.query(`{ _service { sdl } viewer { role } }`);

    expect(errors).toEqual([]);
    expect(data.viewer).toEqual({ role: 'ALL' });
    expect(data._service.sdl).toMatch(/rateLimit: HelpdeskRateLimit .*@inaccessible/);
    expect(data._service.sdl).not.toContain('HelpdeskViewer');
  });

  test('the SDL is served in production in a supergraph only', async () => {
    await using alone = await startTestGateway({
      upstream: helpCrunch,
      config: { subgraph: false, isProduction: true },
    });
    await using joined = await startTestGateway({
      upstream: helpCrunch,
      config: { ...subgraph, isProduction: true },
    });

    const refused = await alone.query(sdl);
    const served = await joined.query(sdl);

    expect(refused.errors[0]?.extensions['code']).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(served.data._service.sdl).toContain('type Chat');
  });

  test('an unknown root field cannot be excluded', () => {
    const names = 'node, Query.nod,Mutation.markChatRead,Chat.id';

    expect(() => loadConfig({ SUBGRAPH: 'true', SUBGRAPH_EXCLUDE_FIELDS: names })).toThrow(
      [
        'SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field Query.nod. Did you mean Query.node?',
        '  SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field Chat.id',
      ].join('\n'),
    );
  });

  test('mutations can be excluded, and a root type without fields is omitted', async () => {
    const schema = parse(readFileSync('schema.graphql', 'utf8'));
    const mutations = schema.definitions.flatMap((type) =>
      type.kind === Kind.OBJECT_TYPE_DEFINITION && type.name.value === 'Mutation'
        ? (type.fields ?? []).map(({ name }) => `Mutation.${name.value}`)
        : [],
    );
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { ...subgraph, excludedRootFields: [...mutations, 'viewer'] },
    });

    const { data } = await gateway.query(sdl);

    expect(data._service.sdl).not.toMatch(/markChatRead\(|type Mutation|type Viewer/);
    expect(data._service.sdl).toContain('type Query');
  });
});

describe('authenticated router', () => {
  const references = `{ _entities(representations: [
    { __typename: "Customer", id: "7001" }
    { __typename: "Customer", id: "7002", name: "Mallory", userId: "u-7001" }
    { __typename: "Customer", userId: "u-7001", id: "7002" }
    { __typename: "Chat", id: "5208", status: "OPENED" }
    { __typename: "Chat", id: "5300", status: "OPENED" }
    { __typename: "Department", id: "3" }
  ]) { ... on Customer { id } ... on Chat { id status } ... on Department { id } } }`;

  const start = () => {
    helpCrunch.respond('GET /chats/5300', { body: wireChat({ id: 5300, customer: { id: 7002 } }) });
    helpCrunch.respond('GET /customers/7001', { body: { id: 7001, userId: 'u-7001' } });
    return startTestGateway({
      upstream: helpCrunch,
      config: { ...subgraph, routerSecret: secret, auth: jwtAuth() },
    });
  };

  test('an authenticated router must still send the credentials of the viewer', async () => {
    await using gateway = await start();

    const { status, errors } = await gateway.query(references, {}, { 'x-router-secret': secret });

    expect(status).toBe(200);
    expect(errors[0]?.extensions['code']).toBe('UNAUTHENTICATED');
  });

  test('an authenticated router gets nothing of other customers for a customer, whatever representation it sends', async () => {
    await using gateway = await start();
    const headers = await bearer({ role: 'customer', customerId: '7001' });

    const { data } = await gateway.query(references, {}, { ...headers, 'x-router-secret': secret });

    const [self, other, mixed, ownChat, otherChat, department] = data._entities;
    expect([self, ownChat]).toEqual([{ id: '7001' }, { id: '5208', status: 'OPENED' }]);
    expect([other, otherChat, department]).toEqual([null, null, null]);
    expect(mixed?.id).not.toBe('7002');
  });

  test('an authenticated router gets every entity for an agent', async () => {
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

describe('caching in the router', () => {
  const document = '{ chat(id: 5208) { id } }';
  const router = { 'x-router-secret': secret };
  const cacheTtlsMs = { chats: 5_000, customers: 5_000, account: 5_000, absent: 5_000 };

  async function start(config: Partial<Config> = {}) {
    const clock = createManualClock();
    const gateway = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: {
        ...subgraph,
        ...{ cacheTtlsMs, routerSecret: secret, routerMayCache: true },
        ...config,
      },
    });
    const cacheControl = async (query = document) => {
      const response = await gateway.query(query, {}, router);
      return response.headers.get('cache-control');
    };
    return { clock, cacheControl, [Symbol.asyncDispose]: () => gateway.stop() };
  }

  test('a cached response may be cached for the rest of its TTL, and no longer', async () => {
    await using gateway = await start();
    const { clock, cacheControl } = gateway;
    const cold = await cacheControl();
    await cacheControl();
    await cacheControl();
    const warm = await cacheControl();
    clock.advance(2_000);
    const later = await cacheControl();
    clock.advance(2_500);
    const last = await cacheControl();

    expect([cold, warm, later, last]).toEqual([
      'no-store',
      'private, max-age=5',
      'private, max-age=3',
      'no-store',
    ]);
  });

  test.each([
    ['without ROUTER_MAY_CACHE', { routerMayCache: false }, document],
    ['with an error', {}, '{ chat(id: 5209) { id } }'],
    ['of a mutation', {}, 'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }'],
    ['with the remaining quota', {}, '{ rateLimit { remaining } }'],
  ])('a response %s may not be cached', async (_what, config, query) => {
    helpCrunch.respond('PUT /chats/readByAgent', { status: 200, body: {} });
    await using gateway = await start(config);
    const values: (string | null)[] = [];
    for (let run = 0; run < 4; run += 1) values.push(await gateway.cacheControl(query));

    expect(values).toEqual(Array(4).fill('no-store'));
  });

  test('a client without the secret may not cache', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { ...subgraph, cacheTtlsMs, routerMayCache: true },
    });
    for (let run = 0; run < 3; run += 1) await gateway.query(document, {}, router);

    const { headers, extensions } = await gateway.query(document, {}, router);

    expect(extensions).toMatchObject({ upstream: { calls: 0 } });
    expect(headers.get('cache-control')).toBe('no-store');
  });
});

describe('federated tracing', () => {
  const headers = { 'apollo-federation-include-trace': 'ftv1' };
  const document = '{ chat(id: 5209) { status } ok: chat(id: 5208) { status } }';

  test('a trace is returned in a supergraph on request', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: subgraph });

    const traced = await gateway.query(document, {}, headers);
    const plain = await gateway.query(document);

    expect(Object.keys(traced.extensions).toSorted()).toEqual(['ftv1', 'upstream']);
    expect(plain.extensions).not.toHaveProperty('ftv1');
    expect(traced.data).toEqual(plain.data);
  });

  test('a trace reports that a field failed, without the reason', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: subgraph });

    const { extensions, errors } = await gateway.query(document, {}, headers);
    const trace = Buffer.from((extensions as any).ftv1, 'base64').toString('latin1');

    expect(errors[0]?.extensions['code']).toBe('NOT_FOUND');
    expect(trace).toContain('status');
    expect(trace).toContain('<masked>');
    expect(trace).not.toMatch(/5209|not found|helpdesk has/i);
  });

  test('no trace is returned without a supergraph', async () => {
    const config = { subgraph: false };
    await using gateway = await startTestGateway({ upstream: helpCrunch, config });

    const { extensions } = await gateway.query(document, {}, headers);

    expect(extensions).not.toHaveProperty('ftv1');
  });
});
