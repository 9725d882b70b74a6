import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agentCodec } from '../../src/resources/agents/model.ts';
import { applicationCodec } from '../../src/resources/applications/model.ts';
import { chatCodec } from '../../src/resources/chats/model.ts';
import { customerCodec } from '../../src/resources/customers/model.ts';
import { departmentCodec } from '../../src/resources/departments/model.ts';
import { messageCodec } from '../../src/resources/messages/model.ts';
import { organizationCodec } from '../../src/resources/organization/model.ts';
import {
  decodeBoolean,
  decodeId,
  decodeIdOrNull,
  decodeList,
  decodeListOrEmpty,
  decodeEnum,
  decodePage,
  decodeObject,
  decodeObjectOrNull,
  decodeText,
  decodeTime,
  requireTotal,
} from '../../src/upstream/decode.ts';
import { UpstreamError } from '../../src/upstream/errors.ts';
import { wireChat } from '../support/recordingUpstream.ts';
import { propertyParameters } from '../support/propertyRuns.ts';

const malformed = Symbol('malformed');

/** What a reader makes of a value; `malformed` for its own refusal, and any other failure goes on. */
function reading<Model>(read: () => Model): Model | typeof malformed {
  try {
    return read();
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'malformed') return malformed;
    throw error;
  }
}

const where = 'place';
const object = { a: 1 };

afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(Reflect.ownKeys(untouched));
  expect(({} as any).polluted).toBeUndefined();
});

const untouched = Object.create(null, Object.getOwnPropertyDescriptors(Object.prototype));

