import type { Random } from '../src/simulator/random.ts';
import { createRandom } from '../src/simulator/random.ts';
import type { Request } from './request.ts';
import { documentOf } from './request.ts';

/**
 * A support team's frontend, 200 operations: mostly the inbox and the chat in front of an agent, with the boards, cards and
 * counts around them, and now and then the heavy rows whose cost is documented (the last four).
 *
 * Omitted for all servers, because stock Apollo Server does not support them: `_entities` (needs `@apollo/subgraph`), and
 * `rateLimit` and `viewer`, which describe the gateway itself. Also omitted: operations over the gateway's cost limit, such as the
 * chats of all agents at once.
 */
interface Line {
  readonly name: string;
  /** How many of the 200. */
  readonly share: number;
  readonly variables: (random: Random) => Readonly<Record<string, unknown>>;
  /** The file of `operations/`, where it is not the name. */
  readonly document?: string;
  readonly isWrite?: true;
  /** The operation whose last cursor this one goes on from, with the same variables. */
  readonly follows?: string;
}

// The account is the simulator's of seed 1: its newest chat is 9999, its first customer 7001, its first agent (after the bot) 11.
const statuses = [
  ['OPENED', 5],
  ['NEW', 3],
  ['PENDING', 2],
] as const;

/** Newer chats are looked at more. */
const recentChat = (random: Random): string => String(9999 - Math.floor(random.next() ** 2 * 60));

const customer = (random: Random): string => String(7001 + Math.floor(random.next() ** 2 * 100));

/** A shift of twelve. */
const agent = (random: Random): string => String(random.integer(11, 22));

const department = (random: Random): string => String(random.integer(3, 8));

const nodeId = (type: string, id: string): string =>
  Buffer.from(`${type}:${id}`).toString('base64url');

/** The customers that have a user id. */
const users = [
  'u-7001 u-7002 u-7003 u-7004 u-7005 u-7006 u-7007 u-7008 u-7010 u-7012 u-7013 u-7014',
  'u-7015 u-7017 u-7019 u-7020 u-7021 u-7022 u-7023 u-7024 u-7026 u-7027 u-7028 u-7029',
].flatMap((names) => names.split(' '));

const emails = ['olena', 'kovalenko', 'palmer', 'ruth.', '@example.com', 'melnyk', '42@', 'hughes'];

/** As many different values as there are names, by name. */
function several(names: string, pick: () => string): Readonly<Record<string, string>> {
  const values = new Set<string>();
  while (values.size < names.length) values.add(pick());
  return Object.fromEntries([...values].map((value, index) => [names.charAt(index), value]));
}

const none = () => ({});
const inbox = (random: Random) => ({ status: random.weighted(statuses) });
const chat = (random: Random) => ({ id: recentChat(random) });
const mark = (random: Random) => ({
  id: recentChat(random),
  by: random.weighted([
    ['AGENT', 4],
    ['CUSTOMER', 1],
  ]),
  read: random.isLucky(0.9),
});

const lines: readonly Line[] = [
  { name: 'inboxPage', share: 30, variables: inbox },
  {
    name: 'inboxNextPage',
    share: 10,
    variables: inbox,
    document: 'inboxPage',
    follows: 'inboxPage',
  },
  { name: 'chatView', share: 36, variables: chat },
  { name: 'chatDetails', share: 14, variables: chat },
  { name: 'customerSidebar', share: 16, variables: chat },
  { name: 'customerCard', share: 8, variables: (random) => ({ id: customer(random) }) },
  { name: 'agentBoard', share: 14, variables: (random) => ({ id: agent(random) }) },
  { name: 'departmentBoard', share: 8, variables: (random) => ({ id: department(random) }) },
  { name: 'departmentsOverview', share: 4, variables: none },
  { name: 'markRead', share: 8, variables: mark, isWrite: true },
  { name: 'markReadInInbox', share: 12, variables: mark, isWrite: true },
  { name: 'searchByEmail', share: 8, variables: (random) => ({ email: random.pick(emails) }) },
  { name: 'dashboardCounts', share: 6, variables: none },
  { name: 'appStart', share: 6, variables: none },
  {
    name: 'severalChats',
    share: 4,
    variables: (random) => several('abcde', () => recentChat(random)),
  },
  {
    name: 'customersByUserId',
    share: 3,
    variables: (random) => several('abcdefgh', () => random.pick(users)),
  },
  {
    name: 'nodeLookup',
    share: 3,
    variables: (random) => ({ nodeId: nodeId('Chat', recentChat(random)) }),
  },
  {
    name: 'nodeLookups',
    share: 2,
    variables: (random) => ({
      nodeIds: [
        nodeId('Chat', recentChat(random)),
        nodeId('Customer', customer(random)),
        nodeId('Customer', customer(random)),
        nodeId('Agent', agent(random)),
        nodeId('Department', department(random)),
      ],
    }),
  },
  { name: 'fiftyChats', share: 3, variables: none },
  { name: 'fiftyChatsFullCustomers', share: 2, variables: none },
  { name: 'fiftyChatsDepartmentAgents', share: 1, variables: none },
  { name: 'customersWithChats', share: 2, variables: none },
];

function requestOf(line: Line, random: Random): Request {
  const { name, document = name, isWrite = false, follows } = line;
  const variables = line.variables(random);
  const request = { name, document: documentOf(document), variables, isWrite };
  return follows === undefined ? request : { ...request, follows: { ...request, name: follows } };
}

/** The 200 in an order of chance that is the same for the same seed. */
export function createMix(seed: number): readonly Request[] {
  const random = createRandom(seed);
  return lines
    .flatMap((line) => Array.from({ length: line.share }, () => requestOf(line, random)))
    .map((request) => ({ request, place: random.next() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ request }) => request);
}

/** One of each, in the order of the list above, with its share of the mix. */
export function firstOfEach(mix: readonly Request[]) {
  return lines.flatMap(({ name, share }) => {
    const request = mix.find((candidate) => candidate.name === name);
    return request === undefined ? [] : [{ request, share }];
  });
}
