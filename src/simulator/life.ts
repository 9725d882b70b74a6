import type { Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import type { Chat } from './entities.ts';
import { privateNotes, scripts } from './phrases.ts';
import type { Exchange } from './phrases.ts';
import { createRandom } from './random.ts';

/** A conversation that is going on. */
interface Talk {
  readonly chatId: number;
  readonly agentId: number;
  readonly lines: readonly Exchange[];
  place: number;
}

const shortestPauseMs = 2_000;
const longestPauseMs = 6_000;
const maxTalks = 5;

/** Plays a little life in the account: customers write, agents answer, chats open and close, about fifteen times a minute. */
export function createLife(
  { store, chats, customers }: Account,
  { seed, clock }: { readonly seed: number; readonly clock: Clock },
) {
  const random = createRandom(seed, 0x11fe);
  const { staff } = store;
  let talks: Talk[] = [];
  let cancel = (): void => undefined;

  const anyCustomer = () => random.pick([...store.customers.values()]);

  const facts: Readonly<Record<string, () => string>> = {
    order: () => `A-${random.integer(1000, 99_999)}`,
    sum: () => String(random.integer(2, 90) * 50),
  };

  function fill(text: string, { customerId }: Chat, agentId: number): string {
    const agent = staff.agents.find(({ id }) => id === agentId)?.name;
    const names: Readonly<Record<string, string | null | undefined>> = {
      agent: agent?.split(' ')[0],
      name: store.customer(customerId).name?.split(' ')[0],
    };
    return text.replace(/\{(\w+)\}/g, (hole, key: string) => names[key] ?? facts[key]?.() ?? hole);
  }

  function say({ agentId }: Talk, chat: Chat, { by, says }: Exchange): void {
    const application = staff.applications.find(({ id }) => id === chat.applicationId);
    if (by === 'agent' && chat.assigneeId === null) chats.assign(chat.id, agentId);
    chats.post({
      chatId: chat.id,
      text: fill(random.pick(says), chat, agentId),
      type: application?.type === 'email' ? 'email' : 'message',
      agentId: by === 'agent' ? agentId : null,
    });
  }

  /** In a chat of its own, or in one that waits for an answer. */
  function begin(): void {
    const script = random.pick(scripts);
    const department = staff.departments.find(({ name }) => name === script.department);
    const waiting = [...store.chats.values()]
      .slice(-200)
      .filter(({ id, status }) => status === 'new' && !talks.some(({ chatId }) => chatId === id));
    const chat =
      waiting.length > 0 && random.isLucky(0.6)
        ? random.pick(waiting)
        : chats.create({
            customerId: anyCustomer().id,
            applicationId: random.pick(staff.applications).id,
            assigneeId: null,
            departmentId: department?.id ?? null,
          });
    const agents = department?.agents ?? staff.agents;
    const agentId = chat.assigneeId ?? random.pick(agents).id;
    const talk = { chatId: chat.id, agentId, lines: script.exchanges, place: 0 };
    talks.push(talk);
    goOn(talk);
  }

  function end({ chatId, agentId }: Talk): void {
    if (random.isLucky(0.3)) {
      chats.post({ chatId, text: random.pick(privateNotes), type: 'private', agentId });
    }
    const closed = chats.setStatus(chatId, 'closed');
    if (closed.rating === null && closed.agentIds.length > 0 && random.isLucky(0.5)) {
      chats.rate(chatId, random.pick(['perfect', 'great', 'average']));
    }
  }

  function goOn(talk: Talk): void {
    const chat = store.chats.get(talk.chatId);
    const line = talk.lines[talk.place];
    talk.place += 1;
    if (chat !== undefined && line !== undefined) {
      say(talk, chat, line);
      return;
    }
    talks = talks.filter((other) => other !== talk);
    if (chat !== undefined) end(talk);
  }

  /** What happens beside talks. */
  const asides = [
    () => customers.create({ name: 'Guest', firstSeen: store.now(), lastSeen: store.now() }),
    () => {
      const { id } = anyCustomer();
      return customers.patch(id, { email: `${id}.${random.integer(10, 99)}@example.com` });
    },
    () => customers.addTags(anyCustomer().id, [{ name: 'VIP', color: '#c377e0' }]),
    () => {
      const { id, unsubscribed } = anyCustomer();
      return customers.patch(id, { unsubscribed: !unsubscribed });
    },
    () => {
      const { id, blocked } = anyCustomer();
      return customers.patch(id, { blocked: !blocked });
    },
    () => {
      const { id, snoozedUntil } = random.pick([...store.chats.values()].slice(-200));
      return chats.snooze(id, snoozedUntil === null ? store.now() + 3_600_000 : null);
    },
  ];

  function step(): void {
    if (store.customers.size === 0) return;
    if (random.isLucky(0.08)) random.pick(asides)();
    else if (talks.length < 2 || (talks.length < maxTalks && random.isLucky(0.25))) begin();
    else goOn(random.pick(talks));
  }

  function rest(): void {
    cancel = clock.after(random.integer(shortestPauseMs, longestPauseMs), () => {
      step();
      rest();
    });
  }

  return {
    begin(): void {
      cancel();
      rest();
    },
    close(): void {
      cancel();
    },
  };
}
