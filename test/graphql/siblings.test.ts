import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { isNonNullType, isObjectType } from 'graphql';
import { readConfig } from '../../src/config/settings.ts';
import { createSchema } from '../../src/graphql/schema/build.ts';
import { toNodeId } from '../../src/lib/ids.ts';
import { resourceResolvers } from '../../src/resources/resolvers.ts';
import { createDeferred } from '../support/deferred.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { openSocket } from '../support/socket.ts';

type Result = Pick<GraphQLResponse, 'data' | 'errors'>;

const operationTimeoutMs = 2_000;
const clock = createManualClock();
const config = {
  rateLimit: 0,
  operationTimeoutMs,
  upstreamTimeoutMs: 5_000,
  cacheTtlsMs: readConfig({}).cacheTtlsMs,
};

let helpCrunch: RecordingUpstream;
let planned: Awaited<ReturnType<typeof startTestGateway>>;
let unplanned: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  planned = await startTestGateway({ upstream: helpCrunch, clock, config });
  unplanned = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { ...config, operationCache: 'off' },
  });
});

afterAll(async () => {
  await planned.stop();
  await unplanned.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

beforeEach(() => {
  // Cached values, open circuit breakers and pauses are over.
  clock.advance(700_000);
  helpCrunch.respond('GET /chats/2', { body: wireChat({ id: 2 }) });
  helpCrunch.respond('PUT /chats/readByAgent', ({ body: { id } }) => ({ body: wireChat({ id }) }));
});

async function queryOverWebSocket(query: string): Promise<Result> {
  await using socket = await openSocket(planned.url);
  await socket.initialize();
  socket.send({ id: '1', type: 'subscribe', payload: { query } });
  const { payload } = await socket.nextMessage();
  return { errors: [], ...payload };
}

const transports: readonly (readonly [name: string, ask: (query: string) => Promise<Result>])[] = [
  ['HTTP', (query) => planned.query(query)],
  ['HTTP with OPERATION_CACHE=off', (query) => unplanned.query(query)],
  ['WebSocket', queryOverWebSocket],
];

const outcomeOf = ({ data, errors }: Result) => ({
  data,
  errors: errors.map(({ path = [], extensions }) => [path.join('.'), extensions['code']]),
});

/** Each root field that makes a call, with its endpoint, and with input that is rejected before the call. */
const fields = [
  { field: 'chat(id: 1) { id }', route: 'GET /chats/1', invalid: 'chat(id: "x") { id }' },
  {
    field: 'chats { nodes { id } }',
    route: 'GET /chats',
    invalid: 'chats(first: 0) { totalCount }',
  },
  {
    field: 'chats { totalCount }',
    route: 'GET /chats',
    invalid: 'chats(filter: {}, last: 0) { totalCount }',
  },
  {
    field: 'customer(id: 7) { id }',
    route: 'GET /customers/7',
    invalid: 'customer(id: "x") { id }',
  },
  {
    field: 'customerByUserId(userId: "u") { id }',
    route: 'POST /customers/search',
    invalid: 'customerByUserId(userId: "") { id }',
  },
  {
    field: 'customers { totalCount }',
    route: 'GET /customers',
    invalid: 'customers(first: 101) { totalCount }',
  },
  { field: 'agent(id: 12) { id }', route: 'GET /agents', invalid: 'agent(id: "x") { id }' },
  { field: 'agents { id }', route: 'GET /agents', invalid: undefined },
  {
    field: 'department(id: 3) { id }',
    route: 'GET /departments',
    invalid: 'department(id: "x") { id }',
  },
  { field: 'departments { id }', route: 'GET /departments', invalid: undefined },
  { field: 'applications { id }', route: 'GET /applications', invalid: undefined },
  { field: 'organization { id }', route: 'GET /organization', invalid: undefined },
  {
    field: `node(nodeId: "${toNodeId('Customer', '7')}") { nodeId }`,
    route: 'GET /customers/7',
    invalid: 'node(nodeId: "x") { nodeId }',
  },
] as const;

const failures = [
  { failure: 'a 5xx', response: { status: 500 }, code: 'UPSTREAM_UNAVAILABLE' },
  { failure: 'a 403', response: { status: 403 }, code: 'UPSTREAM_FORBIDDEN' },
  {
    failure: 'a 429',
    response: { status: 429, headers: { 'retry-after': '60' } },
    code: 'RATE_LIMITED',
  },
] as const;

const good = 'good: chat(id: 2) { id }';

/** The result of an operation during which a call to the route gets no response until the deadline. */
async function askUntilDeadline(
  ask: (query: string) => Promise<Result>,
  {
    query,
    route,
    afterMs = operationTimeoutMs,
  }: { query: string; route: string; afterMs?: number },
) {
  const arrived = createDeferred();
  helpCrunch.respond(route, ({ body }) => {
    if (body?.id !== undefined && body.id !== 1) return { body: wireChat({ id: body.id }) };
    arrived.resolve();
    return undefined;
  });
  const answering = ask(query);
  await arrived.promise;
  clock.advance(afterMs);
  return answering;
}

describe.each(transports)('over %s', (_name, ask) => {
  describe.each(fields)('$field', ({ field, route, invalid }) => {
    beforeEach(() => ask(`{ ${good} }`));

    test.each(failures)(
      'a root field that fails because of $failure does not affect its sibling',
      async ({ response, code }) => {
        helpCrunch.respond(route, response);

        expect(outcomeOf(await ask(`{ bad: ${field} ${good} }`))).toEqual({
          data: { bad: null, good: { id: '2' } },
          errors: [['bad', code]],
        });
      },
    );

    test('a root field that fails at the deadline does not affect its sibling', async () => {
      const query = `{ bad: ${field} ${good} }`;

      expect(outcomeOf(await askUntilDeadline(ask, { query, route }))).toEqual({
        data: { bad: null, good: { id: '2' } },
        errors: [['bad', 'UPSTREAM_TIMEOUT']],
      });
    });

    if (invalid === undefined) return;
    test('a root field with invalid input does not affect its sibling', async () => {
      expect(outcomeOf(await ask(`{ bad: ${invalid} ${good} }`))).toEqual({
        data: { bad: null, good: { id: '2' } },
        errors: [['bad', 'BAD_USER_INPUT']],
      });
    });
  });

  const mark = (alias: string, id: number | string) =>
    `${alias}: markChatRead(id: "${id}", by: AGENT, read: true) { id }`;
  const marks = `mutation { ${mark('a', 2)} ${mark('b', 1)} ${mark('c', 3)} }`;
  const written = () => helpCrunch.callsTo('PUT /chats/readByAgent').map(({ body }) => body.id);

  test.each(failures.slice(0, 2))(
    'the mutations after one that fails because of $failure are executed',
    async ({ response, code }) => {
      helpCrunch.clearCalls();
      helpCrunch.respond('PUT /chats/readByAgent', ({ body: { id } }) =>
        id === 1 ? response : { body: wireChat({ id }) },
      );

      expect(outcomeOf(await ask(marks))).toEqual({
        data: { a: { id: '2' }, b: null, c: { id: '3' } },
        errors: [['b', code]],
      });
      expect(written()).toEqual([2, 1, 3]);
    },
  );

  test('the mutations beside one with invalid input are executed', async () => {
    helpCrunch.clearCalls();

    const answer = await ask(`mutation { ${mark('a', 2)} ${mark('b', 'x')} ${mark('c', 3)} }`);

    expect(outcomeOf(answer)).toEqual({
      data: { a: { id: '2' }, b: null, c: { id: '3' } },
      errors: [['b', 'BAD_USER_INPUT']],
    });
    expect(written()).toEqual([2, 3]);
  });

  test('each mutation after a 429 fails with an error of its own', async () => {
    helpCrunch.clearCalls();
    helpCrunch.respond('PUT /chats/readByAgent', ({ body: { id } }) =>
      id === 1 ? failures[2].response : { body: wireChat({ id }) },
    );

    expect(outcomeOf(await ask(marks))).toEqual({
      data: { a: { id: '2' }, b: null, c: null },
      errors: [
        ['b', 'RATE_LIMITED'],
        ['c', 'RATE_LIMITED'],
      ],
    });
    expect(written()).toEqual([2, 1]);
  });

  test('each mutation after the deadline fails with an error of its own', async () => {
    helpCrunch.clearCalls();
    const route = 'PUT /chats/readByAgent';

    expect(outcomeOf(await askUntilDeadline(ask, { query: marks, route }))).toEqual({
      data: { a: { id: '2' }, b: null, c: null },
      errors: [
        ['b', 'UPSTREAM_TIMEOUT'],
        ['c', 'UPSTREAM_TIMEOUT'],
      ],
    });
    expect(written()).toEqual([2, 1]);
  });
});

test('a mutation without a response within the timeout of a call does not affect the next one', async () => {
  await using gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { ...config, upstreamTimeoutMs: 500 },
  });
  const query = `mutation {
    b: markChatRead(id: 1, by: AGENT, read: true) { id }
    c: markChatRead(id: 3, by: AGENT, read: true) { id }
  }`;

  const answer = await askUntilDeadline((document) => gateway.query(document), {
    query,
    route: 'PUT /chats/readByAgent',
    afterMs: 500,
  });

  expect(outcomeOf(answer)).toEqual({
    data: { b: null, c: { id: '3' } },
    errors: [['b', 'UPSTREAM_TIMEOUT']],
  });
});

