import { setTimeout as wait } from 'node:timers/promises';
import { openEventStream } from '../support/eventStream.ts';
import { special } from './helpCrunch.ts';
import type { RouterName } from './routerNames.ts';
import type { SubscriptionTransport } from './routers.ts';
import type { Role, Session } from './session.ts';

/** What a client and HelpCrunch see: the data, the distinct error codes, and the number of calls. */
interface Outcome {
  readonly data?: unknown;
  readonly codes?: readonly string[];
  readonly calls?: number;
}

interface Deviation {
  readonly outcome: Outcome;
  /** The outcome in the documentation. */
  readonly shown: string;
  readonly reason: string;
}

type Deviations = Partial<Record<RouterName, Deviation>>;

export interface Case {
  readonly name: string;
  readonly run: (session: Session) => Promise<Outcome>;
  readonly expected: Outcome;
  readonly deviations?: Deviations;
}

interface Operation {
  readonly query: string;
  readonly as?: Role;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The outcome of one operation. */
const outcomeOf =
  ({ query, as = 'agent', headers = {} }: Operation) =>
  async (session: Session): Promise<Outcome> => {
    const { data, codes, calls } = await session.ask({ query }, as, headers);
    return { data, codes, calls };
  };

const codesOf =
  (operation: Operation) =>
  async (session: Session): Promise<Outcome> => ({
    codes: (await outcomeOf(operation)(session)).codes ?? [],
  });

const success = (data: unknown, calls: number): Outcome => ({ data, codes: [], calls });

const chat = (id: number) => `{ chat(id: "${id}") { status } }`;

/** References to one type by a known, an unknown, an empty and a malformed id. */
const references = (field: string, selection: string, known: number, unknown: number) =>
  outcomeOf({
    query: `{ records(ids: ["${known}", "${unknown}", "", "x"]) { ${field} { ${selection} } } }`,
  });

const oneFound = (field: string, found: object, absent: object | null, calls: number): Outcome =>
  success({ records: [found, absent, absent, absent].map((value) => ({ [field]: value })) }, calls);

const idList = (first: number, distinct: number, length: number) =>
  JSON.stringify(Array.from({ length }, (_, index) => String(first + (index % distinct))));

const sentiment = { chat: { messages: { nodes: [{ id: '90002', sentiment: 'calm' }] } } };

const notSupported = (reason: string): Deviation => ({
  outcome: { data: 'not supported' },
  shown: 'not supported',
  reason,
});

/** Chats and departments have a field that is never null. */
const unknownEntity = (field: string, found: object, calls: number): Deviations => ({
  'Hive Gateway': {
    outcome: { ...oneFound(field, found, null, calls), codes: ['INTERNAL_SERVER_ERROR'] },
    shown: 'null with `INTERNAL_SERVER_ERROR`',
    reason:
      'The JavaScript engine reports an unknown entity as an error if a field that is never null is selected.',
  },
});

const referenceCases: readonly Case[] = [
  {
    name: 'references to `Chat` by known, unknown, empty and malformed id',
    run: references('chat', 'status', 5_208, special.unknown),
    expected: oneFound('chat', { status: 'OPENED' }, null, 2),
    deviations: unknownEntity('chat', { status: 'OPENED' }, 2),
  },
  {
    name: 'references to `Customer` by `id`, as above',
    run: references('customer', 'name', 7_001, 999_999),
    expected: oneFound('customer', { name: 'Customer 7001' }, { name: null }, 1),
  },
  {
    name: 'references to `Agent`, as above',
    run: references('agent', 'name', 11, 99),
    expected: oneFound('agent', { name: 'Agent 11' }, { name: null }, 1),
  },
  {
    name: 'references to `Department`, as above',
    run: references('department', 'name', 3, 99),
    expected: oneFound('department', { name: 'Sales' }, null, 1),
    deviations: unknownEntity('department', { name: 'Sales' }, 1),
  },
  {
    name: 'references to `ChatApplication`, as above',
    run: references('application', 'displayName', 2, 99),
    expected: oneFound('application', { displayName: 'Web' }, { displayName: null }, 1),
  },
  {
    name: 'references to `Customer` by a known, null and unknown `userId`',
    run: outcomeOf({ query: '{ guests { account { name } } }' }),
    expected: success(
      { guests: ['Customer 7001', null, null].map((name) => ({ account: { name } })) },
      1,
    ),
  },
  {
    name: 'fields of another subgraph under `userId`, which is null for some of 50 customers',
    async run(session) {
      const { data, codes, calls } = await session.ask({
        query: '{ customers(first: 50) { nodes { userId orders { id } } } }',
      });
      const nodes: readonly any[] = data?.customers?.nodes ?? [];
      const wrong = nodes.filter(({ userId, orders }) => (userId === null) !== (orders === null));
      return { data: [nodes.length, wrong.length], codes, calls };
    },
    expected: success([50, 0], 1),
  },
  {
    name: 'references that only select their key',
    run: outcomeOf({ query: '{ records(ids: ["7001"]) { customer { id segment } chat { id } } }' }),
    expected: success(
      { records: [{ customer: { id: '7001', segment: 'retail' }, chat: { id: '7001' } }] },
      0,
    ),
  },
  {
    name: 'a field of another subgraph on `ChatMessage`',
    run: outcomeOf({
      query: '{ chat(id: "5208") { messages(first: 1) { nodes { id sentiment } } } }',
    }),
    expected: success(sentiment, 1),
    deviations: {
      'Hive Gateway': {
        outcome: success(sentiment, 2),
        shown: '2 calls',
        reason:
          'The JavaScript engine requests the messages a second time, by a reference to the chat.',
      },
    },
  },
  {
    name: '100 users joined to their customers',
    async run(session) {
      const { data, codes, calls } = await session.ask({
        query: '{ users(first: 100) { supportProfile { name company } } }',
      });
      return { data: data?.users.length, codes, calls };
    },
    expected: success(100, 1),
  },
  {
    name: '100 records joined to their customers, agents and 10 chats',
    async run(session) {
      const { data, codes, calls } = await session.ask({
        query: `{ records(ids: ${idList(6_001, 10, 100)}) {
          chat { lastMessageText } customer { name } agent { name }
        } }`,
      });
      return { data: data?.records.length, codes, calls };
    },
    expected: success(100, 12),
  },
  {
    name: '1,000 records joined to their customers',
    async run(session) {
      const { data, codes, calls } = await session.ask({
        query: `{ records(ids: ${idList(10_001, 1_000, 1_000)}) { customer { name } } }`,
      });
      return {
        data: data?.records.filter(({ customer }: any) => customer !== null).length,
        codes,
        calls,
      };
    },
    expected: success(1_000, 10),
  },
];

/** Errors of a field, which every router has to pass on. */
const errorCase = (
  code: string,
  how: string,
  operation: Operation,
  deviations: Deviations = {},
): Case => ({
  name: `\`${code}\`: ${how}`,
  run: codesOf(operation),
  expected: { codes: [code] },
  deviations,
});

const errorCases: readonly Case[] = [
  errorCase('UNAUTHENTICATED', 'no token', { query: chat(5_208), as: 'anonymous' }),
  errorCase('UNAUTHENTICATED', 'an expired token', { query: chat(5_208), as: 'expired' }),
  {
    name: '`UNAUTHENTICATED`: an expired token after 62 invalid ones of another client',
    async run(session) {
      for (let count = 0; count < 62; count += 1)
        await session.ask({ query: chat(5_208) }, 'invalid');
      return codesOf({ query: chat(5_208), as: 'expired' })(session);
    },
    expected: { codes: ['UNAUTHENTICATED'] },
  },
  errorCase('FORBIDDEN', 'a field of agents, for a customer', {
    query: '{ customer(id: "7001") { notes } }',
    as: 'customer',
  }),
  errorCase(
    'FORBIDDEN',
    'a wrong router secret',
    { query: chat(5_208), headers: { 'x-test-secret': 'a-wrong-secret-of-the-router-0123456' } },
    {
      'Apollo Gateway': {
        outcome: { codes: ['FORBIDDEN', 'the address of the gateway'] },
        shown: '`FORBIDDEN`, with the URL of the gateway',
        reason:
          'It adds `extensions.response` to errors of responses that are not 200; `formatError` can remove it. Only a wrong secret causes such a response.',
      },
      Grafbase: {
        outcome: { codes: ['SUBGRAPH_REQUEST_ERROR'] },
        shown: '`SUBGRAPH_REQUEST_ERROR`',
        reason:
          'It replaces the errors of responses that are not 200. Only a wrong secret causes such a response.',
      },
    },
  ),
  errorCase('NOT_FOUND', 'an unknown id', { query: chat(special.unknown) }),
  errorCase('BAD_USER_INPUT', 'a malformed id', { query: '{ chat(id: "x") { status } }' }),
  errorCase('OPERATION_TOO_EXPENSIVE', 'more calls than `MAX_UPSTREAM_CALLS`', {
    query: '{ chats(first: 50) { nodes { messages(first: 1) { nodes { id } } } } }',
  }),
  errorCase('OPERATION_TOO_EXPENSIVE', '31 aliases', {
    query: `{ chat(id: "5208") { ${Array.from({ length: 31 }, (_, index) => `a${index}: status`).join(' ')} } }`,
  }),
  {
    name: '`RATE_LIMITED` with `retryable`, `retryAfterMs` and the `requestId` of the client',
    async run(session) {
      const { errors } = await session.ask({ query: chat(special.rateLimited) }, 'agent', {
        'x-request-id': 'request-1',
      });
      const { code, retryable, retryAfterMs, requestId } = errors[0]?.extensions ?? {};
      return { data: [code, retryable, typeof retryAfterMs, requestId] };
    },
    expected: { data: ['RATE_LIMITED', true, 'number', 'request-1'] },
  },
  errorCase('CONFLICT', 'HelpCrunch refuses a rating', {
    query: 'mutation { rateChat(id: "5208", rating: GREAT) { rating } }',
  }),
  errorCase('OUTCOME_UNKNOWN', 'HelpCrunch fails while it creates a customer', {
    query: 'mutation { createCustomer(input: { email: "a@example.com" }) { id } }',
  }),
  errorCase('UPSTREAM_UNAUTHENTICATED', 'HelpCrunch responds 401', {
    query: chat(special.unauthorized),
  }),
  errorCase('UPSTREAM_FORBIDDEN', 'HelpCrunch responds 403', { query: chat(special.forbidden) }),
  errorCase('UPSTREAM_TIMEOUT', 'HelpCrunch does not respond', { query: chat(special.timeout) }),
  errorCase('UPSTREAM_UNAVAILABLE', 'HelpCrunch responds 503', {
    query: chat(special.unavailable),
  }),
  errorCase('UPSTREAM_INVALID_RESPONSE', 'HelpCrunch sends no JSON', {
    query: chat(special.invalid),
  }),
  {
    name: 'the rest of the data beside a failed field',
    run: outcomeOf({
      query: `{ chat(id: "${special.unavailable}") { status } departments { name } }`,
    }),
    expected: {
      data: { chat: null, departments: [{ name: 'Sales' }] },
      codes: ['UPSTREAM_UNAVAILABLE'],
      calls: 2,
    },
  },
];

const roleCases: readonly Case[] = [
  {
    name: 'a customer gets itself and its own chats, and null for others',
    run: outcomeOf({
      query:
        '{ records(ids: ["5208", "5300", "7001", "7002"]) { chat { createdAt } customer { name } } }',
      as: 'customer',
    }),
    expected: success(
      {
        records: [
          ['2020-10-28T11:46:40.000Z', null],
          [null, null],
          [null, 'Customer 7001'],
          [null, null],
        ].map(([createdAt, name]) => ({ chat: { createdAt }, customer: { name } })),
      },
      5,
    ),
  },
  {
    name: 'a customer may not mark a chat as read by agents',
    run: outcomeOf({
      query: 'mutation { markChatRead(id: "5208", by: AGENT, read: true) { id } }',
      as: 'customer',
    }),
    expected: { data: { markChatRead: null }, codes: ['FORBIDDEN'], calls: 0 },
  },
  {
    name: '`markChatRead` with fields of two other subgraphs',
    run: outcomeOf({
      query: `mutation { markChatRead(id: "5208", by: AGENT, read: true) {
        readByAgent priority customer { name segment orders { id } }
      } }`,
    }),
    expected: success(
      {
        markChatRead: {
          readByAgent: true,
          priority: 'high',
          customer: {
            name: 'Taras',
            segment: 'retail',
            orders: [{ id: '7001-1' }, { id: '7001-2' }],
          },
        },
      },
      1,
    ),
  },
];

const subscription = 'subscription { chatUpdated { change chat { id readByAgent priority } } }';

const codesIn = ({ errors = [] }: any): string[] =>
  errors.map(({ extensions }: any) => extensions?.code ?? 'none');

/** A subscription of a client by server-sent events, whose event has a field of another subgraph. */
const subscribed =
  (transport: SubscriptionTransport) =>
  async ({ router, credentialsOf, gateway, markRead }: Session): Promise<Outcome> => {
    const running = await router(transport);
    if (running === undefined) return { data: 'not supported' };
    const url = running.url.replace(/\/(graphql)?$/, '');
    // Some routers send no headers before the first event.
    const opened = openEventStream(url, subscription, { headers: await credentialsOf('agent') });
    const first = opened.then((stream) => stream.next());
    const active = gateway.waitForSubscriptions(1).catch(() => undefined);
    const early = await Promise.race([active, first]);
    if (early !== undefined) return { codes: codesIn(early) };
    await markRead();
    const result = await first;
    await (await opened)[Symbol.asyncDispose]();
    return { data: result.data, codes: codesIn(result) };
  };

const event = {
  data: {
    chatUpdated: {
      change: 'READ',
      chat: { id: '5208', readByAgent: true, priority: 'high' },
    },
  },
  codes: [],
};

const waitMs = 10_000;

const noSubscriptions = '`@apollo/gateway` executes no subscriptions.';

const persisted = { departments: [{ title: 'Sales' }] };

const notUsed = (data: unknown, reason: string): Deviation => ({
  outcome: { data, codes: [] },
  shown: 'not used',
  reason,
});

const headersLost =
  'With the option `apq` of its HTTP executor the second request lacks the propagated headers, and so the router secret.';

const transportCases: readonly Case[] = [
  {
    name: 'subscription with the default transport of the router (event stream at `/graphql`)',
    run: subscribed('default'),
    expected: event,
    deviations: { 'Apollo Gateway': notSupported(noSubscriptions) },
  },
  {
    name: 'subscription by WebSocket',
    run: subscribed('webSocket'),
    expected: event,
    deviations: { 'Apollo Gateway': notSupported(noSubscriptions) },
  },
  {
    name: 'subscription by HTTP callback',
    run: subscribed('callback'),
    expected: event,
    deviations: {
      'Apollo Gateway': notSupported(noSubscriptions),
      Grafbase: notSupported('Grafbase has no callback transport.'),
    },
  },
  {
    name: 'compressed requests to the gateway',
    async run(session) {
      session.takeSent();
      const { data, codes } = await session.ask({ query: chat(5_208) }, 'agent', {
        'x-request-id': 'compressed',
      });
      return {
        data: [data?.chat?.status, /content-encoding: gzip/i.test(session.takeSent())],
        codes,
      };
    },
    expected: { data: ['OPENED', true], codes: [] },
    deviations: { Grafbase: notUsed(['OPENED', false], 'Grafbase does not compress requests.') },
  },
  {
    name: 'automatic persisted queries to the gateway',
    async run(session) {
      const query = '{ departments { title: name } }';
      await session.ask({ query });
      session.takeSent();
      const { data, codes } = await session.ask({ query });
      const sent = session.takeSent();
      return { data: [data, sent.includes('sha256Hash'), sent.includes('title')], codes };
    },
    expected: { data: [persisted, true, false], codes: [] },
    deviations: {
      'Hive Gateway': notUsed([persisted, false, true], headersLost),
      'Hive Router planner': notUsed([persisted, false, true], headersLost),
      Grafbase: notUsed([persisted, false, true], 'Grafbase has no such option for subgraphs.'),
    },
  },
  {
    name: 'calls to HelpCrunch are cancelled when the client disconnects',
    async run(session) {
      const { arrived, aborted } = session.helpCrunch.pendingCall();
      const leaving = new AbortController();
      const response = fetch(session.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(await session.credentialsOf('agent')) },
        body: JSON.stringify({ query: chat(special.pending) }),
        signal: leaving.signal,
      }).catch(() => undefined);
      await arrived;
      leaving.abort();
      await response;
      const data = await Promise.race([aborted.then(() => 'cancelled'), wait(3_000, 'continued')]);
      session.clock.advance(60_000);
      return { data };
    },
    expected: { data: 'cancelled' },
    deviations: {
      'Apollo Gateway': {
        outcome: { data: 'continued' },
        shown: 'calls continue',
        reason:
          '`@apollo/gateway` does not cancel requests to subgraphs; `OPERATION_TIMEOUT_MS` limits them.',
      },
    },
  },
  {
    name: 'a field added to another subgraph while the router runs',
    async run(session) {
      session.extendCrm();
      const endMs = Date.now() + waitMs;
      for (;;) {
        const { data, codes } = await session.ask({
          query: '{ records(ids: ["1"]) { addedLater } }',
        });
        if (codes.length === 0 || Date.now() > endMs) return { data, codes };
        await wait(200);
      }
    },
    expected: { data: { records: [{ addedLater: 'added' }] }, codes: [] },
  },
];

/** The last case changes the schema of the supergraph. */
export const cases: readonly Case[] = [
  ...referenceCases,
  ...errorCases,
  ...roleCases,
  ...transportCases,
];
