import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.ts';
import { toNodeId } from '../../src/lib/ids.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { CannedResponse, RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';

const clock = createManualClock();

/** A customer in the wire format of HelpCrunch. */
const wireCustomer = (change: Readonly<Record<string, unknown>> = {}) => ({
  id: 7001,
  userId: 'u-1',
  name: 'Ada',
  email: 'ada@example.com',
  tags: [{ name: 'vip', color: '#c377e0' }],
  customData: { plan: 'pro', seats: 5 },
  ...change,
});

interface Case {
  readonly field: string;
  readonly route: string;
  readonly body: unknown;
  readonly response: unknown;
  readonly data: unknown;
  /** What is read before. */
  readonly reads?: readonly string[];
}

const search = (rows: readonly object[]) => ({ body: { data: rows, total: rows.length } });

/** Each mutation with the request that HelpCrunch receives. */
const cases: Readonly<Record<string, Case>> = {
  createCustomer: {
    field: `createCustomer(input: {
      userId: "u-9", name: "Cy", email: null, firstSeen: "2026-01-02T03:04:05.999Z", blocked: false,
      tags: [{ name: "vip" }, { name: "new", color: "#ff0000" }], customData: { plan: "pro", seats: 5, trial: true, coupon: null }
    }) { id name }`,
    route: 'POST /customers',
    body: {
      userId: 'u-9',
      name: 'Cy',
      firstSeen: '1767323045',
      blocked: false,
      tags: [{ name: 'vip' }, { name: 'new', color: '#ff0000' }],
      customData: [
        { property: 'plan', value: 'pro' },
        { property: 'seats', value: 5 },
        { property: 'trial', value: true },
        { property: 'coupon', value: null },
      ],
    },
    response: wireCustomer({ id: 7009, name: 'Cy' }),
    data: { id: '7009', name: 'Cy' },
  },
  updateCustomer: {
    field: 'updateCustomer(id: 7001, input: { name: "Bea", phone: null }) { name phone }',
    route: 'PATCH /customers/7001',
    body: { name: 'Bea', phone: null },
    response: wireCustomer({ name: 'Bea', phone: null }),
    data: { name: 'Bea', phone: null },
  },
  'updateCustomer with customData': {
    field:
      'updateCustomer(id: 7001, input: { customData: { trial: true, seats: null } }) { customData }',
    route: 'PATCH /customers/7001',
    reads: ['GET /customers/7001'],
    body: {
      customData: [
        { property: 'trial', value: true },
        { property: 'seats', value: null },
        { property: 'plan', value: 'pro' },
      ],
    },
    response: wireCustomer({ customData: { plan: 'pro', trial: true } }),
    data: { customData: { plan: 'pro', trial: true } },
  },
  upsertCustomer: {
    field: 'upsertCustomer(userId: "u-1", input: { name: "Bea" }) { id name }',
    route: 'PATCH /customers/7001',
    reads: ['POST /customers/search'],
    body: { name: 'Bea' },
    response: wireCustomer({ name: 'Bea' }),
    data: { id: '7001', name: 'Bea' },
  },
  addCustomerTags: {
    field:
      'addCustomerTags(customerId: 7001, tags: [{ name: "a" }, { name: "b", color: "#00ff00" }]) { tags { name } }',
    route: 'PUT /customers/7001/tags',
    body: { tags: [{ name: 'a' }, { name: 'b', color: '#00ff00' }] },
    response: wireCustomer(),
    data: { tags: [{ name: 'vip' }] },
  },
  removeCustomerTags: {
    field: 'removeCustomerTags(customerId: 7001, names: ["a", "VIP"]) { tags { name } }',
    route: 'DELETE /customers/7001/tags',
    body: { tags: [{ name: 'a' }, { name: 'VIP' }] },
    response: wireCustomer(),
    data: { tags: [{ name: 'vip' }] },
  },
  deleteCustomer: {
    field: 'deleteCustomer(id: 7001) { id nodeId }',
    route: 'DELETE /customers/7001',
    body: undefined,
    response: 'Ok',
    data: { id: '7001', nodeId: toNodeId('Customer', '7001') },
  },
  recordCustomerEvent: {
    field:
      'recordCustomerEvent(customerId: 7001, name: "order", data: { total: 9.5, isFirst: true }) { id name data createdAt customer { id } }',
    route: 'POST /events',
    body: { customer: 7001, name: 'order', data: { total: 9.5, isFirst: true } },
    response: { id: 5, name: 'order', data: { total: 9.5, isFirst: true }, createdAt: 1603885746 },
    data: {
      id: '5',
      name: 'order',
      data: { total: 9.5, isFirst: true },
      createdAt: '2020-10-28T11:49:06.000Z',
      customer: { id: '7001' },
    },
  },
  unsubscribeAgent: {
    field: 'unsubscribeAgent(id: 12) { id }',
    route: 'GET /agents/12/unsubscribe',
    body: undefined,
    response: 'Ok',
    data: { id: '12' },
  },
};

