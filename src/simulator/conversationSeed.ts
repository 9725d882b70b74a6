import type { ChatPlan } from './chatSeed.ts';
import type { Author, BroadcastType, MessageRow, MessageType } from './entities.ts';
import { articles, botGreetings, invitations, privateNotes, type Exchange } from './phrases.ts';
import type { Random } from './random.ts';

interface Line {
  readonly from: Author;
  readonly agentId: number | null;
  readonly type: MessageType;
  readonly text: string;
  readonly broadcastType?: BroadcastType;
}

type Fill = (text: string) => string;

const secondMs = 1000;
const hourMs = 3_600_000;

/** The messages of a chat, oldest first, none later than the plan's end. */
export function writeConversation(plan: ChatPlan, random: Random): readonly MessageRow[] {
  const lines = writeLines(plan, random);
  const times = spreadTimes(plan, lines.length, random);
  return lines.map((line, place) => {
    const createdAt = times[place] ?? plan.createdAt;
    const edited = line.type === 'message' && random.isLucky(0.02);
    return {
      id: plan.firstMessageId + place,
      chatId: plan.id,
      from: line.from,
      agentId: line.agentId,
      type: line.type,
      text: line.text,
      edited,
      createdAt,
      updatedAt: edited ? createdAt + 1 : null,
      broadcastType: line.broadcastType ?? null,
    };
  });
}

function writeLines(plan: ChatPlan, random: Random): readonly Line[] {
  const fill = createFill(plan, random);
  switch (plan.status) {
    case 'empty':
      return [];
    case 'no communication':
      return [invitation(plan, fill, random)];
    case 'new':
      return plan.script.exchanges
        .slice(0, random.integer(1, 3))
        .filter(({ by }) => by === 'customer')
        .map((exchange) => say(plan, fill(random.pick(exchange.variants)), exchange.by));
    case 'opened':
    case 'pending':
    case 'on hold':
    case 'closed':
      return talk(plan, fill, random);
  }
}

function talk(plan: ChatPlan, fill: Fill, random: Random): readonly Line[] {
  const { exchanges } = plan.script;
  const spoken = plan.status === 'closed' ? exchanges : untilAgent(exchanges, random);
  const lines = spoken.map((exchange) =>
    say(plan, fill(random.pick(exchange.variants)), exchange.by),
  );
  if (random.isLucky(0.3))
    lines.splice(1, 0, { ...agentLine(plan.bot.id), text: botGreetings[plan.script.language] });
  if (random.isLucky(0.3)) lines.splice(1, 0, tech('chat_auto_assigned'));
  if (random.isLucky(0.15)) {
    const note = fill(random.pick(privateNotes));
    lines.splice(2, 0, { ...agentLine(plan.agent.id), type: 'private', text: note });
  }
  if (random.isLucky(0.08)) {
    const article = random.pick(articles);
    lines.splice(-1, 0, { ...agentLine(plan.agent.id), type: 'knowledgeBase', text: article });
  }
  if (plan.status === 'closed') {
    lines.push(tech('chat_status_changed'));
    if (random.isLucky(0.5)) lines.push(tech('request_rating'));
  }
  return lines;
}

/** An open conversation ends with a message of an agent or with the message after it. */
function untilAgent(exchanges: readonly Exchange[], random: Random): readonly Exchange[] {
  const answers = exchanges.flatMap(({ by }, place) => (by === 'agent' ? [place] : []));
  return exchanges.slice(0, random.pick(answers) + random.integer(1, 2));
}

const agentLine = (agentId: number) => ({ from: 'agent', agentId, type: 'message' }) as const;

const tech = (key: string): Line => ({ from: 'agent', agentId: null, type: 'tech', text: key });

function say(plan: ChatPlan, text: string, by: Author): Line {
  const type = plan.application.type === 'email' ? 'email' : 'message';
  return { from: by, agentId: by === 'agent' ? plan.agent.id : null, type, text };
}

function invitation(plan: ChatPlan, fill: Fill, random: Random): Line {
  const text = fill(random.pick(invitations[plan.script.language]));
  const line = { ...agentLine(plan.agent.id), text };
  return random.isLucky(0.6)
    ? { ...line, broadcastType: random.pick(['trigger', 'auto chat', 'manual chat'] as const) }
    : line;
}

function createFill(plan: ChatPlan, random: Random): Fill {
  const firstNameOf = (name: string) => name.split(' ')[0] ?? name;
  const facts: Readonly<Record<string, string>> = {
    order: `A-${random.integer(1000, 99_999)}`,
    sum: String(random.integer(2, 90) * 50),
    agent: firstNameOf(plan.agent.name),
    name: firstNameOf(plan.customer.name ?? 'друже'),
  };
  return (text) =>
    text.includes('{')
      ? text.replace(/\{(\w+)\}/g, (hole, key: string) => facts[key] ?? hole)
      : text;
}

function spreadTimes(plan: ChatPlan, count: number, random: Random): readonly number[] {
  let elapsed = 0;
  const offsets = Array.from({ length: count }, (_, place) => {
    if (place > 0) {
      elapsed += random.isLucky(0.1)
        ? random.integer(hourMs, 9 * hourMs)
        : random.integer(15 * secondMs, 600 * secondMs);
    }
    return elapsed;
  });
  const available = (plan.endMs - plan.createdAt) * 0.9;
  const scale = elapsed > available ? available / elapsed : 1;
  return offsets.map((offset) => Math.floor(plan.createdAt + offset * scale));
}
