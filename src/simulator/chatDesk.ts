import type { Author, Chat, ChatStatus, Message, Rating } from './entities.ts';
import { badRequest, notFound, readNotFound, unratable } from './refusal.ts';
import type { Store } from './store.ts';

export interface NewChat {
  readonly customerId: number;
  readonly applicationId: number;
  readonly assigneeId: number | null;
  readonly departmentId: number | null;
}

export interface NewMessage {
  readonly chatId: number;
  readonly text: string;
  /** The REST API takes no e-mails, but customers and agents write them. */
  readonly type: 'message' | 'private' | 'email';
  /** Null for messages of the customer and for private notes without an author. */
  readonly agentId: number | null;
}

export type ChatDesk = ReturnType<typeof createChatDesk>;

/** What can be done with chats. Every operation refuses an unknown chat. */
export function createChatDesk(store: Store) {
  const { staff, changes } = store;

  const put = (chat: Chat): Chat => {
    store.chats.set(chat.id, chat);
    return chat;
  };
  const change = (chat: Chat, part: Partial<Chat>): Chat =>
    put({ ...chat, ...part, updatedAt: store.now() });

  const refuseUnknown = (
    path: string,
    id: number | null,
    known: readonly { id: number }[],
  ): void => {
    if (id === null || known.some((entry) => entry.id === id)) return;
    throw badRequest([{ code: path, message: 'This value is not valid.' }]);
  };

  const moveTo = (chat: Chat, status: ChatStatus, by: Author): Chat => {
    if (chat.status === status) return chat;
    const moved = change(chat, {
      status,
      closedAt: status === 'closed' ? store.now() : null,
      closedBy: status === 'closed' ? by : null,
    });
    changes.emit({ event: 'chat.status_updated', chat: moved });
    if (status === 'closed') changes.emit({ event: 'chat.closed', chat: moved });
    return moved;
  };

  const wake = (chat: Chat): Chat => {
    if (chat.snoozedUntil === null) return chat;
    const awake = change(chat, { snoozedUntil: null });
    changes.emit({ event: 'chat.unsnoozed', chat: awake });
    return awake;
  };

  return {
    create({ customerId, applicationId, assigneeId, departmentId }: NewChat): Chat {
      store.customer(customerId);
      refuseUnknown('application', applicationId, staff.applications);
      refuseUnknown('assignee', assigneeId, staff.agents);
      refuseUnknown('department', departmentId, staff.departments);
      const now = store.now();
      const chat = put({
        ...blankChat,
        id: store.nextId('chat'),
        customerId,
        applicationId,
        assigneeId,
        departmentId,
        createdAt: now,
        updatedAt: now,
      });
      changes.emit({ event: 'chat.new', chat });
      return chat;
    },

    setStatus(id: number, status: ChatStatus): Chat {
      const chat = store.chat(id);
      if (chat.status === status) return chat;
      store.append(techMessage(chat, 'chat_status_changed_by_public_api', store.now()));
      return moveTo(chat, status, 'agent');
    },

    assign(id: number, assigneeId: number | null): Chat {
      const chat = store.chat(id);
      refuseUnknown('assignee', assigneeId, staff.agents);
      const assigned = change(chat, { assigneeId });
      changes.emit({ event: 'chat.assigned', chat: assigned });
      return assigned;
    },

    move(id: number, departmentId: number): Chat {
      const chat = store.chat(id);
      refuseUnknown('department', departmentId, staff.departments);
      return change(chat, { departmentId });
    },

    snooze(id: number, snoozedUntil: number | null): Chat {
      const chat = store.chat(id);
      if (snoozedUntil === null) return wake(chat);
      const snoozed = change(chat, { snoozedUntil });
      changes.emit({ event: 'chat.snoozed', chat: snoozed });
      return snoozed;
    },

    rate(id: number, rating: Rating): Chat {
      const chat = store.chat(id);
      if (chat.status !== 'closed') throw unratable('Chat is not closed');
      if (chat.rating !== null) throw unratable('Chat already has a rating');
      if (chat.agentIds.length === 0) throw unratable('Chat holds no message of an agent');
      const rated = change(chat, { rating });
      changes.emit({ event: 'chat.rated', chat: rated });
      return rated;
    },

    markRead(id: number, by: Author, read: boolean): Chat {
      const chat = store.chats.get(id);
      if (chat === undefined) throw readNotFound(id);
      return change(chat, by === 'agent' ? { readByAgent: read } : { readByCustomer: read });
    },

    /** Refuses an unknown agent as it does an unknown chat. */
    post({ chatId, text, type, agentId }: NewMessage): Message {
      const chat = store.chat(chatId);
      if (agentId !== null && !staff.agents.some(({ id }) => id === agentId)) throw notFound();
      const isNote = type === 'private';
      const from = isNote || agentId !== null ? 'agent' : 'customer';
      const createdAt = store.now();
      const message = store.append({
        ...blankMessage,
        chatId,
        from,
        agentId,
        type,
        text,
        createdAt,
      });
      const heard = change(chat, {
        lastMessageId: message.id,
        lastMessageText: text,
        lastMessageAt: createdAt,
        ...(!isNote && effectOfWords(chat, message)),
      });
      const answered = isNote ? heard : moveTo(heard, statusAfterWords(chat.status, from), from);
      if (!isNote && from === 'customer') wake(answered);
      changes.emit({
        event: isNote ? 'message.private' : `message.${channels[type]}.${from}`,
        message,
        chat: store.chat(chatId),
      });
      return message;
    },
  };
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

// A tech message is not the chat's last message: what people said is.
const techMessage = (chat: Chat, key: string, createdAt: number): Omit<Message, 'id'> => ({
  ...blankMessage,
  chatId: chat.id,
  from: 'agent',
  agentId: null,
  type: 'tech',
  text: key,
  createdAt,
});

function effectOfWords(chat: Chat, { agentId, createdAt }: Message): Partial<Chat> {
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

function statusAfterWords(status: ChatStatus, from: Author): ChatStatus {
  if (from === 'agent') {
    return status === 'empty' || status === 'no communication' ? 'no communication' : 'opened';
  }
  return status === 'pending' || status === 'on hold' || status === 'opened' ? 'opened' : 'new';
}