const nameOf = (field: string) => /^\w+/.exec(field)?.[0] ?? '';

let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({
    upstream: fake,
    clock,
    config: { rateLimit: 0, mutations: 'all' },
  });
});

afterAll(async () => {
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
  fake.respond('GET /customers/7001', { body: wireCustomer() });
  fake.respond('POST /customers/search', search([wireCustomer()]));
});

const codesOf = ({ errors }: GraphQLResponse) => errors.map(({ extensions }) => extensions['code']);

const routes = () => fake.calls.map(({ method, path }) => `${method} ${path}`);

describe('mutations of customers', () => {
  test.each(Object.entries(cases))(
    '%s sends exactly its request body, whether the status is 200 or 201',
    async (_name, { field, route, body, response, data, reads = [] }) => {
      for (const status of [200, 201]) {
        fake.clearCalls();
        fake.respond(route, { status, body: response });

        const answer = await gateway.query(`mutation { ${field} }`);

        expect(answer.errors).toEqual([]);
        expect(answer.data).toEqual({ [nameOf(field)]: data });
        expect(routes()).toEqual([...reads, route]);
        expect(fake.calls.at(-1)?.body).toEqual(body);
        expect(answer.extensions.upstream.calls).toBe(1 + reads.length);
      }
    },
  );

  const updates = Object.entries(cases).filter(
    ([name, { route }]) => /^(PATCH|PUT|DELETE)/.test(route) && name !== 'deleteCustomer',
  );

  test.each(
    updates.flatMap(([name, each]) =>
      ['Ok', '"Ok"', '', '[]', '{}'].map((text) => [name, text, each] as const),
    ),
  )(
    '%s is a success when HelpCrunch responds with the body %j',
    async (_name, text, { field, route, response, data }) => {
      let isWritten = false;
      fake.respond(route, () => {
        isWritten = true;
        return { body: text };
      });
      fake.respond('GET /customers/7001', () => ({ body: isWritten ? response : wireCustomer() }));

      const answer = await gateway.query(`mutation { ${field} }`);

      expect(answer.errors).toEqual([]);
      expect(answer.data).toEqual({ [nameOf(field)]: data });
      expect(routes().slice(-2)).toEqual([route, 'GET /customers/7001']);
    },
  );

  test.each(
    ['deleteCustomer', 'unsubscribeAgent'].flatMap((name) =>
      ['Ok', '"Ok"', '', 'null'].map((text) => [name, text] as const),
    ),
  )('%s is a success with the body %j', async (name, text) => {
    const { field, route, data } = cases[name] ?? { field: '', route: '' };
    fake.respond(route, { body: text });

    const answer = await gateway.query(`mutation { ${field} }`);

    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual({ [name]: data });
    expect(routes()).toEqual([route]);
  });

  test('createCustomer with an unreadable response is looked up by its userId', async () => {
    fake.respond('POST /customers', { status: 201, body: 'Ok' });
    fake.respond('POST /customers/search', search([wireCustomer({ id: 7009, name: 'Cy' })]));

    const found = await gateway.query(
      'mutation { createCustomer(input: { userId: "u-1", name: "cy" }) { id } }',
    );
    const lost = await gateway.query('mutation { createCustomer(input: { name: "Cy" }) { id } }');

    expect(found.data).toEqual({ createCustomer: { id: '7009' } });
    expect(codesOf(lost)).toEqual(['OUTCOME_UNKNOWN']);
    expect(lost.errors[0]?.message).toContain('Do not send it again');
  });

  test.each(Object.entries(cases))(
    '%s reports an unknown customer or agent as NOT_FOUND',
    async (name, { field, route }) => {
      const notFound = { status: 404, body: { errors: [{ code: 'not_found', message: 'No' }] } };
      fake.respond(route, notFound);
      // An upsert then creates the customer.
      fake.respond('POST /customers', notFound);

      const answer = await gateway.query(`mutation { ${field} }`);

      expect([name, answer.data]).toEqual([name, { [nameOf(field)]: null }]);
      expect(codesOf(answer)).toEqual(['NOT_FOUND']);
    },
  );

  test.each([
    ['updateCustomer with customData', 'customData[1].value', 'input.customData.seats'],
    ['updateCustomer with customData', 'customData[2].value', 'input.customData'],
  ])('a 400 of %s about %s names the argument %s', async (name, property, argument) => {
    const { field, route } = cases[name] ?? { field: '', route: '' };
    const entries = [
      { code: 'invalid_request', message: 'Invalid request' },
      { code: property, message: 'This value is not valid.' },
    ];
    fake.respond(route, { status: 400, body: { errors: entries } });

    const { errors } = await gateway.query(`mutation { ${field} }`);

    expect(errors[0]).toMatchObject({
      message: `${argument}: This value is not valid.`,
      extensions: {
        code: 'BAD_USER_INPUT',
        fields: [{ path: argument, message: 'This value is not valid.' }],
      },
    });
  });

  test.each([
    ['createCustomer(input: { userId: "u-1", name: "Cy" }) { id }', 'POST /customers'],
    ['updateCustomer(id: 7001, input: { userId: "u-1" }) { id }', 'PATCH /customers/7001'],
    ['upsertCustomer(userId: "u-1", input: { name: "Cy" }) { id }', 'PATCH /customers/7001'],
  ])('a taken userId is a CONFLICT at any position in the errors of %s', async (field, route) => {
    const taken = { code: 'invalid_userId_value', message: 'The userId is already in use' };
    for (const errors of [[taken], [{ code: 'invalid_request', message: 'No' }, taken]]) {
      fake.respond(route, { status: 400, body: { errors } });

      const answer = await gateway.query(`mutation { ${field} }`);

      expect(codesOf(answer)).toEqual(['CONFLICT']);
      expect(answer.errors[0]?.message).toMatch(/userId: Another customer has this userId\./);
    }
  });

  const text = 'é'.repeat(32_769);

  test.each([
    ['createCustomer(input: {}) { id }', 'input'],
    ['createCustomer(input: { userId: " " }) { id }', 'input.userId'],
    ['createCustomer(input: { blocked: null }) { id }', 'input.blocked'],
    ['createCustomer(input: { tags: [{ name: "" }] }) { id }', 'input.tags[0].name'],
    ['createCustomer(input: { firstSeen: "1969-01-01T00:00:00Z" }) { id }', 'input.firstSeen'],
    [`createCustomer(input: { notes: "${text}" }) { id }`, 'input.notes'],
    ['createCustomer(input: { name: "Cy" }, idempotencyKey: "") { id }', 'idempotencyKey'],
    ['updateCustomer(id: 0, input: { name: "Cy" }) { id }', 'id'],
    ['updateCustomer(id: 1, input: {}) { id }', 'input'],
    ['updateCustomer(id: 1, input: { customData: null }) { id }', 'input.customData'],
    ['updateCustomer(id: 1, input: { unsubscribed: null }) { id }', 'input.unsubscribed'],
    ['updateCustomer(id: 1, input: { customData: { a: [1] } }) { id }', 'input.customData.a'],
    ['updateCustomer(id: 1, input: { customData: { a: { b: 1 } } }) { id }', 'input.customData.a'],
    [`updateCustomer(id: 1, input: { customData: { a: "${text}" } }) { id }`, 'input.customData.a'],
    ['upsertCustomer(userId: "", input: { name: "Cy" }) { id }', 'userId'],
    ['upsertCustomer(userId: "u", input: {}) { id }', 'input'],
    ['upsertCustomer(userId: "u", input: { userId: "v" }) { id }', 'input.userId'],
    ['updateCustomers(updates: []) { id }', 'updates'],
    [
      `updateCustomers(updates: [${Array.from({ length: 11 }, (_, index) => `{ id: ${index + 1}, input: { name: "Cy" } }`).join()}]) { id }`,
      'updates',
    ],
    ['updateCustomers(updates: [{ id: "x", input: { name: "Cy" } }]) { id }', 'updates[0].id'],
    [
      'updateCustomers(updates: [{ id: 1, input: { name: "Cy" } }, { id: "1", input: { name: "Di" } }]) { id }',
      'updates[1].id',
    ],
    [
      'updateCustomers(updates: [{ id: 1, input: { name: "Cy" } }, { id: 2, input: {} }]) { id }',
      'updates[1].input',
    ],
    ['deleteCustomer(id: "1.5") { id }', 'id'],
    ['addCustomerTags(customerId: 1, tags: []) { id }', 'tags'],
    [`addCustomerTags(customerId: 1, tags: [${'{ name: "a" },'.repeat(51)}]) { id }`, 'tags'],
    ['addCustomerTags(customerId: "a", tags: [{ name: "a" }]) { id }', 'customerId'],
    ['removeCustomerTags(customerId: 1, names: []) { id }', 'names'],
    ['removeCustomerTags(customerId: 1, names: ["a", " "]) { id }', 'names[1]'],
    ['recordCustomerEvent(customerId: 1, name: " ") { id }', 'name'],
    ['recordCustomerEvent(customerId: 1, name: "a", data: { b: [1] }) { id }', 'data.b'],
    ['recordCustomerEvent(customerId: -1, name: "a") { id }', 'customerId'],
    ['unsubscribeAgent(id: "") { id }', 'id'],
  ])('%.90s is rejected before any call and names %s', async (field, argument) => {
    const answer = await gateway.query(`mutation { ${field} }`);

    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.errors[0]?.message.startsWith(`${argument}: `)).toBe(true);
    expect(fake.calls).toEqual([]);
  });
});

