import { writeConversation } from './conversationSeed.ts';
import type {
  AgentRow,
  ApplicationRow,
  ChatRow,
  ChatStatus,
  CreatedWith,
  CustomerRow,
  MessageRow,
  Rating,
} from './entities.ts';
import { scripts, type Language, type Script } from './phrases.ts';
import { createRandom, type Random } from './random.ts';
import type { Staff } from './staffSeed.ts';

export const firstChatId = 5000;

/** Message ids reserved for each chat, so that the ids of a chat do not depend on other chats. */
export const messageIdsPerChat = 100;

/** What a chat is made from; never changed, so a chat can be made again at any time. */
export interface World {
  readonly seed: number;
  readonly startMs: number;
  readonly staff: Staff;
  readonly customers: readonly CustomerRow[];
  readonly chatCount: number;
}

/** What is settled before anybody writes. */
export interface ChatPlan {
  readonly id: number;
  readonly createdAt: number;
  readonly status: ChatStatus;
  readonly customer: CustomerRow;
  readonly application: ApplicationRow;
  readonly script: Script;
  readonly departmentId: number | null;
  readonly agent: AgentRow;
  readonly bot: AgentRow;
  readonly firstMessageId: number;
  /** The last moment anything may have happened. */
  readonly endMs: number;
}

interface SeededChat {
  readonly chat: ChatRow;
  /** Oldest first. */
  readonly messages: readonly MessageRow[];
}

const chatSequence = 3;
const dayMs = 86_400_000;
const spreadDays = 90;

/** One chat and its messages; the same world and index always give the same. */
export function seedChat(world: World, index: number): SeededChat {
  const random = createRandom(world.seed, chatSequence, index);
  const plan = planChat(world, index, random);
  const messages = writeConversation(plan, random);
  return { chat: chatFrom(plan, messages, random), messages };
}

/** The first message id: the newest twentieth of the chats has ids past 2^31. */
export const firstMessageId = (chatCount: number): number =>
  2 ** 31 - messageIdsPerChat * Math.floor(chatCount * 0.95);

const inLanguage = (wanted: Language): readonly Script[] =>
  scripts.filter(({ language }) => language === wanted);

const scriptsByLanguage: Readonly<Record<Language, readonly Script[]>> = {
  uk: inLanguage('uk'),
  translit: inLanguage('translit'),
  en: inLanguage('en'),
};

function planChat(world: World, index: number, random: Random): ChatPlan {
  const { staff, startMs, chatCount, customers } = world;
  const newness = (index + random.next()) / chatCount;
  const ageMs = Math.max(60_000, Math.round(spreadDays * dayMs * (1 - newness) ** 1.5));
  // Squared, so that some customers write often and many hardly ever.
  const customer = customers[Math.floor(random.next() ** 2 * customers.length)];
  if (customer === undefined) throw new Error('A chat needs a customer.');
  const script = random.pick(scriptsByLanguage[spoken(customer, index)]);
  const department = staff.departments.find(({ name }) => name === script.department);
  return {
    id: firstChatId + index,
    createdAt: startMs - ageMs,
    status: random.weighted(statusWeights(ageMs)),
    customer,
    application: applicationOf(customer, staff, random),
    script,
    departmentId: department?.id ?? null,
    agent: random.pick(department?.agents ?? staff.agents),
    bot: staff.bot,
    firstMessageId: firstMessageId(chatCount) + index * messageIdsPerChat,
    endMs: startMs,
  };
}

function spoken(customer: CustomerRow, index: number): Language {
  if (customer.locale === 'en') return 'en';
  return index % 5 === 0 ? 'translit' : 'uk';
}

function applicationOf(customer: CustomerRow, staff: Staff, random: Random): ApplicationRow {
  const own = staff.applications.find(({ type }) => type === customer.createdFrom);
  return (
    own ?? random.pick(staff.applications.filter(({ type }) => type === 'web' || type === 'email'))
  );
}

function statusWeights(ageMs: number): readonly (readonly [ChatStatus, number])[] {
  const [fresh, waiting, closed] =
    ageMs < dayMs ? [25, 28, 15] : ageMs < 7 * dayMs ? [5, 14, 55] : [0.5, 2.5, 90];
  return [
    ['new', fresh],
    ['opened', waiting],
    ['pending', waiting / 2],
    ['on hold', waiting / 3],
    ['no communication', 4],
    ['empty', 1],
    ['closed', closed],
  ];
}

const ratingWeights: readonly (readonly [Rating | null, number])[] = [
  [null, 55],
  ['perfect', 18],
  ['great', 14],
  ['average', 6],
  ['poor', 4],
  ['very poor', 3],
];

function chatFrom(plan: ChatPlan, messages: readonly MessageRow[], random: Random): ChatRow {
  const said = messages.filter(({ type }) => type !== 'tech');
  const last = said.at(-1);
  const spokenByAgents = said.filter(
    ({ from, type, agentId }) => from === 'agent' && type !== 'private' && agentId !== null,
  );
  const agentIds = [...new Set(spokenByAgents.map(({ agentId }) => agentId))].filter(
    (id) => id !== null,
  );
  const isClosed = plan.status === 'closed';
  const isWaiting =
    plan.status === 'opened' || plan.status === 'pending' || plan.status === 'on hold';
  return {
    id: plan.id,
    customerId: plan.customer.id,
    applicationId: plan.application.id,
    departmentId: random.isLucky(0.85) ? plan.departmentId : null,
    assigneeId: agentIds.includes(plan.agent.id) && random.isLucky(0.9) ? plan.agent.id : null,
    agentIds,
    status: plan.status,
    closedBy: isClosed ? random.pick(['agent', 'agent', 'agent', 'customer']) : null,
    closedAt: isClosed
      ? (messages.find(({ text }) => text === 'chat_status_changed')?.createdAt ?? null)
      : null,
    rating: isClosed && agentIds.length > 0 ? random.weighted(ratingWeights) : null,
    createdAt: plan.createdAt,
    updatedAt: messages.at(-1)?.createdAt ?? plan.createdAt,
    createdWith: createdWith(said[0]),
    lastMessageId: last?.id ?? null,
    lastMessageText: last?.text ?? null,
    lastMessageAt: last?.createdAt ?? null,
    lastCustomerMessageAt: said.findLast(({ from }) => from === 'customer')?.createdAt ?? null,
    lastCommunicatedAgentId: spokenByAgents.at(-1)?.agentId ?? null,
    snoozedUntil:
      isWaiting && random.isLucky(0.2) ? plan.endMs + random.integer(1, 72) * 3_600_000 : null,
    readByAgent: plan.status !== 'new' || random.isLucky(0.2),
    readByCustomer: isClosed ? random.isLucky(0.9) : random.isLucky(0.5),
  };
}

function createdWith(first: MessageRow | undefined): CreatedWith {
  if (first === undefined) return 'public_api';
  if (first.from === 'customer') return 'customer_message';
  return first.broadcastType === null ? 'agent_message' : 'broadcast_reply';
}
