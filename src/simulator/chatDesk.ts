import type { Behaviour } from './behaviour.ts';
import type { Author, ChatRow, ChatStatus, MessageRow, Rating } from './entities.ts';
import { badRequest, notFound, readNotFound, unratable } from './refusal.ts';
import type { Store } from './store.ts';

interface NewChat {
  readonly customerId: number;
  readonly applicationId: number;
  readonly assigneeId: number | null;
  readonly departmentId: number | null;
}

interface NewMessage {
  readonly chatId: number;
  readonly text: string;
  /** The REST API does not accept e-mails; customers and agents write them elsewhere. */
  readonly type: 'message' | 'private' | 'email';
  /** Null for messages of the customer and for private notes without an author. */
  readonly agentId: number | null;
}

/** The operations on chats. Each rejects an unknown chat. */
export class ChatDesk {
  readonly #store: Store;
  readonly #behaviour: () => Behaviour;
  /** When the snooze of each snoozed chat ends. */
  readonly #wakeTimes = new Map<number, number>();

  constructor(store: Store, behaviour: () => Behaviour) {
    this.#store = store;
    this.#behaviour = behaviour;
    for (const chat of store.chats.values()) this.#put(chat);
  }

  /** Ends the snoozes whose time has come. No event reports it. */
  wakeDue(): void {
    const now = this.#store.now();
    for (const [id, wakeTime] of this.#wakeTimes) {
      if (wakeTime > now) continue;
      this.#wakeTimes.delete(id);
      const chat = this.#store.chats.get(id);
      if (chat !== undefined) this.#change(chat, { snoozedUntil: null, ...this.#woken() });
    }
  }

  create({ customerId, applicationId, assigneeId, departmentId }: NewChat): ChatRow {
    this.#store.customer(customerId);
    rejectUnknown('application', applicationId, this.#store.staff.applications);
    rejectUnknown('assignee', assigneeId, this.#store.staff.agents);
    rejectUnknown('department', departmentId, this.#store.staff.departments);
    const now = this.#store.now();
    const chat = this.#put({
      ...blankChat,
      id: this.#store.nextId('chat'),
      customerId,
      applicationId,
      assigneeId,
      departmentId,
      createdAt: now,
      updatedAt: now,
    });
    this.#store.changes.emit({ event: 'chat.new', chat });
    return chat;
  }

  setStatus(id: number, status: ChatStatus): ChatRow {
    const chat = this.#store.chat(id);
    const isSame = chat.status === status;
    if (!isSame) this.#note(chat, 'chat_status_changed_by_public_api');
    const moved = this.#moveTo(chat, status, 'agent');
    const requests = this.#behaviour().closingRequestsRating;
    const isRequest = isSame ? requests === 'always' : requests !== 'never';
    if (status === 'closed' && chat.rating === null && isRequest) {
      this.#note(moved, 'request_rating');
    }
    return moved;
  }

  assign(id: number, assigneeId: number | null): ChatRow {
    const chat = this.#store.chat(id);
    rejectUnknown('assignee', assigneeId, this.#store.staff.agents);
    const assigned = this.#change(chat, { assigneeId });
    this.#store.changes.emit({ event: 'chat.assigned', chat: assigned });
    return assigned;
  }

  move(id: number, departmentId: number): ChatRow {
    const chat = this.#store.chat(id);
    rejectUnknown('department', departmentId, this.#store.staff.departments);
    return this.#change(chat, { departmentId });
  }

  snooze(id: number, snoozedUntil: number | null): ChatRow {
    const chat = this.#store.chat(id);
    if (snoozedUntil === null) return this.#unsnooze(chat);
    const snoozed = this.#change(chat, { snoozedUntil });
    this.#store.changes.emit({ event: 'chat.snoozed', chat: snoozed });
    return snoozed;
  }

  rate(id: number, rating: Rating): ChatRow {
    const chat = this.#store.chat(id);
    if (chat.status !== 'closed') throw unratable('Chat is not closed');
    if (chat.rating !== null) throw unratable('Chat already has a rating');
    if (chat.agentIds.length === 0) throw unratable('Chat holds no message of an agent');
    const rated = this.#change(chat, { rating });
    this.#store.changes.emit({ event: 'chat.rated', chat: rated });
    return rated;
  }

  markRead(id: number, by: Author, read: boolean): ChatRow {
    const chat = this.#store.chats.get(id);
    if (chat === undefined) throw readNotFound(id);
    return this.#change(chat, by === 'agent' ? { readByAgent: read } : { readByCustomer: read });
  }

  /** Rejects an unknown agent with the same error as an unknown chat. */
  post({ chatId, text, type, agentId }: NewMessage): MessageRow {
    const chat = this.#store.chat(chatId);
    if (agentId !== null && !this.#store.staff.agents.some(({ id }) => id === agentId))
      throw notFound();
    const isNote = type === 'private';
    const from = isNote || agentId !== null ? 'agent' : 'customer';
    const createdAt = this.#store.now();
    const message = this.#store.append({
      ...blankMessage,
      chatId,
      from,
      agentId,
      type,
      text,
      createdAt,
    });
    const isLast = !isNote || this.#behaviour().noteIsLastMessage;
    const updated = this.#change(chat, {
      ...(isLast && {
        lastMessageId: message.id,
        lastMessageText: text,
        lastMessageAt: createdAt,
      }),
      ...(!isNote && effectOfMessage(chat, message)),
    });
    if (agentId === null && !isNote) {
      this.#unsnooze(this.#moveTo(updated, statusAfterMessage(chat.status, from), from));
    } else if (agentId !== null && !isNote) this.#reply(updated, agentId);
    this.#store.changes.emit({
      event: isNote ? 'message.private' : `message.${channels[type]}.${from}`,
      message,
      chat: this.#store.chat(chatId),
    });
    return message;
  }

  #reply(chat: ChatRow, agentId: number): void {
    const { replyAssigns, replyOpens } = this.#behaviour();
    const isAssigning = replyAssigns && chat.assigneeId === null;
    const answered = isAssigning ? this.assign(chat.id, agentId) : chat;
    if (isAssigning) this.#note(chat, 'chat_auto_assigned');
    if (replyOpens) this.#moveTo(answered, statusAfterMessage(chat.status, 'agent'), 'agent');
  }

  #note(chat: ChatRow, key: string): void {
    this.#store.append(techMessage(chat, key, this.#store.now()));
  }

  #put(chat: ChatRow): ChatRow {
    this.#store.chats.set(chat.id, chat);
    if (chat.snoozedUntil === null) this.#wakeTimes.delete(chat.id);
    else this.#wakeTimes.set(chat.id, chat.snoozedUntil);
    return chat;
  }

  #change(chat: ChatRow, part: Partial<ChatRow>): ChatRow {
    return this.#put({ ...chat, ...part, updatedAt: this.#store.now() });
  }

  #moveTo(chat: ChatRow, status: ChatStatus, by: Author): ChatRow {
    if (chat.status === status) return chat;
    const isClosed = status === 'closed';
    const moved = this.#change(chat, {
      status,
      closedAt: isClosed ? this.#store.now() : null,
      closedBy: isClosed ? by : null,
    });
    this.#store.changes.emit({ event: 'chat.status_updated', chat: moved });
    if (isClosed) this.#store.changes.emit({ event: 'chat.closed', chat: moved });
    return moved;
  }

  #woken(): Partial<ChatRow> {
    return this.#behaviour().wakingMarksUnread ? { readByAgent: false } : {};
  }

  #unsnooze(chat: ChatRow): ChatRow {
    if (chat.snoozedUntil === null) return chat;
    const unsnoozed = this.#change(chat, { snoozedUntil: null, ...this.#woken() });
    this.#store.changes.emit({ event: 'chat.unsnoozed', chat: unsnoozed });
    return unsnoozed;
  }
}

