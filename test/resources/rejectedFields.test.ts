import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startTestGateway } from '../support/gateway.ts';
import type {
  CannedResponse,
  RecordedCall,
  RecordingUpstream,
} from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';

interface Case {
  readonly field: string;
  /** The request whose body is corrupted. */
  readonly route: string;
  /** The arguments by the properties of the body. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Properties that no argument determines. */
  readonly fixed?: readonly string[];
}

const texts = ['name', 'company', 'phone', 'source', 'referer', 'lastPage', 'locale'] as const;
const creationTexts = ['createdFrom', 'integrationId'] as const;
const times = ['firstSeen', 'lastSeen'] as const;
const flags = ['unsubscribed', 'blocked'] as const;

const customerValues = [
  'userId: $new, email: "ada@example.com", notes: "Notes", customData: { plan: "pro", seats: 5 }',
  ...texts.map((name) => `${name}: "Text"`),
  ...times.map((name) => `${name}: "2026-01-02T03:04:05Z"`),
  ...flags.map((name) => `${name}: true`),
].join();

const inputArguments = (names: readonly string[], argument = 'input') =>
  Object.fromEntries(names.map((name) => [name, `${argument}.${name}`]));

const valueArguments = (argument = 'input'): Record<string, string> => ({
  ...inputArguments(
    ['userId', 'email', 'notes', 'customData', ...texts, ...times, ...flags],
    argument,
  ),
  'customData[0].property': `${argument}.customData.plan`,
  'customData[0].value': `${argument}.customData.plan`,
  'customData[1].property': `${argument}.customData.seats`,
  'customData[1].value': `${argument}.customData.seats`,
});

interface Ids {
  readonly chat: string;
  readonly closed: string;
  readonly customer: string;
  readonly agent: string;
  readonly department: string;
  readonly application: string;
}

/** Every mutation whose request has a body. */
const casesOf = ({
  chat,
  closed,
  customer,
  agent,
  department,
  application,
}: Ids): Record<string, Case> => ({
  markChatRead: {
    field: `markChatRead(id: ${chat}, by: AGENT, read: true) { id }`,
    route: 'PUT /chats/readByAgent',
    arguments: { id: 'id', read: 'read' },
  },
  setChatStatus: {
    field: `setChatStatus(id: ${chat}, status: NEW) { id }`,
    route: 'PUT /chats/status',
    arguments: { id: 'id', status: 'status' },
  },
  assignChat: {
    field: `assignChat(id: ${chat}, agentId: ${agent}) { id }`,
    route: 'PUT /chats/assignee',
    arguments: { id: 'id', assignee: 'agentId' },
  },
  unassignChat: {
    field: `unassignChat(id: ${chat}) { id }`,
    route: 'PUT /chats/assignee',
    arguments: { id: 'id' },
    fixed: ['assignee'],
  },
  moveChat: {
    field: `moveChat(id: ${chat}, departmentId: ${department}) { id }`,
    route: 'PUT /chats/department',
    arguments: { id: 'id', department: 'departmentId' },
  },
  snoozeChat: {
    field: `snoozeChat(id: ${chat}, until: "2100-01-01T00:00:00Z") { id }`,
    route: 'PUT /chats/snooze',
    arguments: { id: 'id', snoozedUntil: 'until' },
  },
  unsnoozeChat: {
    field: `unsnoozeChat(id: ${chat}) { id }`,
    route: 'PUT /chats/snooze',
    arguments: { id: 'id' },
    fixed: ['snoozedUntil'],
  },
  rateChat: {
    field: `rateChat(id: ${closed}, rating: GREAT) { id }`,
    route: 'PUT /chats/rate',
    arguments: { id: 'id', rating: 'rating' },
  },
  sendMessage: {
    field: `sendMessage(chatId: ${chat}, by: AGENT, agentId: ${agent}, text: "Hi", markdown: "Hi") { id }`,
    route: 'POST /messages',
    arguments: { chat: 'chatId', text: 'text', markdownText: 'markdown', agent: 'agentId' },
    fixed: ['type'],
  },
  addChatNote: {
    field: `addChatNote(chatId: ${chat}, agentId: ${agent}, text: "Hi", markdown: "Hi") { id }`,
    route: 'POST /messages',
    arguments: { chat: 'chatId', text: 'text', markdownText: 'markdown', agent: 'agentId' },
    fixed: ['type'],
  },
  createChat: {
    field: `createChat(input: { customerId: ${customer}, applicationId: ${application}, assigneeId: ${agent}, departmentId: ${department} }) { id }`,
    route: 'POST /chats',
    arguments: {
      customer: 'input.customerId',
      application: 'input.applicationId',
      assignee: 'input.assigneeId',
      department: 'input.departmentId',
    },
  },
  'createChat with a message': {
    field: `createChat(input: { customerId: ${customer}, applicationId: ${application}, message: { by: AGENT, agentId: ${agent}, text: "Hi", markdown: "Hi" } }) { id }`,
    route: 'POST /messages',
    arguments: {
      text: 'input.message.text',
      markdownText: 'input.message.markdown',
      agent: 'input.message.agentId',
    },
    fixed: ['type', 'chat'],
  },
  createCustomer: {
    field: `createCustomer(input: { ${customerValues}, ${creationTexts.map((name) => `${name}: "Text"`).join()}, tags: [{ name: "a", color: "#ffffff" }] }) { id }`,
    route: 'POST /customers',
    arguments: {
      ...valueArguments(),
      ...inputArguments([...creationTexts, 'tags', 'tags[0]', 'tags[0].name', 'tags[0].color']),
    },
  },
  updateCustomer: {
    field: `updateCustomer(id: ${customer}, input: { ${customerValues} }) { id }`,
    route: `PATCH /customers/${customer}`,
    arguments: valueArguments(),
  },
  updateCustomers: {
    field: `updateCustomers(updates: [{ id: ${customer}, input: { ${customerValues} } }]) { id }`,
    route: `PATCH /customers/${customer}`,
    arguments: valueArguments('updates[0].input'),
  },
  upsertCustomer: {
    field: `upsertCustomer(userId: $new, input: { ${customerValues} }) { id }`,
    route: 'POST /customers',
    arguments: { ...valueArguments(), userId: 'userId' },
  },
  addCustomerTags: {
    field: `addCustomerTags(customerId: ${customer}, tags: [{ name: "a", color: "#ffffff" }]) { id }`,
    route: `PUT /customers/${customer}/tags`,
    arguments: {
      tags: 'tags',
      'tags[0]': 'tags[0]',
      'tags[0].name': 'tags[0].name',
      'tags[0].color': 'tags[0].color',
    },
  },
  removeCustomerTags: {
    field: `removeCustomerTags(customerId: ${customer}, names: ["a"]) { id }`,
    route: `DELETE /customers/${customer}/tags`,
    arguments: { tags: 'names', 'tags[0]': 'names[0]', 'tags[0].name': 'names[0]' },
  },
  recordCustomerEvent: {
    field: `recordCustomerEvent(customerId: ${customer}, name: "order", data: { total: 9 }) { id }`,
    route: 'POST /events',
    arguments: { customer: 'customerId', name: 'name', data: 'data', 'data.total': 'data.total' },
  },
});

