import { expect, test } from '@jest/globals';
import { startDemo } from '../support/gateway.ts';
import { callTool, tokensOf } from '../support/mcp.ts';

type Arguments = Readonly<Record<string, unknown>>;
type Call = (tool: string, args?: Arguments) => Promise<string>;

interface Task {
  /** The upstream calls of a client that knows HelpCrunch's API and makes no call twice. */
  readonly minimalCalls: number;
  /** Uses only the descriptions of the tools and what earlier results contain. */
  readonly run: (call: Call) => Promise<unknown>;
}

/** The part of a text that a pattern captures. */
function captured(text: string, pattern: RegExp): string {
  const [, part] = pattern.exec(text) ?? [];
  if (part === undefined) throw new Error(`${pattern} is not in: ${text.slice(0, 300)}`);
  return part;
}

const withoutMarks = (text: string): string => text.replace(/<\/?t[0-9a-f]+>/g, '');
const firstId = (text: string): string => captured(text, /\n\s*- id: (\d+)/);
const customerOf = (text: string): string => captured(text, /customer: \{id: (\d+)/);
const agentsSection = (text: string): string => captured(text, /agents:\n([^]*?)\ndepartments/);

/** 300 chats of which fewer than 100 are open, so that one call reads all of them. */
const account = { chats: 300, customers: 60 };
const inboxCalls = 1;

const tasks: Readonly<Record<string, Task>> = {
  'How many chats are open, and how many of them are unassigned?': {
    minimalCalls: inboxCalls,
    run: async (call) => {
      expect(await call('inboxSummary')).toMatch(/open: \d+, unread: \d+, unassigned: \d+/);
    },
  },
  'Which agent has the most open chats?': {
    minimalCalls: inboxCalls,
    run: async (call) => {
      expect(await call('inboxSummary')).toMatch(/byAgent:\n\s*- agent: \{id: \d+, name: "/);
    },
  },
  'Which chats wait for an answer?': {
    minimalCalls: inboxCalls,
    run: async (call) => {
      expect(await call('inbox', { view: 'WAITING' })).toMatch(/inbox \(\d+ in total\)/);
    },
  },
  'What does the newest waiting customer want?': {
    minimalCalls: inboxCalls + 2,
    run: async (call) => {
      const chatId = firstId(await call('inbox', { view: 'WAITING' }));
      expect(await call('readChat', { chatId })).toMatch(/from: CUSTOMER, .*text: /);
    },
  },
  'How many chats are snoozed, and which are they?': {
    minimalCalls: inboxCalls,
    run: async (call) => {
      const summary = await call('inboxSummary');
      const snoozed = captured(summary, /snoozed: (\d+)/);
      expect(await call('inbox', { view: 'SNOOZED' })).toContain(`(${snoozed} in total)`);
    },
  },
  'Find the customers named Ruth.': {
    minimalCalls: 1,
    run: async (call) => {
      expect(withoutMarks(await call('findCustomers', { search: 'Ruth' }))).toContain('Ruth ');
    },
  },
  'What did customer Ruth write about most recently?': {
    minimalCalls: 5,
    run: async (call) => {
      const customerId = firstId(await call('findCustomers', { search: 'Ruth' }));
      const chatId = firstId(await call('customerChats', { customerId }));
      expect(await call('readChat', { chatId })).toContain('messages (oldest first)');
    },
  },
  'Which tags, notes and data does the newest unhappy customer have?': {
    minimalCalls: 3,
    run: async (call) => {
      const chats = await call('findChats', { rating: 'POOR' });
      const customer = await call('customerChats', { customerId: customerOf(chats) });
      expect(customer).toMatch(/firstSeen: .*blocked: /);
    },
  },
  'Why was the newest poorly rated chat rated poorly?': {
    minimalCalls: 3,
    run: async (call) => {
      const chatId = firstId(await call('findChats', { status: ['CLOSED'], rating: 'POOR' }));
      expect(await call('readChat', { chatId })).toContain('rating: POOR');
    },
  },
  'How many chats of this year are closed?': {
    minimalCalls: 1,
    run: async (call) => {
      const createdAt = { from: `${new Date().getUTCFullYear()}-01-01T00:00:00Z` };
      const chats = await call('findChats', { status: ['CLOSED'], createdAt });
      expect(chats).toMatch(/chats \(\d+ in total\)/);
    },
  },
  'Show the second page of the closed chats.': {
    minimalCalls: 2,
    run: async (call) => {
      const status = ['CLOSED'];
      const first = await call('findChats', { status });
      const cursor = captured(first, /cursor: "([^"]+)"/);
      const second = await call('findChats', { status, cursor });
      expect(firstId(second)).not.toBe(firstId(first));
    },
  },
  'Who is on the team?': {
    minimalCalls: 2,
    run: async (call) => {
      expect(await call('team')).toMatch(/role: SUPERVISOR[^]*departments:\n/);
    },
  },
  'Which chats does the first supervisor have?': {
    minimalCalls: 3,
    run: async (call) => {
      const agents = agentsSection(await call('team'));
      const assigneeId = captured(agents, /id: (\d+), name: [^\n]*, role: SUPERVISOR/);
      expect(await call('findChats', { assigneeId })).toMatch(/chats \(\d+ in total\)/);
    },
  },
  'Which chats does the first department have?': {
    minimalCalls: 3,
    run: async (call) => {
      const departmentId = captured(await call('team'), /departments:\n\s*- id: (\d+)/);
      const chats = await call('findChats', { departmentId });
      expect(chats).toContain(`department: {id: ${departmentId}`);
    },
  },
  'Mark the newest unread chat as read.': {
    minimalCalls: inboxCalls + 1,
    run: async (call) => {
      const chatId = firstId(await call('inbox', { view: 'UNREAD' }));
      expect(await call('markRead', { chatId })).toContain('readByAgent: true');
    },
  },
  'Answer the newest waiting chat.': {
    minimalCalls: inboxCalls + 2 + 1,
    run: async (call) => {
      const inbox = await call('inbox', { view: 'WAITING' });
      const agentId = captured(inbox, /assignee: \{id: (\d+)/);
      const chatId = captured(inbox, /- id: (\d+)[^\n]*assignee: /);
      await call('readChat', { chatId });
      expect(await call('reply', { chatId, agentId, text: 'Thank you.' })).toMatch(/id: \d+/);
    },
  },
  'Give the newest unassigned chat to an agent, unless somebody takes it first.': {
    minimalCalls: inboxCalls + 2 + 2,
    run: async (call) => {
      const chatId = firstId(await call('inbox', { view: 'UNASSIGNED' }));
      const agentId = captured(agentsSection(await call('team')), /id: (\d+)[^\n]*role: AGENT/);
      const result = await call('assignChat', { chatId, agentId, ifUnassigned: true });
      expect(result).toContain(`assignee: {id: ${agentId}`);
    },
  },
  'Leave a note for the colleagues in the newest poorly rated chat.': {
    minimalCalls: 2,
    run: async (call) => {
      const chatId = firstId(await call('findChats', { rating: 'POOR' }));
      expect(await call('addNote', { chatId, text: 'Call back.' })).toMatch(/id: \d+/);
    },
  },
  'Reply to the newest waiting chat and close it.': {
    minimalCalls: inboxCalls + 2,
    run: async (call) => {
      const inbox = await call('inbox', { view: 'WAITING' });
      const agentId = captured(inbox, /assignee: \{id: (\d+)/);
      const chatId = captured(inbox, /- id: (\d+)[^\n]*assignee: /);
      await call('reply', { chatId, agentId, text: 'Done.', idempotencyKey: 'task' });
      expect(await call('closeChat', { chatId })).toContain('status: CLOSED');
    },
  },
  'Read the whole newest closed chat of the newest customer with a poor rating.': {
    minimalCalls: 5,
    run: async (call) => {
      const customerId = customerOf(await call('findChats', { rating: 'POOR' }));
      const chats = await call('customerChats', { customerId });
      const chatId = captured(chats, /- id: (\d+), status: CLOSED/);
      expect(await call('readChat', { chatId })).toContain('status: CLOSED');
    },
  },
};

test.each(Object.entries(tasks))('%s', async (_question, { minimalCalls, run }) => {
  await using demo = await startDemo({
    ...account,
    config: {
      mcp: { isEnabled: true, operations: undefined, allowsWrites: true },
      mutations: 'all',
    },
  });

  await run(async (tool, args) => {
    const { text, isError, error } = await callTool(demo.url, tool, args);
    expect({ text, isError, error }).toMatchObject({ isError: false, error: undefined });
    expect(tokensOf(text)).toBeLessThanOrEqual(8_000);
    return text;
  });

  expect(demo.simulator.calls.length).toBeLessThanOrEqual(Math.floor(minimalCalls * 1.1));
});

test('there are 20 tasks', () => {
  expect(Object.keys(tasks)).toHaveLength(20);
});