function rejectUnknown(path: string, id: number | null, known: readonly { id: number }[]): void {
  if (id === null || known.some((entry) => entry.id === id)) return;
  throw badRequest([{ code: path, message: 'This value is not valid.' }]);
}

const blankChat = {
  agentIds: [],
  status: 'empty',
  closedBy: null,
  closedAt: null,
  rating: null,
  createdWith: 'public_api',
  lastMessageId: null,
  lastMessageText: null,
  lastMessageAt: null,
  lastCustomerMessageAt: null,
  lastCommunicatedAgentId: null,
  snoozedUntil: null,
  readByAgent: false,
  readByCustomer: false,
} as const;

const channels = { message: 'chat', private: 'chat', email: 'email' } as const;

const blankMessage = { edited: false, updatedAt: null, broadcastType: null } as const;

// A tech message does not become the chat's last message.
const techMessage = (chat: ChatRow, key: string, createdAt: number): Omit<MessageRow, 'id'> => ({
  ...blankMessage,
  chatId: chat.id,
  from: 'agent',
  agentId: null,
  type: 'tech',
  text: key,
  createdAt,
});

function effectOfMessage(chat: ChatRow, { agentId, createdAt }: MessageRow): Partial<ChatRow> {
  if (agentId === null) {
    return { lastCustomerMessageAt: createdAt, readByAgent: false, readByCustomer: true };
  }
  return {
    agentIds: chat.agentIds.includes(agentId) ? chat.agentIds : [...chat.agentIds, agentId],
    lastCommunicatedAgentId: agentId,
    readByAgent: true,
    readByCustomer: false,
  };
}

function statusAfterMessage(status: ChatStatus, from: Author): ChatStatus {
  if (from === 'agent') {
    return status === 'empty' || status === 'no communication' ? 'no communication' : 'opened';
  }
  return status === 'pending' || status === 'on hold' || status === 'opened' ? 'opened' : 'new';
}