describe('decoders of one value', () => {
  test.each([
    [decodeObject, object, object],
    [decodeObject, {}, {}],
    [decodeObject, [], malformed],
    [decodeObject, null, malformed],
    [decodeObject, undefined, malformed],
    [decodeObject, 'a', malformed],
    [decodeObject, 1, malformed],
    [decodeObjectOrNull, object, object],
    [decodeObjectOrNull, null, null],
    [decodeObjectOrNull, undefined, null],
    [decodeObjectOrNull, [], malformed],
    [decodeObjectOrNull, '', null],
    [decodeObjectOrNull, false, null],
    [decodeList, [1], [1]],
    [decodeList, [], []],
    [decodeList, null, malformed],
    [decodeList, undefined, malformed],
    [decodeList, {}, malformed],
    [decodeList, 'a', malformed],
    [decodeListOrEmpty, [1], [1]],
    [decodeListOrEmpty, null, []],
    [decodeListOrEmpty, undefined, []],
    [decodeListOrEmpty, {}, malformed],
    [decodeListOrEmpty, 0, []],
    [decodeListOrEmpty, 'a', []],
    [decodeText, 'a', 'a'],
    [decodeText, '', ''],
    [decodeText, 0, '0'],
    [decodeText, 1.5, '1.5'],
    [decodeText, true, 'true'],
    [decodeText, false, 'false'],
    [decodeText, null, null],
    [decodeText, undefined, null],
    [decodeText, {}, malformed],
    [decodeText, ['a'], malformed],
    [decodeBoolean, true, true],
    [decodeBoolean, false, false],
    [decodeBoolean, 1, true],
    [decodeBoolean, 0, false],
    [decodeBoolean, '1', true],
    [decodeBoolean, '0', false],
    [decodeBoolean, 'TRUE', true],
    [decodeBoolean, 'False', false],
    [decodeBoolean, 2, null],
    [decodeBoolean, '', null],
    [decodeBoolean, 'yes', null],
    [decodeBoolean, 'constructor', null],
    [decodeBoolean, '__proto__', null],
    [decodeBoolean, null, null],
    [decodeBoolean, undefined, null],
    [decodeBoolean, {}, malformed],
    [decodeBoolean, [true], malformed],
  ] as const)('%p of %p is %p', (read, value, expected) => {
    const found = reading<unknown>(() => read(value, where));

    expect(found).toEqual(expected);
  });

  test.each([
    [5208, '5208'],
    [0, '0'],
    ['5208', '5208'],
    [4_294_967_296, '4294967296'],
    ['18446744073709551615', '18446744073709551615'],
    [9_007_199_254_740_991, '9007199254740991'],
    // Parsing has rounded 9007199254740993 to this.
    [9_007_199_254_740_992, null],
    [-1, null],
    [1.5, null],
    [1e21, null],
    ['', null],
    ['007', '7'],
    ['000', '0'],
    [' 7\n', '7'],
    ['7.0', '7'],
    ['9'.repeat(100), '9'.repeat(100)],
    ['9'.repeat(101), null],
    ['7.', null],
    ['7.01', null],
    ['7 8', null],
    ['+7', null],
    ['string', null],
    ['../agents', null],
    [true, null],
    [null, null],
    [undefined, null],
  ])('the id %p is %p, and an entity without an id is malformed', (value, expected) => {
    expect(decodeIdOrNull(value, where)).toBe(expected);
    expect(reading(() => decodeId(value, where))).toBe(expected ?? malformed);
  });

  test.each([
    [1603885746, 1_603_885_746_000],
    ['1603885746', 1_603_885_746_000],
    ['1594139170.913', 1_594_139_170_913],
    [1594139170.913, 1_594_139_170_913],
    ['1594139170.000000001', 1_594_139_170_000],
    [0, 0],
    ['0', 0],
    ['0.001', 1],
    [253_402_300_799, 253_402_300_799_000],
    [253_402_300_800, null],
    [1_603_885_746_000, null],
    ['99999999999999', null],
    [-1, null],
    [1e21, null],
    ['', null],
    [' 1603885746', null],
    ['1603885746.', null],
    ['.5', null],
    ['0x10', null],
    ['1e3', null],
    ['2020-10-28T11:49:06Z', null],
    ['string', null],
    [true, null],
    [null, null],
    [undefined, null],
    [{}, malformed],
    [[1603885746], malformed],
  ])('the time %p is %p', (value, expected) => {
    expect(reading(() => decodeTime(value, where))).toBe(expected);
  });

  const colours = { red: 'RED', 'dark blue': 'DARK_BLUE' } as const;

  test.each([
    ['red', 'RED'],
    ['RED', 'RED'],
    ['Dark Blue', 'DARK_BLUE'],
    ['green', 'UNKNOWN'],
    ['', 'UNKNOWN'],
    ['string', 'UNKNOWN'],
    ['constructor', 'UNKNOWN'],
    ['__proto__', 'UNKNOWN'],
    ['toString', 'UNKNOWN'],
    [3, 'UNKNOWN'],
    [true, 'UNKNOWN'],
    [null, null],
    [undefined, null],
    [{}, malformed],
    [[], malformed],
  ])('%p in a closed set is %p', (value, expected) => {
    expect(reading(() => decodeEnum(colours, value, where))).toBe(expected);
  });
});

