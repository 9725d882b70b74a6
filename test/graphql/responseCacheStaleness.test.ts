import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import { responseTo } from '../support/client.ts';
import type { ControlledUpstream, HeldCall } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import type { RecordedCall } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';
import { metricOf } from '../support/metrics.ts';
import { propertyParameters } from '../support/propertyRuns.ts';

/**
 * Every value of the upstream has a version, and it is recorded from when to when each was current. Whatever a response shows must
 * have been current less than a TTL before the request, and at or after the last change that was acknowledged before it.
 */
const oneHour = 3_600_000;
const { cacheTtlsMs } = readConfig({});
const clock = createManualClock();

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const name = 'id name';
const chatFields = 'id lastMessageText snoozedUntil customer { id name }';

/** Operations and the ids that they use. */
const operations = {
  customer: {
    query: `query A($id: ID!) { customer(id: $id) { ${name} company } }`,
    ids: [7, 8, 9],
  },
  user: {
    query: `query B($id: ID!) { customerByUserId(userId: $id) { ${name} } }`,
    ids: ['u-7', 'u-8', 'u-9'],
  },
  customers: {
    query: `{ customers(first: 3) { totalCount nodes { ${name} company } } }`,
    ids: [0],
  },
  reference: {
    query: `query D($id: ID!) {
      appearing: _entities(representations: [{ __typename: "Customer", id: $id }]) { ... on Customer { ${name} } }
    }`,
    ids: [10],
  },
  chat: { query: `query E($id: ID!) { chat(id: $id) { ${chatFields} } }`, ids: [1, 2] },
  chats: { query: `{ chats(first: 5) { nodes { ${chatFields} } } }`, ids: [0] },
  customerOfChat: {
    query: 'query G($id: ID!) { chat(id: $id) { id customer { id company } } }',
    ids: [1, 2],
  },
  own: {
    query: `query H($id: ID!) {
      _entities(representations: [{ __typename: "Customer", id: $id }]) {
        ... on Customer { chats { nodes { ${chatFields} } } }
      }
    }`,
    ids: [7, 8],
  },
  messages: {
    query: 'query I($id: ID!) { chat(id: $id) { id messages { nodes { text } } } }',
    ids: [1, 2],
  },
  agents: { query: '{ agents { id name } }', ids: [0] },
  viewer: {
    query: `{ viewer { customer { ${name} company } } chat(id: 1) { id customer { id name } messages { nodes { text } } } }`,
    ids: [0],
  },
} as const;

type OperationName = keyof typeof operations;

const operationNames = Object.keys(operations) as OperationName[];

/** Values by the name of what has them; null for what is not there. */
type State = ReadonlyMap<string, string | null>;

/** A value that a response shows, and how old it may be. */
interface Shown {
  readonly cell: string;
  /** Where an acknowledged change of it must show: not every change reaches what is embedded. */
  readonly place: string;
  readonly value: string | null;
  readonly ttlMs: number;
}

const textOf = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : null;

function stateOf({ chats, customers, agents }: ControlledUpstream): State {
  return new Map<string, string | null>([
    ['customers', String(customers.size)],
    ['customer 10', textOf(customers.get(10)?.['name'])],
    ...agents.map((row): [string, string] => [`agent ${row.id}`, String(row['name'])]),
    ...[...customers.values()].flatMap((row): [string, string | null][] => [
      [`customer ${row.id}`, textOf(row['name'])],
    ]),
    ...[...chats.values()].flatMap((row): [string, string | null][] => [
      [`chat ${row.id}`, textOf(row['lastMessageText'])],
      [`snoozed ${row.id}`, textOf(row['snoozedUntil'])],
    ]),
  ]);
}

