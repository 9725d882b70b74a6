import type { Clock } from '../lib/clock.ts';
import { createChanges, type Changes } from './changes.ts';
import {
  firstChatId,
  firstMessageId,
  messageIdsPerChat,
  seedChat,
  type World,
} from './chatSeed.ts';
import { firstCustomerId, seedCustomer } from './customerSeed.ts';
import type { ChatRow, CustomerRow, MessageRow } from './entities.ts';
import { notFound } from './refusal.ts';
import { seedStaff, type Staff } from './staffSeed.ts';

export interface StoreOptions {
  readonly seed: number;
  readonly clock: Clock;
  readonly customers: number;
  readonly chats: number;
}

/** The account's rows. Rows are replaced, never changed in place, and stay in the order of their ids. */
export interface Store {
  readonly staff: Staff;
  readonly customers: Map<number, CustomerRow>;
  readonly chats: Map<number, ChatRow>;
  readonly changes: Changes;
  now(): number;
  /** Refuses an unknown id. */
  customer(id: number): CustomerRow;
  /** Refuses an unknown id. */
  chat(id: number): ChatRow;
  /** Newest first. */
  messagesOf(chatId: number): readonly MessageRow[];
  append(message: Omit<MessageRow, 'id'>): MessageRow;
  removeCustomer(id: number): void;
  nextId(kind: 'customer' | 'chat' | 'event'): number;
}

const firstEventId = 3301;

export function createStore({ seed, clock, ...counts }: StoreOptions): Store {
  const startMs = Math.floor(clock.now());
  const staff = seedStaff(seed);
  const seededCustomers = Array.from({ length: counts.customers }, (_, index) =>
    seedCustomer(seed, startMs, index),
  );
  // Chats need customers.
  const chatCount = counts.customers === 0 ? 0 : counts.chats;
  const world: World = { seed, startMs, staff, customers: seededCustomers, chatCount };

  const customers = new Map(seededCustomers.map((customer) => [customer.id, customer]));
  const chats = new Map<number, ChatRow>();
  const posted = new Map<number, MessageRow[]>();
  const next = {
    customer: firstCustomerId + counts.customers,
    chat: firstChatId + chatCount,
    event: firstEventId,
    message: firstMessageId(chatCount) + chatCount * messageIdsPerChat,
  };

  for (let index = 0; index < chatCount; index += 1) {
    const { chat } = seedChat(world, index);
    chats.set(chat.id, chat);
    meet(customers, chat);
  }

  return {
    staff,
    customers,
    chats,
    changes: createChanges(),
    now: () => Math.floor(clock.now()),
    customer: (id) => held(customers.get(id)),
    chat: (id) => held(chats.get(id)),
    messagesOf(chatId) {
      const index = chatId - firstChatId;
      // Seeded messages are regenerated on each read; memory holds only later messages.
      const seeded = index < chatCount ? seedChat(world, index).messages : [];
      return [...seeded, ...(posted.get(chatId) ?? [])].reverse();
    },
    append(draft) {
      const message = { ...draft, id: next.message++ };
      const messages = posted.get(draft.chatId);
      if (messages === undefined) posted.set(draft.chatId, [message]);
      else messages.push(message);
      return message;
    },
    removeCustomer(id) {
      customers.delete(id);
      for (const chat of chats.values()) {
        if (chat.customerId !== id) continue;
        chats.delete(chat.id);
        posted.delete(chat.id);
      }
    },
    nextId: (kind) => next[kind]++,
  };
}

function held<T>(row: T | undefined): T {
  if (row === undefined) throw notFound();
  return row;
}

/** A customer has been seen no later than the first chat and no earlier than the last words. */
function meet(customers: Map<number, CustomerRow>, chat: ChatRow): void {
  const customer = customers.get(chat.customerId);
  if (customer === undefined) return;
  const { firstSeen, lastSeen, createdAt } = customer;
  customers.set(customer.id, {
    ...customer,
    createdAt: Math.min(createdAt, chat.createdAt),
    firstSeen: firstSeen === null ? null : Math.min(firstSeen, chat.createdAt),
    lastSeen: lastSeen === null ? null : Math.max(lastSeen, chat.lastCustomerMessageAt ?? 0),
  });
}
