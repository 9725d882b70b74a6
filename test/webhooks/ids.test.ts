import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { chatWebhooks } from '../../src/resources/chats/descriptor.ts';
import { customerWebhooks } from '../../src/resources/customers/descriptor.ts';
import { messageWebhooks } from '../../src/resources/messages/descriptor.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

const clock = createManualClock();
const { cacheTtlsMs } = readConfig({
  HELPCRUNCH_API_KEY: 'key',
  HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
});

let helpCrunch: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startControlledUpstream();
  gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { rateLimit: 0, cacheTtlsMs, webhookSecret },
  });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const customer = { id: 7, name: 'Ada', email: 'ada@example.com', userId: 'u-7', blocked: false };
const olena = { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' };

beforeEach(() => {
  helpCrunch.chats.clear();
  helpCrunch.customers.clear();
  helpCrunch.seed({
    chats: [{ id: 5, customer, assignee: olena, agents: [olena] }],
    customers: [customer],
  });
});

const messageData = {
  chat_id: 5,
  customer,
  agent: olena,
  message: { id: 9_007_199_254, text: 'Hi', createdAt: '1638953586.915', edited: false },
};

const families = { chat: chatWebhooks, message: messageWebhooks, customer: customerWebhooks };
type Family = keyof typeof families;

/** The data of an event, with numbers as ids. */
const dataOf = (family: Family): unknown =>
  ({ chat: chatData({ ...helpCrunch.chats.get(5) }), message: messageData, customer })[family];

/** How an id may be written. */
const spellings: Readonly<Record<string, (id: number) => unknown>> = {
  'a text': String,
  'a text with a fraction of zero': (id) => `${id}.0`,
  'a text with leading zeros': (id) => `00${id}`,
  'a text between spaces': (id) => ` ${id} `,
};

const isId = (key: string) => key === 'id' || key === 'chat_id' || key === 'applicationId';

/** The data with every id in another spelling. */
function respell(value: unknown, spell: (id: number) => unknown, key = ''): unknown {
  if (typeof value === 'number' && (isId(key) || key === 'communicatedAgents')) return spell(value);
  if (Array.isArray(value)) return value.map((item) => respell(item, spell, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, respell(item, spell, name)]),
  );
}

const query = `{
  chat(id: 5) { id status assignee { id name } customer { id name email } }
  customer(id: 7) { id email blocked unsubscribed }
}`;

/** The outcome of an event, and what the next query reads and costs. */
async function effectsOf(event: string, eventData: unknown) {
  clock.advance(3_600_000);
  await gateway.query(query);
  clock.advance(10_000);
  const { status, outcome } = await deliver(gateway, { event, eventData, atMs: clock.now() });
  const { data, extensions } = await gateway.query(query);
  return { status, outcome, data, calls: extensions.upstream.calls };
}

const cases = (Object.keys(families) as Family[]).flatMap((family) => [
  ...Object.keys(families[family]).map((event) => ({ family, event, spelling: 'a text' })),
  ...Object.keys(spellings).map((spelling) => ({
    family,
    event: { chat: 'chat.closed', message: 'message.private', customer: 'customer.deleted' }[
      family
    ],
    spelling,
  })),
]);

test.each(cases)(
  'the event $event has the same effects if its ids are $spelling instead of numbers',
  async ({ family, event, spelling }) => {
    const expected = await effectsOf(event, dataOf(family));

    const actual = await effectsOf(event, respell(dataOf(family), spellings[spelling]!));

    expect(expected).toMatchObject({ status: 200, outcome: 'applied' });
    expect(actual).toEqual(expected);
  },
);

test.each(['id', 'customer_id', 'customerId'])(
  'a customer event may contain its customer as %s',
  async (field) => {
    const { id, ...rest } = customer;
    const expected = await effectsOf('customer.deleted', customer);

    expect(await effectsOf('customer.deleted', { ...rest, [field]: String(id) })).toEqual(expected);
  },
);