const corruptValues = [undefined, null, {}, '', 'x'.repeat(256)];

type Path = readonly (string | number)[];

/** All properties in a body, objects and lists included. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = [...path, Array.isArray(value) ? Number(name) : name];
    return [own, ...pathsIn(inner, own)];
  });
}

const nameOf = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);

function corrupt(body: unknown, path: Path, value: unknown): unknown {
  const copy: any = structuredClone(body);
  let parent = copy;
  for (const part of path.slice(0, -1)) parent = parent[part];
  parent[path.at(-1) ?? ''] = value;
  return copy;
}

let simulator: Simulator;
let between: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
/** Changes the body of a request on its way to the simulator. */
let change: (call: RecordedCall) => unknown = ({ body }) => body;

const isCall = ({ method, path }: RecordedCall, route: string) => `${method} ${path}` === route;

let count = 0;

async function forward(call: RecordedCall): Promise<CannedResponse> {
  const { method, path, query } = call;
  const body = change(call);
  const response = await fetch(`${simulator.url}${path}?${query.toString()}`, {
    method,
    headers: { authorization: `Bearer ${simulator.key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

beforeAll(async () => {
  simulator = await startSimulator({ rateLimit: 0, customers: 30, chats: 60 });
  between = await startRecordingUpstream();
  between.respond('*', forward);
  gateway = await startTestGateway({
    upstream: between,
    config: { rateLimit: 0, mutations: 'all' },
  });
});

afterAll(async () => {
  await gateway.stop();
  await between[Symbol.asyncDispose]();
  await simulator.close();
});

async function readIds(): Promise<Ids> {
  change = ({ body }) => body;
  const { data } = await gateway.query(`{
    chats(first: 1) { nodes { id customer { id } } }
    closed: chats(first: 1, filter: { status: CLOSED }) { nodes { id } }
    customers(first: 100) { nodes { id customData } }
    agents { id } departments { id } applications { id }
  }`);
  const [first] = data.chats.nodes;
  return {
    chat: first.id,
    closed: data.closed.nodes[0].id,
    customer: data.customers.nodes.find(
      ({ customData }: any) => Object.keys(customData).length === 0,
    ).id,
    agent: data.agents[0].id,
    department: data.departments[0].id,
    application: data.applications[0].id,
  };
}

const names = Object.keys(
  casesOf({ chat: '', closed: '', customer: '', agent: '', department: '', application: '' }),
);

describe('a 400 of the simulator', () => {
  test.each(names)('%s names the argument of every property that it rejects', async (name) => {
    const {
      field,
      route,
      arguments: expected,
      fixed = [],
    } = casesOf(await readIds())[name] ?? {
      field: '',
      route: '',
      arguments: {},
    };
    const document = `mutation ${field.includes('$new') ? '($new: String!)' : ''} { ${field} }`;
    /** The same mutation of another customer: accepted values must not be in the way of the next ones. */
    const mutate = () => {
      count += 1;
      return gateway.query(document, { new: `new ${count}` });
    };
    let body: unknown;
    change = (call) => {
      if (isCall(call, route)) body = call.body;
      return call.body;
    };
    await mutate();
    const argumentOf = (property: string) => expected[property] ?? `no argument for ${property}`;
    const rejected = new Set<string>();

    const paths = pathsIn(body).filter((path) => !fixed.includes(nameOf(path)));
    for (const path of paths) {
      for (const value of corruptValues) {
        change = (call) => (isCall(call, route) ? corrupt(call.body, path, value) : call.body);
        const { errors } = await mutate();
        const { code, upstream, fields } = errors[0]?.extensions ?? {};
        if (code !== 'BAD_USER_INPUT' || upstream?.status !== 400) continue;
        const properties = upstream.errors
          .map((entry: any) => entry.code)
          .filter((each: string) => each !== 'invalid_request');
        expect([nameOf(path), value, fields?.map((each: any) => each.path)]).toEqual([
          nameOf(path),
          value,
          properties.map(argumentOf),
        ]);
        rejected.add(nameOf(path));
      }
    }

    expect(paths.map(nameOf).filter((path) => !rejected.has(path))).toEqual([]);
  });
});