describe('updateCustomer', () => {
  test('custom data that HelpCrunch ignores is an error that names the attribute', async () => {
    fake.respond('PATCH /customers/7001', { body: wireCustomer() });

    const { errors } = await gateway.query(
      'mutation { updateCustomer(id: 7001, input: { customData: { color: "red", plan: "pro" } }) { id } }',
    );

    expect(errors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: 'input.customData.color' }],
    });
  });
});

describe('removeCustomerTags', () => {
  test('a tag that is still there is an error', async () => {
    fake.respond('DELETE /customers/7001/tags', { body: wireCustomer() });

    const answer = await gateway.query(
      'mutation { removeCustomerTags(customerId: 7001, names: ["vip"]) { id } }',
    );

    expect(codesOf(answer)).toEqual(['UPSTREAM_INVALID_RESPONSE']);
    expect(answer.errors[0]?.message).toMatch(/^names: .*did not remove vip/);
  });
});

describe('updateCustomers', () => {
  const field = `mutation { updateCustomers(updates: [
    { id: 7001, input: { name: "Cy" } }, { id: 7002, input: { name: "Di" } }, { id: 7003, input: { customData: { plan: "x" } } }
  ]) { id } }`;

  test('the results are independent, and errors name the update', async () => {
    fake.respond('PATCH /customers/7001', { body: wireCustomer() });
    fake.respond('PATCH /customers/7002', {
      status: 400,
      body: { errors: [{ code: 'name', message: 'This value is too long.' }] },
    });
    fake.respond('GET /customers/7003', { body: wireCustomer({ id: 7003 }) });
    fake.respond('PATCH /customers/7003', {
      body: wireCustomer({ id: 7003, customData: { plan: 'x' } }),
    });

    const answer = await gateway.query(field);

    expect(answer.data).toEqual({ updateCustomers: [{ id: '7001' }, null, { id: '7003' }] });
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors[0]).toMatchObject({
      path: ['updateCustomers', 1],
      extensions: { code: 'BAD_USER_INPUT', fields: [{ path: 'updates[1].input.name' }] },
    });
    expect(answer.extensions.upstream.calls).toBe(4);
  });
});

