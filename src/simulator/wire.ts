import type { Behaviour } from './behaviour.ts';
import type { Agent, Chat, Customer, CustomerEvent, Message } from './entities.ts';
import type { Store } from './store.ts';

type WireTime = string | number;

const timeFormats: Readonly<Record<Behaviour['times'], (ms: number) => WireTime>> = {
  seconds: (ms) => String(Math.floor(ms / 1000)),
  number: (ms) => Math.floor(ms / 1000),
  milliseconds: (ms) => (ms / 1000).toFixed(3),
};

export type Wire = ReturnType<typeof createWire>;

/** Serializes rows in the wire format of HelpCrunch. */
export function createWire(store: Store, behaviour: () => Behaviour) {
  const agents = new Map(store.staff.agents.map((agent) => [agent.id, agent]));
  const departments = new Map(store.staff.departments.map(({ id, name }) => [id, { id, name }]));
  const time = (ms: number): WireTime => timeFormats[behaviour().times](ms);
  const timeOrNull = (ms: number | null): WireTime | null => (ms === null ? null : time(ms));
  const agentOrNull = (id: number | null): Agent | null =>
    id === null ? null : (agents.get(id) ?? null);

  return {
    chat(chat: Chat) {
      const { id, name, email, userId } = store.customer(chat.customerId);
      return {
        id: chat.id,
        closedBy: chat.closedBy,
        lastCustomerMessageAt: timeOrNull(chat.lastCustomerMessageAt),
        status: chat.status,
        closedAt: timeOrNull(chat.closedAt),
        rating: chat.rating,
        createdAt: time(chat.createdAt),
        lastMessageAt: timeOrNull(chat.lastMessageAt),
        createdWith: chat.createdWith,
        snoozedUntil: timeOrNull(chat.snoozedUntil),
        lastMessageText: chat.lastMessageText,
        lastMessageId: chat.lastMessageId,
        applicationId: chat.applicationId,
        readByAgent: chat.readByAgent,
        readByCustomer: chat.readByCustomer,
        lastCommunicatedAgentId: chat.lastCommunicatedAgentId,
        agents: chat.agentIds.map(agentOrNull).filter((agent) => agent !== null),
        customer: { id, name, email, userId },
        assignee: agentOrNull(chat.assigneeId),
        department:
          chat.departmentId === null ? null : (departments.get(chat.departmentId) ?? null),
      };
    },

    customer(customer: Customer) {
      const { regionCode, countryCode, city, customData } = customer;
      const isEmpty = Object.keys(customData).length === 0;
      return {
        id: customer.id,
        userId: customer.userId,
        name: customer.name,
        email: customer.email,
        company: customer.company,
        phone: customer.phone,
        firstSeen: timeOrNull(customer.firstSeen),
        lastSeen: timeOrNull(customer.lastSeen),
        location: { regionCode, countryCode, city },
        device: customer.device,
        unsubscribed: customer.unsubscribed,
        blocked: customer.blocked,
        source: customer.source,
        referer: customer.referer,
        lastPage: customer.lastPage,
        locale: customer.locale,
        createdFrom: customer.createdFrom,
        integrationId: customer.integrationId,
        notes: customer.notes,
        tags: customer.tags,
        customData: isEmpty && behaviour().emptyCustomData === 'array' ? [] : customData,
      };
    },

    message(message: Message, read: boolean) {
      return {
        id: message.id,
        chat: message.chatId,
        from: message.from,
        agent: agentOrNull(message.agentId),
        type: message.type,
        text: message.text,
        read,
        edited: message.edited,
        createdAt: time(message.createdAt),
        updatedAt: timeOrNull(message.updatedAt),
        broadcastType: message.broadcastType,
      };
    },

    event: ({ id, name, data, createdAt }: CustomerEvent) => ({
      id,
      name,
      data,
      createdAt: time(createdAt),
    }),
  };
}

/** Newest first: words are read when the chat is marked so, or when the other side has answered. */
export function readFlags(chat: Chat, newestFirst: readonly Message[]): readonly boolean[] {
  const answered = { agent: chat.readByCustomer, customer: chat.readByAgent };
  return newestFirst.map(({ from, type }) => {
    if (type === 'tech' || type === 'private') return true;
    answered[from === 'agent' ? 'customer' : 'agent'] = true;
    return answered[from];
  });
}
