import { describe, expect, test } from '@jest/globals';
import { toNodeId } from '../../src/lib/ids.ts';
import { callTool } from '../support/mcp.ts';
import { propertyRuns } from '../support/propertyRuns.ts';
import type { Activity, Outcome, Send, SharedAccount } from '../support/sharedAccount.ts';
import { rateLimit, startSharedAccount } from '../support/sharedAccount.ts';
import { hasRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, deliver } from '../support/webhooks.ts';

const minuteMs = 60_000;
const agent = (agentId: number) => ({ role: 'agent', agentId });

interface OwnedChat {
  readonly id: string;
  readonly customer: { readonly id: string };
}

const every =
  (intervalMs: number, act: () => void, fromMs = 0): Activity =>
  (timeMs) => {
    if (timeMs >= fromMs && (timeMs - fromMs) % intervalMs === 0) act();
  };

/** Different numbers, one after the other. */
function counter() {
  let count = 0;
  return () => (count += 1);
}

const aliases = (count: number, field: (index: number) => string) =>
  `{ ${Array.from({ length: count }, (_, index) => `c${index}: ${field(index)}`).join(' ')} }`;

const oneChat = 'query ($id: ID!) { chat(id: $id) { status } }';

/** One upstream call for each chat. */
const chats = (count: number, from = 1, fields = 'status') =>
  aliases(count, (index) => `chat(id: ${from + index}) { ${fields} }`);

const read = ({ id }: OwnedChat) => `{ chat(id: ${id}) { status } }`;
const write = ({ id }: OwnedChat) =>
  `mutation { markChatRead(id: ${id}, by: AGENT, read: true) { id } }`;

const reasonsOf = (outcomes: readonly Outcome[]) =>
  new Set(
    outcomes.flatMap(({ response }) =>
      response.errors.flatMap(({ extensions }) => extensions['reason'] ?? []),
    ),
  );

/** Chats of different customers. */
async function readChats(account: SharedAccount): Promise<OwnedChat[]> {
  const look = await account.client('look', agent(99));
  look('{ chats(first: 100) { nodes { id customer { id } } } }');
  await account.finish();
  const [outcome] = account.of('look');
  const nodes: readonly OwnedChat[] = outcome?.response.data.chats.nodes;
  return [...new Map(nodes.map((chat) => [chat.customer.id, chat])).values()];
}

interface Scenario {
  /** How long others act: briefly by default, in full if PROPERTY_RUNS demands more. */
  readonly seconds: { readonly brief: number; readonly full: number };
  /** What others do after the agent has worked for a minute. */
  readonly others: (account: SharedAccount, chats: readonly OwnedChat[]) => Promise<Activity[]>;
  readonly check?: (account: SharedAccount) => void;
}

const customerOf = (account: SharedAccount, chat: OwnedChat | undefined, name = 'customer') =>
  account.client(name, { role: 'customer', customerId: chat?.customer.id });

const isLimitedByItself = (account: SharedAccount) =>
  expect(reasonsOf(account.of('customer'))).toEqual(new Set(['VIEWER_LIMIT']));

/** References and nodes of foreign chats, and lists with filters that were not requested before. */
function variousReads(send: Send): () => void {
  const next = counter();
  return () => {
    const number = next();
    const ids = (count: number) => Array.from({ length: count }, (_, index) => number + index + 1);
    const representations = (count: number) =>
      ids(count).map((id) => ({ __typename: 'Chat', id: String(id) }));
    const entities = `query ($list: [_Any!]!) { _entities(representations: $list) { ... on Chat { id status } } }`;
    const nodes = 'query ($list: [ID!]!) { nodes(nodeIds: $list) { ... on Chat { status } } }';
    send(entities, { list: representations(200) });
    send(entities, { list: representations(30) });
    send(nodes, { list: ids(100).map((id) => toNodeId('Chat', String(id))) });
    send(nodes, { list: ids(30).map((id) => toNodeId('Chat', String(id))) });
    const from = new Date(Date.UTC(2020, 0, 1) + number * 1_000).toISOString();
    send(`{ chats(first: 5, filter: { createdAt: { from: "${from}" } }) { nodes { id } } }`);
  };
}

const subscriptionCount = 95;