/** All values with a version that the data of a response shows. */
function shownIn(data: any): Shown[] {
  const found: Shown[] = [];
  const show = (cell: string, value: unknown, { place = cell, ttlMs = cacheTtlsMs.chats } = {}) => {
    if (value !== undefined) found.push({ cell, place, value: textOf(value), ttlMs });
  };
  function customer({ id, name: shown, company }: any, isInChat: boolean) {
    const cell = `customer ${id}`;
    // A chat embeds the name of its customer, unless further fields of the customer are selected.
    if (isInChat) show(cell, shown, { place: `embedded ${id}` });
    else show(cell, shown, { ttlMs: cacheTtlsMs.customers });
    show(cell, company, { place: `company ${id}`, ttlMs: cacheTtlsMs.customers });
  }
  function chat({ id, lastMessageText, snoozedUntil, customer: own, messages }: any) {
    show(`chat ${id}`, lastMessageText);
    if (snoozedUntil !== undefined) {
      show(`snoozed ${id}`, snoozedUntil && Date.parse(snoozedUntil) / 1000);
    }
    if (own) customer(own, true);
    for (const { text } of messages?.nodes ?? []) show(`chat ${id}`, text);
  }
  const { appearing, _entities: entities = [], agents = [], customers, chats } = data;
  for (const one of [data.customer, data.customerByUserId, data.viewer?.customer]) {
    if (one) customer(one, false);
  }
  for (const one of customers?.nodes ?? []) customer(one, false);
  show('customers', customers?.totalCount);
  if (appearing !== undefined) {
    const [one] = appearing;
    if (one === null) show('customer 10', null, { ttlMs: cacheTtlsMs.absent });
    else customer(one, false);
  }
  if (data.chat) chat(data.chat);
  for (const one of chats?.nodes ?? []) chat(one);
  for (const owner of entities) for (const one of owner.chats.nodes) chat(one);
  for (const { id, name: shown } of agents) {
    show(`agent ${id}`, shown, { ttlMs: cacheTtlsMs.account });
  }
  return found;
}

interface Interval {
  readonly value: string | null;
  readonly fromMs: number;
}

/** What was current when, and what of it clients may rely on. */
function createHistory(helpCrunch: ControlledUpstream) {
  const intervals = new Map<string, Interval[]>();
  const acknowledged = new Map<string, number>();
  const of = (cell: string): Interval[] => intervals.get(cell) ?? [];
  const latest = (cell: string): number => of(cell).length - 1;

  return {
    latest,
    acknowledged: (place: string): number => acknowledged.get(place) ?? 0,
    /** Call after every change of the upstream. */
    observe() {
      for (const [cell, value] of stateOf(helpCrunch)) {
        const before = of(cell);
        if (before.length > 0 && before.at(-1)?.value === value) continue;
        intervals.set(cell, [...before, { value, fromMs: clock.now() }]);
      }
    },
    acknowledge(place: string, index: number) {
      acknowledged.set(place, Math.max(acknowledged.get(place) ?? 0, index));
    },
    /** The last time that the value was current: its number, and until when. Undefined if it never was. */
    find(cell: string, value: string | null) {
      const index = of(cell).findLastIndex((interval) => interval.value === value);
      if (index === -1) return undefined;
      return { index, untilMs: of(cell)[index + 1]?.fromMs ?? Infinity };
    },
  };
}

type Change = 'customer' | 'chat' | 'snoozed' | 'agent' | 'appearing';
type Webhook = 'message' | 'snoozed' | 'email' | 'tags' | 'appearing';

interface Asked {
  readonly operation: OperationName;
  readonly which: number;
}

type Step =
  | (Asked & {
      readonly kind: 'read';
      readonly isRefresh: boolean;
      /** Number of sequential executions, each awaited; 0 for one that is not awaited. */
      readonly turns: number;
    })
  | { readonly kind: 'write'; readonly id: number; readonly isAwaited: boolean }
  /** Lets one of the calls under way go one point further. */
  | { readonly kind: 'go'; readonly which: number; readonly isLost: boolean }
  /** Completes all calls in flight. */
  | { readonly kind: 'drain' }
  /** Data changes without a webhook. */
  | { readonly kind: 'change'; readonly what: Change; readonly which: number }
  /** Data changes, and HelpCrunch sends a webhook. */
  | { readonly kind: 'webhook'; readonly what: Webhook; readonly which: number }
  | { readonly kind: 'advance'; readonly ms: number };

const changeOfWebhook: Readonly<Record<Webhook, Change>> = {
  message: 'chat',
  snoozed: 'snoozed',
  email: 'customer',
  tags: 'customer',
  appearing: 'appearing',
};

const rarely = fc.nat(9).map((number) => number === 0);
/** Prefers one index, because changes of entities that no operation reads have no effect. */
const which = fc.constantFrom(0, 0, 0, 1, 2);

const operation = fc.oneof(
  fc.constantFrom(...operationNames),
  // Customers are read together with those of other operations, and a list shows what is written to its members.
  fc.constantFrom('customer' as const, 'user' as const, 'chats' as const),
);

