import type { Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import type { ChatRow, CustomerRow } from './entities.ts';
import { privateNotes, scripts } from './phrases.ts';
import type { Exchange } from './phrases.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';

/** A scripted conversation in progress. */
interface Conversation {
  readonly chatId: number;
  readonly agentId: number;
  readonly lines: readonly Exchange[];
  nextLine: number;
}

const minPauseMs = 2_000;
const maxPauseMs = 6_000;
const maxConversations = 5;
const recentChats = 200;

/** Simulates customers and agents: they write, open, close and rate chats, about fifteen times a minute. */
export class AccountActivity {
  readonly #account: Account;
  readonly #clock: Clock;
  readonly #random: Random;
  #conversations: Conversation[] = [];
  #cancel = (): void => undefined;

  constructor(account: Account, { seed, clock }: { readonly seed: number; readonly clock: Clock }) {
    this.#account = account;
    this.#clock = clock;
    this.#random = createRandom(seed, 0x11fe);
  }

  start(): void {
    this.#cancel();
    this.#schedule();
  }

  close(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(this.#random.integer(minPauseMs, maxPauseMs), () => {
      this.#step();
      this.#schedule();
    });
  }

  #step(): void {
    if (this.#account.store.customers.size === 0) return;
    const count = this.#conversations.length;
    if (this.#random.isLucky(0.08)) this.#random.pick(this.#otherChanges)();
    else if (count < 2 || (count < maxConversations && this.#random.isLucky(0.25))) this.#begin();
    else this.#continue(this.#random.pick(this.#conversations));
  }

  /** Begins a conversation in a new chat, or in one that waits for a reply. */
  #begin(): void {
    const { staff } = this.#account.store;
    const script = this.#random.pick(scripts);
    const department = staff.departments.find(({ name }) => name === script.department);
    const waiting = this.#recentChats().filter(
      ({ id, status }) =>
        status === 'new' && !this.#conversations.some(({ chatId }) => chatId === id),
    );
    const chat =
      waiting.length > 0 && this.#random.isLucky(0.6)
        ? this.#random.pick(waiting)
        : this.#account.chats.create({
            customerId: this.#anyCustomer().id,
            applicationId: this.#random.pick(staff.applications).id,
            assigneeId: null,
            departmentId: department?.id ?? null,
          });
    const agentId = chat.assigneeId ?? this.#random.pick(department?.agents ?? staff.agents).id;
    const conversation = { chatId: chat.id, agentId, lines: script.exchanges, nextLine: 0 };
    this.#conversations.push(conversation);
    this.#continue(conversation);
  }

  #continue(conversation: Conversation): void {
    const chat = this.#account.store.chats.get(conversation.chatId);
    const line = conversation.lines[conversation.nextLine];
    conversation.nextLine += 1;
    if (chat !== undefined && line !== undefined) {
      this.#post(conversation, chat, line);
      return;
    }
    this.#conversations = this.#conversations.filter((other) => other !== conversation);
    if (chat !== undefined) this.#end(conversation);
  }

  #post({ agentId }: Conversation, chat: ChatRow, { by, variants }: Exchange): void {
    const { store, chats } = this.#account;
    const application = store.staff.applications.find(({ id }) => id === chat.applicationId);
    chats.post({
      chatId: chat.id,
      text: this.#fill(this.#random.pick(variants), chat, agentId),
      type: application?.type === 'email' ? 'email' : 'message',
      agentId: by === 'agent' ? agentId : null,
    });
  }

  #end({ chatId, agentId }: Conversation): void {
    const { chats } = this.#account;
    if (this.#random.isLucky(0.3)) {
      const text = this.#random.pick(privateNotes);
      chats.post({ chatId, text, type: 'private', agentId });
    }
    const closed = chats.setStatus(chatId, 'closed');
    if (closed.rating === null && closed.agentIds.length > 0 && this.#random.isLucky(0.5)) {
      chats.rate(chatId, this.#random.pick(['perfect', 'great', 'average']));
    }
  }

  /** Replaces the placeholders of a phrase. */
  #fill(text: string, { customerId }: ChatRow, agentId: number): string {
    const { staff } = this.#account.store;
    const values: Readonly<Record<string, () => string | undefined>> = {
      agent: () => staff.agents.find(({ id }) => id === agentId)?.name.split(' ')[0],
      name: () => this.#account.store.customer(customerId).name?.split(' ')[0],
      order: () => `A-${this.#random.integer(1000, 99_999)}`,
      sum: () => String(this.#random.integer(2, 90) * 50),
    };
    return text.replace(/\{(\w+)\}/g, (placeholder, key: string) => values[key]?.() ?? placeholder);
  }

  /** Changes outside conversations. */
  readonly #otherChanges = [
    () => {
      const { store, customers } = this.#account;
      customers.create({ name: 'Guest', firstSeen: store.now(), lastSeen: store.now() });
    },
    () => {
      const { id } = this.#anyCustomer();
      const email = `${id}.${this.#random.integer(10, 99)}@example.com`;
      this.#account.customers.patch(id, { email });
    },
    () => {
      const tag = { name: 'VIP', color: '#c377e0' };
      this.#account.customers.addTags(this.#anyCustomer().id, [tag]);
    },
    () => {
      const { id, unsubscribed } = this.#anyCustomer();
      this.#account.customers.patch(id, { unsubscribed: !unsubscribed });
    },
    () => {
      const { id, blocked } = this.#anyCustomer();
      this.#account.customers.patch(id, { blocked: !blocked });
    },
    () => {
      const { id, snoozedUntil } = this.#random.pick(this.#recentChats());
      const until = snoozedUntil === null ? this.#account.store.now() + 3_600_000 : null;
      this.#account.chats.snooze(id, until);
    },
  ];

  #anyCustomer(): CustomerRow {
    return this.#random.pick([...this.#account.store.customers.values()]);
  }

  #recentChats(): ChatRow[] {
    return [...this.#account.store.chats.values()].slice(-recentChats);
  }
}