/** Subscriptions with different selections, each of which needs a call of its own, on all instances. */
async function subscribe(account: SharedAccount, chat: OwnedChat | undefined): Promise<void> {
  const { authorization } = await account.credentials({
    role: 'customer',
    customerId: chat?.customer.id,
  });
  const { gateways } = account;
  for (const [instance, gateway] of gateways.entries()) {
    const socket = await openSocket(gateway.url);
    account.onEnd(() => socket.socket.terminate());
    await socket.initialize({ authorization });
    let count = 0;
    for (let first = 1 + instance; first <= subscriptionCount; first += gateways.length) {
      const query = `subscription { chatUpdated { change chat { id customer { chats(first: ${first}) { nodes { id } } } } } }`;
      socket.send({ id: String(first), type: 'subscribe', payload: { query } });
      count += 1;
    }
    await gateway.waitForSubscriptions(count);
  }
}

/** 80 calls a second. */
async function runScript(account: SharedAccount): Promise<Activity> {
  const script = await account.client('script', agent(13));
  return every(1_000, () => {
    for (const from of [1, 11, 21, 31])
      script(chats(10, from, 'status messages(first: 1) { nodes { text } }'));
  });
}

/** MCP clients that call the next tool when the result of the last one is there. */
function loopingMcpClients(count: number): Scenario {
  let errors: boolean[] = [];
  return {
    seconds: { brief: 16, full: 76 },
    async others(account, owned) {
      errors = [];
      const next = counter();
      const clients = await Promise.all(
        Array.from({ length: count }, async (_, index) => ({
          headers: {
            ...(await account.credentials(agent(20 + index))),
            'accept-encoding': 'identity',
          },
          isWaiting: false,
        })),
      );
      const callNext = async (client: (typeof clients)[number]) => {
        client.isWaiting = true;
        const number = next();
        const gateway = account.gateways[number % account.gateways.length];
        const chatId = owned[number % owned.length]?.id;
        const { isError } = await callTool(
          gateway?.url ?? '',
          'readChat',
          { chatId },
          client.headers,
        );
        errors.push(isError);
        client.isWaiting = false;
      };
      return [
        every(250, () => {
          for (const client of clients) if (!client.isWaiting) account.track(callNext(client));
        }),
      ];
    },
    check() {
      expect(errors.filter((isError) => !isError).length).toBeGreaterThan(count);
    },
  };
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'a customer that requests 30 chats of others, four times and then each second': {
    seconds: { brief: 16, full: 76 },
    async others(account, [chat]) {
      const send = await customerOf(account, chat);
      for (let count = 0; count < 4; count += 1) send(chats(30));
      return [every(1_000, () => send(chats(30)))];
    },
    check: isLimitedByItself,
  },
  'a customer with references, nodes and lists with new filters': {
    seconds: { brief: 16, full: 76 },
    async others(account, [chat]) {
      return [every(1_000, variousReads(await customerOf(account, chat)))];
    },
    check: isLimitedByItself,
  },
  'a customer with nine operations a second': {
    seconds: { brief: 16, full: 60 },
    async others(account, [chat]) {
      const send = await customerOf(account, chat);
      const next = counter();
      return [
        every(1_000, () => {
          for (let count = 0; count < 9; count += 1) send(oneChat, { id: next() });
        }),
      ];
    },
    check: isLimitedByItself,
  },
  'twenty customers with nine operations a second each': {
    seconds: { brief: 4, full: 12 },
    async others(account, owned) {
      const next = counter();
      const senders = await Promise.all(
        owned.slice(0, 20).map((chat, index) => customerOf(account, chat, `customer ${index}`)),
      );
      return [
        every(1_000, () => {
          for (const send of senders)
            for (let count = 0; count < 9; count += 1) send(oneChat, { id: next() % 300 });
        }),
      ];
    },
    check(account) {
      const all = account.outcomes.filter(({ client }) => client.startsWith('customer '));
      expect(new Set(all.map(({ client }) => client)).size).toBe(20);
      expect(reasonsOf(all)).toContain('CUSTOMER_LIMIT');
    },
  },
  'a customer with 95 subscriptions and a webhook every 2 s': {
    seconds: { brief: 16, full: 76 },
    async others(account, [chat]) {
      await subscribe(account, chat);
      const [gateway] = account.gateways;
      if (gateway === undefined) throw new Error('There is no gateway.');
      const eventData = chatData({ ...chat, customer: { id: Number(chat?.customer.id) } });
      return [
        every(2_000, () => {
          const atMs = account.clock.now();
          account.track(deliver(gateway, { event: 'chat.rated', eventData, atMs }));
        }),
      ];
    },
  },
  "another agent's script with 80 calls a second": {
    seconds: { brief: 16, full: 76 },
    others: async (account) => [await runScript(account)],
    check: (account) => expect(reasonsOf(account.of('script'))).toContain('VIEWER_LIMIT'),
  },
  "another agent's script and an agent that begins with 12 reads and 12 writes a minute": {
    seconds: { brief: 62, full: 124 },
    async others(account, [, chat]) {
      if (chat === undefined) throw new Error('There is no other chat.');
      const newcomer = await account.client('newcomer', agent(14));
      const startMs = account.now();
      return [
        every(5_000, () => newcomer(read(chat)), startMs),
        every(5_000, () => newcomer(write(chat)), startMs),
        await runScript(account),
      ];
    },
    check(account) {
      expect(account.of('newcomer').flatMap(({ response }) => response.errors)).toEqual([]);
      expect(account.of('newcomer').length).toBeGreaterThanOrEqual(2 * 12);
      expect(reasonsOf(account.of('script'))).toContain('VIEWER_LIMIT');
    },
  },
  'ten MCP clients that call tools without a pause': loopingMcpClients(10),
  'an export with background priority, which uses 70 % of what is left': {
    seconds: { brief: 62, full: 124 },
    async others(account) {
      const send = await account.client('export', agent(15), { headers: { priority: 'u=7' } });
      const next = counter();
      return [
        every(500, () => {
          for (let count = 0; count < 3; count += 1) send(oneChat, { id: 1 + (next() % 300) });
        }),
      ];
    },
    check(account) {
      const lastMs = account.now() - minuteMs;
      for (let fromMs = minuteMs; fromMs < lastMs; fromMs += minuteMs) {
        const toMs = fromMs + minuteMs;
        const used = account.of('worker', fromMs, toMs).length;
        const exported = account
          .of('export', fromMs, toMs)
          .filter(({ response }) => response.extensions.upstream.calls > 0).length;
        expect(used).toBeGreaterThan(0);
        expect(exported).toBeGreaterThanOrEqual(0.7 * (rateLimit - used));
      }
    },
  },
};