const stepOf = (asked: fc.Arbitrary<Asked>): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 12,
      // A response is cached when its operation comes for the second time, and shown when it comes for the third.
      arbitrary: fc
        .tuple(asked, rarely, fc.constantFrom(0, 0, 1, 3))
        .map(([what, isRefresh, turns]) => ({ kind: 'read' as const, ...what, isRefresh, turns })),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        id: fc.constantFrom(1, 1, 2),
        isAwaited: fc.constantFrom(true, true, false),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('go' as const), which: fc.nat(5), isLost: rarely }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'drain' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('change' as const),
        what: fc.constantFrom<Change[]>('customer', 'chat', 'snoozed', 'agent', 'appearing'),
        which,
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('webhook' as const),
        what: fc.constantFrom<Webhook[]>('message', 'snoozed', 'email', 'tags', 'appearing'),
        which,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('advance' as const),
        ms: fc.constantFrom(
          12,
          250,
          2_500,
          cacheTtlsMs.chats,
          cacheTtlsMs.customers,
          cacheTtlsMs.account,
        ),
      }),
    },
  );

interface UnderWay {
  readonly held: HeldCall;
  readonly call: RecordedCall;
  isApplied: boolean;
}

interface Seen {
  /** What a response showed that it must not. */
  readonly odd: string[];
  /** How many responses had waited for a call of another operation. */
  readonly shared: number;
}

/** No version ever comes again, so that what is left of an earlier run is recognised. */
let lastVersion = 1_700_000_000;
const nextVersion = () => {
  lastVersion += 1;
  return lastVersion;
};

const team = await bearer({ role: 'agent', agentId: '12' });
const viewers = [
  await bearer({ role: 'customer', customerId: '7' }),
  await bearer({ role: 'customer', userId: 'u-7' }),
] as const;