test('a root field or mutation that is forbidden does not affect its sibling', async () => {
  helpCrunch.respond('GET /chats/1', { body: wireChat({ id: 1 }) });
  await using gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { ...config, auth: jwtAuth() },
  });
  const customer = await bearer({ role: 'customer', customerId: 7001 });
  const forbidden = [
    'department(id: 3) { id }',
    'departments { id }',
    'applications { id }',
    'organization { id }',
    'rateLimit { limit }',
    `node(nodeId: "${toNodeId('Department', '3')}") { nodeId }`,
    'chats(orderBy: { field: LAST_MESSAGE_AT, direction: ASC }) { totalCount }',
  ];

  for (const field of forbidden) {
    const answer = await gateway.query(`{ bad: ${field} good: chat(id: 1) { id } }`, {}, customer);
    expect([field, outcomeOf(answer)]).toEqual([
      field,
      { data: { bad: null, good: { id: '1' } }, errors: [['bad', 'FORBIDDEN']] },
    ]);
  }

  helpCrunch.respond('PUT /chats/readByCustomer', { body: wireChat({ id: 1 }) });
  const answer = await gateway.query(
    `mutation {
      bad: markChatRead(id: 1, by: AGENT, read: true) { id }
      good: markChatRead(id: 1, by: CUSTOMER, read: true) { id }
    }`,
    {},
    customer,
  );
  expect(outcomeOf(answer)).toEqual({
    data: { bad: null, good: { id: '1' } },
    errors: [['bad', 'FORBIDDEN']],
  });
});

test('every root field and mutation except viewer may be null', () => {
  const schema = createSchema(resourceResolvers);
  const nonNull = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    isObjectType(type)
      ? Object.values(type.getFields())
          .filter((field) => isNonNullType(field.type) && !field.name.startsWith('_'))
          .map(({ name }) => name)
      : [],
  );

  expect(nonNull).toEqual(['viewer']);
});