const isBrief = propertyRuns(1) === 1;

async function runScenario(instanceCount: 1 | 2, scenario: Scenario) {
  const { others, check } = scenario;
  const { brief, full } = scenario.seconds;
  const seconds = isBrief ? brief : full / instanceCount;
  await using account = await startSharedAccount(instanceCount);
  const worker = await account.client('worker', agent(12), { isOnOneInstance: true });
  const owned = await readChats(account);
  const [chat] = owned;
  if (chat === undefined) throw new Error('There are no chats.');
  const startMs = account.now();
  const work = [
    every(2_000, () => worker(read(chat)), startMs),
    every(4_000, () => worker(write(chat)), startMs),
  ];

  await account.run(60, ...work);
  await account.run(seconds, ...work, ...(await others(account, owned)));
  await account.finish();

  const outcomes = account.of('worker');
  const total = 60 + seconds;
  expect(outcomes.length).toBe(Math.ceil(total / 2) + Math.ceil(total / 4));
  expect(outcomes.flatMap(({ response }) => response.errors)).toEqual([]);
  expect(Math.max(...outcomes.map(({ waitMs }) => waitMs))).toBeLessThan(3_000);
  expect(account.throttledCalls()).toEqual([]);
  check?.(account);
}

const timeoutMs = 120_000;
const cases = Object.entries(scenarios);

describe('an agent at work', () => {
  test.each(cases)(
    'has all reads and writes served within 3 s next to %s',
    (_others, scenario) => runScenario(1, scenario),
    timeoutMs,
  );
});

const describeWithRedis = hasRedis ? describe : describe.skip;

describeWithRedis('an agent at work on one of two instances (needs Redis)', () => {
  test.each(cases)(
    'has all reads and writes served within 3 s next to %s',
    (_others, scenario) => runScenario(2, scenario),
    timeoutMs,
  );
});