/** Does what the steps say with the gateways, which share an upstream and may share a Redis. */
async function race(
  helpCrunch: ControlledUpstream,
  gateways: readonly [Gateway, ...Gateway[]],
  steps: readonly Step[],
): Promise<Seen> {
  const history = createHistory(helpCrunch);
  const underWay: UnderWay[] = [];
  const responses: Promise<void>[] = [];
  const odd: string[] = [];
  let shared = 0;
  let turn = 0;

  function rename(id: number) {
    const change = { name: String(nextVersion()), company: String(lastVersion) };
    const row = { ...helpCrunch.customers.get(id), id, ...change };
    helpCrunch.seed({ customers: [row] });
    for (const chat of helpCrunch.chats.values()) {
      if (chat['customer'].id === id) helpCrunch.chats.set(chat.id, { ...chat, customer: row });
    }
  }

  const changes: Readonly<Record<Change, (index: number) => void>> = {
    customer: (index) => rename(7 + index),
    chat: (index) => setChat(index, { lastMessageText: String(nextVersion()) }),
    snoozed: (index) => setChat(index, { snoozedUntil: String(nextVersion()) }),
    agent: () => Object.assign(helpCrunch.agents[0] ?? {}, { name: String(nextVersion()) }),
    appearing: () => rename(helpCrunch.customers.has(10) ? nextVersion() : 10),
  };

  function setChat(index: number, change: object) {
    const chat = helpCrunch.chats.get(1 + (index % 2));
    if (chat !== undefined) helpCrunch.chats.set(chat.id, { ...chat, ...change });
  }

  /** Lets the gateways process earlier requests before time advances. */
  const settled = () => Promise.all(gateways.map(({ url }) => fetch(`${url}/healthz`)));

  const moveOn = () => {
    turn = (turn + 1) % gateways.length;
  };

  async function post(operation: object, headers: Readonly<Record<string, string>>): Promise<any> {
    const response = await responseTo(gateways[turn] ?? gateways[0], operation, headers);
    return JSON.parse(response.slice(response.indexOf('{')));
  }

  function read({
    operation: which,
    which: index,
    isRefresh,
  }: Asked & { readonly isRefresh: boolean }) {
    const { query, ids } = operations[which];
    const variables = { id: String(ids[index % ids.length]) };
    const headers = {
      ...(which === 'viewer' ? (viewers[index % 2] ?? viewers[0]) : team),
      ...(isRefresh ? { 'cache-control': 'no-cache' } : {}),
    };
    const askedMs = clock.now();
    const least = new Map<string, number>();
    const places = new Set<string>();
    for (const cell of stateOf(helpCrunch).keys()) {
      for (const place of [
        cell,
        cell.replace('customer', 'embedded'),
        cell.replace('customer', 'company'),
      ]) {
        places.add(place);
        least.set(place, isRefresh ? history.latest(cell) : history.acknowledged(place));
      }
    }
    responses.push(
      post({ query, variables }, headers).then(({ data, errors, extensions }) => {
        shared += Number(extensions.upstream.shared);
        if (errors !== undefined) return;
        for (const { cell, place, value, ttlMs } of shownIn(data)) {
          const found = history.find(cell, value);
          const isOld =
            found === undefined ||
            found.untilMs <= askedMs - ttlMs ||
            found.index < (least.get(place) ?? 0);
          if (isOld) {
            const { index = 'none', untilMs = 0 } = found ?? {};
            const age = `version ${index}, ${askedMs - untilMs} ms after its end`;
            odd.push(`${which} ${variables.id} shows ${place} in ${age}`);
          }
        }
      }),
    );
  }

  function write(id: number) {
    const query = `mutation { markChatRead(id: ${id}, by: AGENT, read: true) { ${chatFields} } }`;
    responses.push(
      post({ query }, team).then(({ data, errors }) => {
        if (errors !== undefined) return;
        for (const { cell, value } of shownIn({ chat: data.markChatRead })) {
          const found = history.find(cell, value);
          if (found && !cell.startsWith('customer')) history.acknowledge(cell, found.index);
        }
      }),
    );
  }

  /** Sends the webhook of an earlier change. */
  async function tell(what: Webhook, index: number) {
    const chatId = 1 + (index % 2);
    const customerId = what === 'appearing' ? 10 : 7 + index;
    const chat = helpCrunch.chats.get(chatId);
    const customer = helpCrunch.customers.get(customerId);
    if (chat === undefined || customer === undefined) return;
    const message = { chat_id: chatId, customer: chat['customer'], message: { id: 1, text: 'Hi' } };
    const cell = `customer ${customerId}`;
    const deliveries: Readonly<Record<Webhook, readonly [string, unknown, readonly string[][]]>> = {
      message: ['message.chat.customer', message, [[`chat ${chatId}`], [`snoozed ${chatId}`]]],
      snoozed: ['chat.snoozed', chatData(chat), [[`snoozed ${chatId}`]]],
      email: ['customer.email_updated', customer, [[cell], [`embedded ${customerId}`, cell]]],
      tags: ['customer.tags_changed', customer, [[cell], [`company ${customerId}`, cell]]],
      appearing: [
        'customer.new',
        customer,
        [[cell], [`company ${customerId}`, cell], ['customers']],
      ],
    };
    const [event, eventData, places] = deliveries[what];
    const reached = places.map(([place = '', of = place]) => [place, history.latest(of)] as const);
    const { outcome } = await deliver(gateways[turn] ?? gateways[0], {
      event,
      eventData,
      atMs: clock.now(),
    });
    if (outcome !== 'applied') return;
    for (const [place, latest] of reached) history.acknowledge(place, latest);
  }

  function answer({ held, call }: UnderWay, isLost = false): void {
    held.apply();
    history.observe();
    held.respond(isLost && call.method === 'PUT' ? { status: 502 } : undefined);
  }

  async function drain(): Promise<void> {
    while (responses.length > 0) {
      const isOver = Promise.all(responses.splice(0)).then(() => true);
      for (let over = false; !over;) {
        for (const waiting of underWay.splice(0)) answer(waiting);
        over = await Promise.race([isOver, settled().then(() => false)]);
        // A call that gathers what others miss waits for the one before it.
        clock.advance(1);
      }
    }
  }

  clock.advance(oneHour);
  helpCrunch.customers.clear();
  helpCrunch.chats.clear();
  for (const id of [7, 8, 9]) rename(id);
  for (const id of [1, 2]) {
    const lastMessageText = String(nextVersion());
    lastVersion += 1_000;
    helpCrunch.seed({
      chats: [{ id, lastMessageText, customer: helpCrunch.customers.get(6 + id) }],
    });
  }
  changes.agent(0);
  history.observe();
  helpCrunch.onEveryCall((held) => {
    void held.arrived.then((call) => underWay.push({ held, call, isApplied: false }));
  });

  async function carryOut(next: Step): Promise<void> {
    switch (next.kind) {
      case 'read':
        if (next.turns === 0) read(next);
        for (let time = 0; time < next.turns; time += 1) {
          read(next);
          await drain();
        }
        moveOn();
        break;
      case 'write':
        write(next.id);
        if (next.isAwaited) await drain();
        break;
      case 'drain':
        await drain();
        break;
      case 'change':
        changes[next.what](next.which);
        history.observe();
        break;
      case 'webhook':
        changes[changeOfWebhook[next.what]](next.which);
        history.observe();
        await tell(next.what, next.which);
        break;
      case 'advance':
        clock.advance(next.ms);
        break;
      case 'go': {
        const waiting = underWay[next.which % Math.max(1, underWay.length)];
        if (waiting === undefined) break;
        if (waiting.isApplied) {
          underWay.splice(underWay.indexOf(waiting), 1);
          answer(waiting, next.isLost);
        } else {
          waiting.isApplied = true;
          waiting.held.apply();
          history.observe();
        }
      }
    }
  }

  for (const next of steps) {
    await carryOut(next);
    if (next.kind === 'read' || next.kind === 'write' || next.kind === 'go') await settled();
  }
  await drain();
  // Whatever is kept now has to be given up: everything changes, and all TTLs pass.
  for (const change of Object.values(changes)) for (const index of [0, 1, 2]) change(index);
  history.observe();
  clock.advance(cacheTtlsMs.account);
  for (const gateway of gateways) {
    for (const operation of operationNames) {
      for (const index of operations[operation].ids.keys()) {
        turn = gateways.indexOf(gateway);
        read({ operation, which: index, isRefresh: false });
      }
    }
  }
  await drain();
  helpCrunch.onEveryCall();
  return { odd, shared };
}