describe('a page', () => {
  const read = (value: unknown, { offset = 0, limit = 2 } = {}) =>
    reading(() => decodePage(value, { where, offset, limit }, (row) => row));

  test.each([
    ['in meta', { data: [1], meta: { total: 7 } }, 7],
    ['beside data', { data: [1], total: 7 }, 7],
    ['in both', { data: [1], meta: { total: 7 }, total: 9 }, 7],
    ['in digits', { data: [1], meta: { total: '7' } }, 7],
    ['of nothing', { data: [], total: 0 }, 0],
    ['as large as an Int can be', { data: [1], total: 2_147_483_647 }, 2_147_483_647],
    ['beside an empty list for a meta', { data: [1], meta: [], total: 7 }, 7],
    ['beside an empty meta', { data: [1], meta: {}, total: 7 }, 7],
    ['beside a null meta', { data: [1], meta: null, total: 7 }, 7],
  ])('a page has the total %s', (_where, body, total) => {
    expect(read(body)).toEqual({ rows: body.data, total });
  });

  test.each([-1, 1.5, 'many', '', ' ', '0x10', '1e3', true, false, null, 9_007_199_254_740_992])(
    'a page with the total %p has a total only if it is the last page',
    (total) => {
      const full = read({ data: [1, 2], meta: { total } });
      const last = read({ data: [1], total }, { offset: 4 });

      expect(full).toEqual({ rows: [1, 2], total: null });
      expect(last).toEqual({ rows: [1], total: 5 });
    },
  );

  test('a page beyond the end has no total if HelpCrunch sends none', () => {
    expect(read({ data: [] }, { offset: 4 })).toEqual({ rows: [], total: null });
    expect(read({ data: [] })).toEqual({ rows: [], total: 0 });
  });

  test('a page is never longer than requested', () => {
    expect(read({ data: [1, 2, 3], total: 3 })).toEqual({ rows: [1, 2], total: 3 });
  });

  test.each([null, [], 'Ok', 5, {}, { data: null }, { data: {} }, { data: 'none' }])(
    'a page that is %p is malformed',
    (body) => {
      expect(read(body)).toBe(malformed);
    },
  );

  test('requireTotal fails for a page without a total', () => {
    expect(reading(() => requireTotal({ rows: [], total: null }))).toBe(malformed);
    expect(requireTotal({ rows: [], total: 0 })).toBe(0);
  });
});

const wireMessage = {
  id: 4_294_967_296,
  chat: 5208,
  from: 'agent',
  agent: { id: 12, name: 'Olena', email: 'olena@example.com', role: 'admin' },
  type: 'knowledgeBase',
  text: 'Hello',
  read: true,
  edited: false,
  createdAt: '1594139170.913',
  updatedAt: null,
  broadcastType: 'auto email',
};

const wireCustomer = {
  id: 7001,
  userId: 'u-7001',
  name: 'Taras',
  email: 'not an address',
  company: null,
  phone: 380501234567,
  firstSeen: 1603885600,
  lastSeen: '1603885700',
  location: { regionCode: '30', countryCode: 'UA', city: 'Kyiv' },
  device: {
    id: 'd1',
    ip: '10.0.0.1',
    timezone: 'Europe/Kyiv',
    platform: 'desktop',
    userAgent: 'x',
  },
  unsubscribed: false,
  blocked: 1,
  source: null,
  referer: null,
  lastPage: null,
  locale: 'uk',
  createdFrom: 'telegram',
  integrationId: 99,
  notes: '',
  tags: [{ name: 'vip', color: 'not a colour' }, { name: 'new' }],
  customData: { plan: 'pro', seats: 3 },
};