describe('upsertCustomer', () => {
  const field = 'mutation { upsertCustomer(userId: "u-9", input: { name: "Cy" }) { id } }';

  test('it creates a customer that does not exist', async () => {
    fake.respond('POST /customers/search', search([wireCustomer({ userId: 'U-9' })]));
    fake.respond('POST /customers', { status: 201, body: wireCustomer({ id: 7009 }) });

    const answer = await gateway.query(field);

    expect(answer.data).toEqual({ upsertCustomer: { id: '7009' } });
    expect(fake.callsTo('POST /customers').map(({ body }) => body)).toEqual([
      { name: 'Cy', userId: 'u-9' },
    ]);
    expect(answer.extensions.upstream.calls).toBe(2);
  });

  test('it updates the customer that another client creates meanwhile, with four calls', async () => {
    let searches = 0;
    fake.respond('POST /customers/search', () => {
      searches += 1;
      return search(searches === 1 ? [] : [wireCustomer({ id: 7009, userId: 'u-9' })]);
    });
    fake.respond('POST /customers', {
      status: 400,
      body: { errors: [{ code: 'invalid_userId_value', message: 'Taken' }] },
    });
    fake.respond('PATCH /customers/7009', { body: wireCustomer({ id: 7009 }) });

    const answer = await gateway.query(field);

    expect(answer.data).toEqual({ upsertCustomer: { id: '7009' } });
    expect(answer.extensions.upstream.calls).toBe(4);
  });
});