const cachedResponses = (gateway: Gateway) =>
  metricOf(gateway, 'helpcrunch_response_cache_hits_total');

/** A gateway that has answered each of the operations often enough to keep responses to them. */
async function start(upstream: ControlledUpstream, config: Partial<Config> = {}) {
  const gateway = await startTestGateway({
    upstream,
    clock,
    config: {
      rateLimit: 0,
      cacheTtlsMs,
      webhookSecret,
      auth: jwtAuth(),
      // Only what is cached may grow old while calls are held.
      operationTimeoutMs: 24 * oneHour,
      upstreamTimeoutMs: 24 * oneHour,
      ...config,
    },
  });
  upstream.seed({
    customers: [7, 8, 9, 10].map((id) => ({ id })),
    chats: [1, 2].map((id) => ({ id, customer: { id: 6 + id } })),
  });
  for (let time = 0; time < 2; time += 1) {
    for (const operation of operationNames) {
      const { query, ids } = operations[operation];
      const variables = { id: String(ids[0]) };
      await responseTo(gateway, { query, variables }, operation === 'viewer' ? viewers[0] : team);
    }
  }
  return gateway;
}

describe('random reads, writes, webhooks and clock changes', () => {
  let helpCrunch: ControlledUpstream;

  beforeAll(async () => {
    helpCrunch = await startControlledUpstream();
  });

  afterAll(() => helpCrunch[Symbol.asyncDispose]());

  const asked = fc.record({ operation, which });
  const steps = fc.array(asked, { minLength: 1, maxLength: 2 }).chain((often) =>
    fc.array(stepOf(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...often) }, asked)), {
      minLength: 8,
      maxLength: 20,
    }),
  );

  async function holdsFor(gateways: readonly [Gateway, ...Gateway[]], count: number) {
    const parameters = propertyParameters(count);
    let joined = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const { odd, shared } = await race(helpCrunch, gateways, plan);

        expect(odd).toEqual([]);
        joined += shared;
      }),
      { ...parameters, endOnFailure: true },
    );
    let cached = 0;
    for (const gateway of gateways) cached += await cachedResponses(gateway);
    return { joinedPerRun: joined / parameters.numRuns, cachedPerRun: cached / parameters.numRuns };
  }

  test('no cached response contains data older than its TTL or than an acknowledged change', async () => {
    await using gateway = await start(helpCrunch);

    const { joinedPerRun, cachedPerRun } = await holdsFor([gateway], 20);

    // The runs are meaningful only where responses were cached and calls were shared.
    expect(cachedPerRun).toBeGreaterThan(1);
    expect(joinedPerRun).toBeGreaterThan(1);
  });

  test('no response of a cache that evicts entries contains data older than its TTL or than an acknowledged change', async () => {
    await using gateway = await start(helpCrunch, { cacheMaxBytes: 8_000 });

    const { cachedPerRun } = await holdsFor([gateway], 8);

    expect(cachedPerRun).toBeGreaterThan(0.6);
  });

  (hasRedis ? test : test.skip)('from a Redis that two instances share (needs Redis)', async () => {
    await using redis = await startRedis();
    await using a = await start(helpCrunch, { redisUrl: redis.url });
    await using b = await start(helpCrunch, { redisUrl: redis.url });

    const { joinedPerRun, cachedPerRun } = await holdsFor([a, b], 8);

    expect(cachedPerRun).toBeGreaterThan(0.2);
    expect(joinedPerRun).toBeGreaterThan(0.2);
  });
});