describe('entities', () => {
  test.each([
    ['new', 'NEW'],
    ['opened', 'OPENED'],
    ['pending', 'PENDING'],
    ['on hold', 'ON_HOLD'],
    ['onhold', 'ON_HOLD'],
    ['on-hold', 'ON_HOLD'],
    ['On Hold', 'ON_HOLD'],
    ['no communication', 'NO_COMMUNICATION'],
    ['closed', 'CLOSED'],
    ['empty', 'EMPTY'],
    ['string', 'UNKNOWN'],
    [5, 'UNKNOWN'],
    [null, 'UNKNOWN'],
  ])('a chat whose status is %p is %s', (status, expected) => {
    expect(chatCodec.fromWire(wireChat({ status })).status).toBe(expected);
  });

  test.each([
    ['agentChatOnly', 'AGENT_CHAT_ONLY'],
    ['agent', 'AGENT'],
    ['superviser', 'SUPERVISOR'],
    ['supervisor', 'SUPERVISOR'],
    ['admin', 'ADMIN'],
    ['owner', 'UNKNOWN'],
    [null, null],
  ])('an agent whose role is %p is %p', (role, expected) => {
    expect(agentCodec.fromWire({ id: 1, role }).role).toBe(expected);
  });

  test.each([
    ['trigger', 'TRIGGER'],
    ['auto chat', 'AUTO_CHAT'],
    ['auto email', 'AUTO_EMAIL'],
    ['manual chat', 'MANUAL_CHAT'],
    ['manual email', 'MANUAL_EMAIL'],
    ['string', 'UNKNOWN'],
    [null, null],
  ])('a broadcast of type %p is %p', (broadcastType, expected) => {
    expect(messageCodec.fromWire({ ...wireMessage, broadcastType }).broadcastType).toBe(expected);
  });

  test.each([
    ['perfect', 'PERFECT'],
    ['great', 'GREAT'],
    ['average', 'AVERAGE'],
    ['poor', 'POOR'],
    ['very poor', 'VERY_POOR'],
    [5, 'UNKNOWN'],
    [null, null],
  ])('a rating of %p is %p', (rating, expected) => {
    expect(chatCodec.fromWire(wireChat({ rating })).rating).toBe(expected);
  });

  test('the example of the documentation, with its literal texts, is a chat', () => {
    const member = { id: 1, name: 'string', email: 'string', role: 'string' };

    const chat = chatCodec.fromWire({
      id: 5208,
      closedBy: 'string',
      lastCustomerMessageAt: 'string',
      status: 'string',
      closedAt: 'string',
      rating: 'string',
      createdAt: 'string',
      lastMessageAt: 'string',
      createdWith: 'string',
      snoozedUntil: 'string',
      lastMessageText: 'string',
      lastMessageId: 'string',
      applicationId: 'string',
      readByAgent: 'string',
      readByCustomer: 'string',
      lastCommunicatedAgentId: 'string',
      agents: [member],
      customer: { id: 1, name: 'string', email: 'string', userId: 'string' },
      assignee: member,
      department: { id: 1, name: 'string' },
    });

    expect(chat).toMatchObject({
      id: '5208',
      status: 'UNKNOWN',
      closedBy: 'UNKNOWN',
      rating: 'UNKNOWN',
      createdWith: 'UNKNOWN',
      createdAt: null,
      closedAt: null,
      lastMessageText: 'string',
      lastMessageId: null,
      readByAgent: null,
      agents: [{ id: '1', name: 'string', role: 'UNKNOWN' }],
      customer: { id: '1', email: 'string' },
      department: { id: '1', name: 'string' },
    });
  });

  test('all fields of a chat are decoded', () => {
    const olena = { __typename: 'Agent', id: '12', name: 'Olena', email: 'olena@example.com' };

    expect(chatCodec.fromWire(wireChat())).toEqual({
      __typename: 'Chat',
      id: '5208',
      closedBy: null,
      lastCustomerMessageAt: 1_603_885_700_000,
      status: 'OPENED',
      closedAt: null,
      rating: null,
      createdAt: 1_603_885_600_000,
      lastMessageAt: 1_603_885_746_000,
      createdWith: 'CUSTOMER_MESSAGE',
      snoozedUntil: null,
      lastMessageText: 'Hello',
      lastMessageId: '90002',
      applicationId: '2',
      readByAgent: true,
      readByCustomer: false,
      lastCommunicatedAgentId: '12',
      agents: [{ ...olena, role: 'AGENT' }],
      customer: {
        __typename: 'Customer',
        id: '7001',
        name: 'Taras',
        email: 'taras@example.com',
        userId: 'u-7001',
      },
      assignee: { ...olena, role: 'SUPERVISOR' },
      department: { __typename: 'Department', id: '3', name: 'Sales' },
    });
  });

  test('embedded entities have only the fields that the chat contains', () => {
    const chat = chatCodec.fromWire(
      wireChat({ customer: { id: 7 }, assignee: { id: 12, name: null } }),
    );

    expect(chat.customer).toEqual({ __typename: 'Customer', id: '7' });
    expect(chat.assignee).toEqual({ __typename: 'Agent', id: '12', name: null });
  });

  test('all fields of a customer are decoded', () => {
    const { firstSeen, lastSeen, phone, integrationId, ...rest } = wireCustomer;

    expect(customerCodec.fromWire(wireCustomer)).toEqual({
      ...rest,
      __typename: 'Customer',
      id: '7001',
      firstSeen: firstSeen * 1000,
      lastSeen: Number(lastSeen) * 1000,
      phone: String(phone),
      integrationId: String(integrationId),
      blocked: true,
      tags: [
        { name: 'vip', color: 'not a colour' },
        { name: 'new', color: null },
      ],
    });
  });

  test('a text that is a number which parsing has rounded is null', () => {
    const json =
      '{"id":1,"userId":9007199254740993,"company":-9007199254740993,"phone":380501234567}';

    const { userId, company, phone } = customerCodec.fromWire(JSON.parse(json));

    expect({ userId, company, phone }).toEqual({
      userId: null,
      company: null,
      phone: '380501234567',
    });
  });

  test('all fields of a message are decoded', () => {
    expect(messageCodec.fromWire(wireMessage)).toEqual({
      __typename: 'ChatMessage',
      id: '4294967296',
      from: 'AGENT',
      agent: {
        __typename: 'Agent',
        id: '12',
        name: 'Olena',
        email: 'olena@example.com',
        role: 'ADMIN',
      },
      type: 'KNOWLEDGE_BASE',
      text: 'Hello',
      read: true,
      edited: false,
      createdAt: 1_594_139_170_913,
      updatedAt: null,
      broadcastType: 'AUTO_EMAIL',
    });
  });

  test.each([
    [
      { plan: 'pro', seats: 3 },
      { plan: 'pro', seats: 3 },
    ],
    [
      [
        { property: 'plan', value: 'pro' },
        { property: 'seats', value: 3 },
        { property: 'since' },
        { value: 'nameless' },
      ],
      { plan: 'pro', seats: 3, since: null },
    ],
    [[], {}],
    [{}, {}],
    [null, {}],
    [undefined, {}],
    [{ nested: { deep: [1] } }, { nested: { deep: [1] } }],
  ])('custom data of %j is %j', (customData, expected) => {
    expect(customerCodec.fromWire({ ...wireCustomer, customData }).customData).toEqual(expected);
  });

  test.each([
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    '[{"property":"__proto__","value":{"polluted":1}},{"property":"constructor","value":{"prototype":{"polluted":1}}}]',
  ])('unusual names in custom data are kept: %s', (json) => {
    const { customData } = customerCodec.fromWire({
      ...wireCustomer,
      customData: JSON.parse(json),
    });

    expect(JSON.stringify(customData)).toBe(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    expect(Object.getPrototypeOf(customData)).toBe(Object.prototype);
  });

  test.each([
    '{"id":1,"__proto__":{"name":"polluted","status":"closed","polluted":1}}',
    '{"id":1,"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}}',
  ])('unusual names in an entity are ignored: %s', (json) => {
    expect(chatCodec.fromWire(JSON.parse(json))).toEqual(chatCodec.fromWire({ id: 1 }));
    expect(customerCodec.fromWire(JSON.parse(json))).toEqual(customerCodec.fromWire({ id: 1 }));
    expect(chatCodec.fromWire({ id: 1, customer: JSON.parse(json) }).customer).toEqual({
      __typename: 'Customer',
      id: '1',
    });
  });

  test.each(['location', 'device'] as const)(
    'an empty %s is null, written as PHP does',
    (field) => {
      expect(customerCodec.fromWire({ ...wireCustomer, [field]: [] })[field]).toBeNull();
    },
  );
});

describe('random values', () => {
  const wires = {
    chatFromWire: chatCodec.fromWire,
    customerFromWire: customerCodec.fromWire,
    agentFromWire: agentCodec.fromWire,
    departmentFromWire: departmentCodec.fromWire,
    messageFromWire: messageCodec.fromWire,
    applicationFromWire: applicationCodec.fromWire,
    organizationFromWire: organizationCodec.fromWire,
    page: (value: unknown) =>
      decodePage(value, { where, offset: 0, limit: 100 }, chatCodec.fromWire),
  };

  /** JSON that often has the names that the readers look for, and so gets deep into them. */
  const names = [
    ...Object.keys(wireChat()),
    ...Object.keys(wireCustomer),
    ...Object.keys(wireMessage),
    ...['data', 'meta', 'total', 'domain', 'property', 'value', '__proto__', 'constructor'],
  ];
  const scalar = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.nat().map(String),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...names),
  );
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      scalar,
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...names), tie('json'), { maxKeys: 12 }),
    ),
  }));
  /** As it would come out of a parser: no `-0`, `NaN` or `undefined`, and `__proto__` as an own name. */
  const wire = fc
    .oneof(json, fc.jsonValue())
    .chain((value) =>
      fc.constantFrom(
        value,
        typeof value === 'object' && !Array.isArray(value) ? { ...value, id: 1 } : value,
        { data: value },
      ),
    )
    .map((value): unknown => JSON.parse(JSON.stringify(value)));

  test.each(Object.entries(wires))(
    'the decoder of %s returns a model or fails as malformed for any value',
    (_name, read) => {
      let models = 0;
      let refusals = 0;

      fc.assert(
        fc.property(wire, (value) => {
          const found = reading<unknown>(() => read(value));
          if (found === malformed) refusals += 1;
          else models += 1;
          expect(typeof found === 'symbol' || typeof found === 'object').toBe(true);
        }),
        { ...propertyParameters(100), examples: [[{ data: [] }]] },
      );

      expect(models).toBeGreaterThan(0);
      expect(refusals).toBeGreaterThan(0);
    },
  );

  const removed = Symbol('removed');
  const odd = fc.oneof(scalar, fc.constant(removed));

  function changed(field: string, value: unknown): Record<string, unknown> {
    const entries = Object.entries<unknown>(wireChat({ [field]: value }));
    return Object.fromEntries(entries.filter(([, content]) => content !== removed));
  }

  const plain = Object.entries(wireChat())
    .filter(([name, value]) => name !== 'id' && (typeof value !== 'object' || value === null))
    .map(([name]) => name);
  const things = ['agents', 'customer', 'assignee', 'department'];

  test('a chat is decoded whatever the value of one of its fields', () => {
    expect(plain).toHaveLength(15);

    fc.assert(
      fc.property(fc.constantFrom(...plain), odd, (field, value) => {
        expect(chatCodec.fromWire(changed(field, value)).id).toBe('5208');
      }),
      propertyParameters(100),
    );
  });

  test('a chat is decoded whatever the value of one field of an embedded entity', () => {
    const inside = fc.constantFrom('id', 'name', 'email', 'role', 'userId');

    fc.assert(
      fc.property(fc.constantFrom(...things), inside, odd, (thing, field, value) => {
        const content = Object.fromEntries(
          Object.entries({ id: 1, name: 'a', email: 'b', [field]: value }).filter(
            ([, member]) => member !== removed,
          ),
        );
        const chat = chatCodec.fromWire(
          wireChat({ [thing]: thing === 'agents' ? [content] : content }),
        );
        expect(chat.id).toBe('5208');
      }),
      propertyParameters(100),
    );
  });

  test('a chat is decoded if an embedded entity is missing or a scalar', () => {
    fc.assert(
      fc.property(fc.constantFrom(...things), odd, (thing, value) => {
        expect(chatCodec.fromWire(changed(thing, value)).id).toBe('5208');
      }),
      propertyParameters(100),
    );
  });
});