describe('a lost response', () => {
  let retrying: typeof gateway;
  const lost = { status: 502 };
  const taken = {
    status: 400,
    body: { errors: [{ code: 'invalid_userId_value', message: 'The userId is already in use' }] },
  };
  const created = { status: 201, body: wireCustomer() };
  const create =
    'mutation { createCustomer(input: { userId: "u-1", name: "Ada", phone: "+1" }) { id } }';

  /** The responses to the first request and to its repetition. */
  const respondInTurn = (route: string, responses: readonly CannedResponse[]) => {
    const remaining = [...responses];
    fake.respond(route, () => remaining.shift() ?? lost);
  };

  beforeAll(async () => {
    retrying = await startTestGateway({
      upstream: fake,
      // Retries without a delay.
      clock: { ...systemClock, random: () => 0 },
      config: { rateLimit: 0, mutations: 'all', upstreamRetries: 1 },
    });
  });

  afterAll(() => retrying.stop());

  test.each([
    ['was not applied', [lost, created], [], { createCustomer: { id: '7001' } }, []],
    [
      'was applied',
      [lost, taken],
      [wireCustomer({ name: 'ADA ', phone: '+1' })],
      { createCustomer: { id: '7001' } },
      [],
    ],
    [
      'was applied without any response',
      [lost, lost],
      [wireCustomer({ phone: '+1' })],
      { createCustomer: { id: '7001' } },
      [],
    ],
    ['was applied but is not found yet', [lost, taken], [], null, ['OUTCOME_UNKNOWN']],
    ['belongs to another customer', [lost, taken], [wireCustomer()], null, ['CONFLICT']],
  ])(
    'createCustomer with a userId that %s is sent again, and looked up',
    async (_name, responses, rows, data, codes) => {
      respondInTurn('POST /customers', responses);
      fake.respond('POST /customers/search', search(rows));

      const answer = await retrying.query(create);

      expect(codesOf(answer)).toEqual(codes);
      expect(answer.data).toEqual(data ?? { createCustomer: null });
      expect(fake.callsTo('POST /customers')).toHaveLength(2);
    },
  );

  test('createCustomer without userId is sent once and OUTCOME_UNKNOWN', async () => {
    fake.respond('POST /customers', lost);

    const answer = await retrying.query(
      'mutation { createCustomer(input: { name: "Cy" }) { id } }',
    );

    expect(codesOf(answer)).toEqual(['OUTCOME_UNKNOWN']);
    expect(routes()).toEqual(['POST /customers']);
  });

  test('createCustomer with a key that was applied is found by the same key', async () => {
    const keyed =
      'mutation { createCustomer(input: { userId: "u-1", name: "Ada" }, idempotencyKey: "k") { id } }';
    fake.respond('POST /customers', lost);
    fake.respond('POST /customers/search', search([]));
    const first = await gateway.query(keyed);
    fake.respond('POST /customers/search', search([wireCustomer()]));
    const early = await gateway.query(keyed);
    clock.advance(10_000);
    const second = await gateway.query(keyed);
    const third = await gateway.query(keyed);

    expect([codesOf(first), codesOf(early)]).toEqual([['OUTCOME_UNKNOWN'], ['OUTCOME_UNKNOWN']]);
    expect(second.data).toEqual({ createCustomer: { id: '7001' } });
    expect(third.data).toEqual({ createCustomer: { id: '7001' } });
    expect(fake.callsTo('POST /customers')).toHaveLength(1);
  });

  test('recordCustomerEvent is sent once and OUTCOME_UNKNOWN, also with its key', async () => {
    fake.respond('POST /events', lost);
    const field =
      'mutation { recordCustomerEvent(customerId: 7001, name: "order", idempotencyKey: "e") { id } }';

    const first = await gateway.query(field);
    clock.advance(10_000);
    const second = await gateway.query(field);

    expect([codesOf(first), codesOf(second)]).toEqual([['OUTCOME_UNKNOWN'], ['OUTCOME_UNKNOWN']]);
    expect(routes()).toEqual(['POST /events']);
  });

  test.each(['updateCustomer', 'addCustomerTags', 'removeCustomerTags'])(
    '%s is sent again',
    async (name) => {
      const { field, route, response } = cases[name] ?? { field: '', route: '', response: null };
      respondInTurn(route, [lost, { body: response }]);

      const answer = await retrying.query(`mutation { ${field} }`);

      expect(answer.errors).toEqual([]);
      expect(routes()).toEqual([route, route]);
    },
  );

  test('deleteCustomer is sent again, and a 404 of the repetition is a success', async () => {
    respondInTurn('DELETE /customers/7001', [lost, { status: 404, body: { errors: [] } }]);

    const answer = await retrying.query('mutation { deleteCustomer(id: 7001) { id } }');

    expect(answer.data).toEqual({ deleteCustomer: { id: '7001' } });
    expect(routes()).toEqual(['DELETE /customers/7001', 'DELETE /customers/7001']);
  });

  test('unsubscribeAgent is not sent again', async () => {
    fake.respond('GET /agents/12/unsubscribe', lost);

    const answer = await retrying.query('mutation { unsubscribeAgent(id: 12) { id } }');

    expect(codesOf(answer)).toEqual(['UPSTREAM_UNAVAILABLE']);
    expect(routes()).toEqual(['GET /agents/12/unsubscribe']);
  });
});
