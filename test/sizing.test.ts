import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../src/config/settings.ts';
import { startSimulator } from '../src/simulator/simulator.ts';
import { startTestGateway } from './support/gateway.ts';
import { Idleness } from './support/idleness.ts';
import { bearer, jwtAuth } from './support/issuer.ts';
import { createManualClock } from './support/manualClock.ts';
import { rest } from './support/rest.ts';
import { webhookSecret } from './support/webhooks.ts';

/** The people who use one account, as docs/operations.md describes them. */
interface Load {
  readonly agents: number;
  readonly customers: number;
  readonly hasWebhooks: boolean;
  /** Whether agents use `inbox` instead of `chats`. */
  readonly usesInbox: boolean;
}

const measuredMinutes = 2;
/** Between a change and the webhook of it. */
const webhookDelayMs = 1_000;
const firstOwnCustomer = 7_101;

const chatFields = `
  id status lastMessageAt lastMessageText readByAgent customer { id name email } assignee { id name }`;

const operations = {
  chats: `{
    chats(first: 30, filter: { status: OPENED }, orderBy: { field: LAST_MESSAGE_AT, direction: DESC }) {
      nodes { ${chatFields} }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  inbox: `{ inbox(view: UNREAD, first: 30) { nodes { ${chatFields} } totalCount } }`,
  chat: `query ($id: ID!) {
    chat(id: $id) {
      ${chatFields} rating department { id name }
      messages(first: 30) { nodes { id from type text createdAt edited agent { id name } } }
    }
  }`,
  customer: `query ($id: ID!) { customer(id: $id) { id name email phone company notes customData tags { name } } }`,
  widget: `query ($id: ID!) {
    viewer { customer { id name } }
    chat(id: $id) { id status messages(first: 20) { nodes { id from text createdAt } } }
  }`,
};

async function startAccount({ hasWebhooks, usesInbox }: Load) {
  const clock = createManualClock();
  const simulator = await startSimulator({
    rateLimit: 0,
    clock,
    chats: 200,
    customers: 200,
    // No webhook races the response to the write that caused it.
    behaviour: { webhooks: { late: 1, lateMs: webhookDelayMs } },
  });
  const secret = hasWebhooks ? { HELPCRUNCH_WEBHOOK_SECRET: webhookSecret } : {};
  const { cacheTtlsMs } = readConfig({ HELPCRUNCH_API_KEY: simulator.key, ...secret });
  const limits = { rateLimit: 0, requestRateLimit: 0 };
  const gateway = await startTestGateway({
    upstream: simulator,
    clock,
    config: {
      ...limits,
      auth: jwtAuth(),
      cacheTtlsMs,
      webhookSecret: hasWebhooks ? webhookSecret : undefined,
    },
  });
  const url = `${gateway.url}/webhooks/helpcrunch`;
  if (hasWebhooks) simulator.sendWebhooks({ url, secret: webhookSecret });
  const idleness = new Idleness();
  const tokens = new Map<string, ReturnType<typeof bearer>>();
  /** A person uses one token for all operations. */
  function credentialsOf(claims: Parameters<typeof bearer>[0]) {
    const key = JSON.stringify(claims);
    const credentials = tokens.get(key) ?? bearer(claims);
    tokens.set(key, credentials);
    return credentials;
  }
  let calls = 0;
  return {
    usesInbox,
    /** Ends a second. */
    async tick() {
      clock.advance(1_000);
      await idleness.reached();
    },
    /** The calls since the last time. */
    takeCalls() {
      const taken = calls;
      calls = 0;
      return taken;
    },
    async send(
      claims: Parameters<typeof bearer>[0],
      document: string,
      variables: Readonly<Record<string, unknown>> = {},
    ) {
      const headers = { ...(await credentialsOf(claims)), 'accept-encoding': 'identity' };
      const { errors, extensions } = await gateway.query(document, variables, headers);
      expect(errors).toEqual([]);
      calls += extensions.upstream.calls;
    },
    post: (path: string, body: unknown) => rest(simulator, path, { method: 'POST', body }),
    async [Symbol.asyncDispose]() {
      idleness.end();
      await gateway.stop();
      await simulator.close();
    },
  };
}

type Account = Awaited<ReturnType<typeof startAccount>>;

/** Whether an action is due that occurs every `period` seconds, at different times for different people. */
const isDue = (second: number, person: number, { period = 60, after = 0 } = {}) =>
  (second - 7 * person - after) % period === 0;

/** What an agent, and the customer that writes to this agent in HelpCrunch's own widget, do at a second. */
async function workAsAgent({ send, post, usesInbox }: Account, agent: number, second: number) {
  const claims = { role: 'agent', agentId: 11, sub: `agent ${agent}` };
  const turn = 7 * agent + Math.floor(second / 60);
  const chat = 5_000 + (turn % 150);
  if (isDue(second, agent, { period: 10 }))
    await send(claims, usesInbox ? operations.inbox : operations.chats);
  if (isDue(second, agent)) {
    await send(claims, operations.chat, { id: chat });
    await send(claims, operations.customer, { id: 7_001 + (turn % 100) });
    await send(claims, `mutation { markChatRead(id: ${chat}, by: AGENT, read: true) { id } }`);
  }
  if (isDue(second, agent, { after: 20 })) {
    const input = `chatId: ${chat}, by: AGENT, agentId: 11, text: "Yes"`;
    await send(claims, `mutation { sendMessage(${input}) { id } }`);
  }
  if (isDue(second, agent, { after: 40 }))
    await post('/messages', { chat: 5_150 + agent, text: 'Hello', type: 'message' });
}

/** What a customer does in a widget that uses the gateway. */
async function writeAsCustomer({ send }: Account, customer: number, chat: string, second: number) {
  const claims = { role: 'customer', customerId: firstOwnCustomer + customer };
  if (isDue(second, customer, { period: 10 })) await send(claims, operations.widget, { id: chat });
  if (isDue(second, customer)) {
    const input = `chatId: ${chat}, by: CUSTOMER, text: "Hello?"`;
    await send(claims, `mutation { sendMessage(${input}) { id } }`);
  }
}

async function openChats({ post }: Account, customers: number): Promise<readonly string[]> {
  const chats: string[] = [];
  for (let index = 0; index < customers; index += 1) {
    const { id } = await post('/chats', { customer: firstOwnCustomer + index, application: 1 });
    await post('/messages', { chat: id, text: 'Hello', type: 'message' });
    chats.push(String(id));
  }
  return chats;
}

/** The calls of the busiest minute, after a minute that fills the cache. */
async function measureCalls(load: Load): Promise<number> {
  await using account = await startAccount(load);
  const chats = await openChats(account, load.customers);
  const callsOfMinutes: number[] = [];
  for (let second = 0; second < 60 * (1 + measuredMinutes); second += 1) {
    for (let agent = 0; agent < load.agents; agent += 1) await workAsAgent(account, agent, second);
    for (const [customer, chat] of chats.entries())
      await writeAsCustomer(account, customer, chat, second);
    await account.tick();
    if (second % 60 === 59) callsOfMinutes.push(account.takeCalls());
  }
  return Math.max(...callsOfMinutes.slice(1));
}

const guide = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8');
const rows = [...guide.matchAll(/^\|(?: +\d+ +\|){5}$/gm)].map(([row]) => {
  const [agents = 0, customers = 0, ...calls] = row.match(/\d+/g)?.map(Number) ?? [];
  return { agents, customers, calls };
});

describe('the sizing guide', () => {
  test.each(rows)(
    'states the calls per minute of $agents agents and $customers customers',
    async ({ agents, customers, calls }) => {
      const load = { agents, customers };
      const measured = [
        await measureCalls({ ...load, hasWebhooks: false, usesInbox: false }),
        await measureCalls({ ...load, hasWebhooks: true, usesInbox: false }),
        await measureCalls({ ...load, hasWebhooks: true, usesInbox: true }),
      ];

      expect(measured).toEqual(calls);
    },
  );
});
