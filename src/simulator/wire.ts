import type { Behaviour } from './behaviour.ts';
import { statusOnWire } from './chatStatus.ts';
import type {
  AgentRow,
  ChatRow,
  CustomerRow,
  CustomerEvent,
  MessageRow,
  DepartmentRow,
} from './entities.ts';
import type { Store } from './store.ts';

type WireTime = string | number;
type TimeFormat = Exclude<Behaviour['times'], 'mixed'>;

const timeFormats: Readonly<Record<TimeFormat, (ms: number) => WireTime>> = {
  seconds: (ms) => String(Math.floor(ms / 1000)),
  number: (ms) => Math.floor(ms / 1000),
  milliseconds: (ms) => (ms / 1000).toFixed(3),
};

/** Serializes rows in the wire format of HelpCrunch. */
export class Wire {
  readonly #store: Store;
  readonly #behaviour: () => Behaviour;
  readonly #agents: ReadonlyMap<number, AgentRow>;
  readonly #departments: ReadonlyMap<number, Pick<DepartmentRow, 'id' | 'name'>>;

  constructor(store: Store, behaviour: () => Behaviour) {
    const { agents, departments } = store.staff;
    this.#store = store;
    this.#behaviour = behaviour;
    this.#agents = new Map(agents.map((agent) => [agent.id, agent]));
    this.#departments = new Map(departments.map(({ id, name }) => [id, { id, name }]));
  }

  chat(chat: ChatRow) {
    const { id, name, email, userId } = this.#store.customer(chat.customerId);
    return {
      id: chat.id,
      closedBy: chat.closedBy,
      lastCustomerMessageAt: this.#timeOrNull(chat.lastCustomerMessageAt),
      status: statusOnWire(chat.status, this.#behaviour()),
      closedAt: this.#timeOrNull(chat.closedAt),
      rating: chat.rating,
      createdAt: this.#time(chat.createdAt),
      lastMessageAt: this.#timeOrNull(chat.lastMessageAt),
      createdWith: chat.createdWith,
      snoozedUntil: this.#timeOrNull(chat.snoozedUntil, 'milliseconds'),
      lastMessageText: chat.lastMessageText,
      lastMessageId: chat.lastMessageId,
      applicationId: chat.applicationId,
      readByAgent: chat.readByAgent,
      readByCustomer: chat.readByCustomer,
      lastCommunicatedAgentId: chat.lastCommunicatedAgentId,
      agents: chat.agentIds
        .map((agentId) => this.#agentOrNull(agentId))
        .filter((agent) => agent !== null),
      customer: { id, name, email, userId },
      assignee: this.#objectOrAbsent(this.#agentOrNull(chat.assigneeId)),
      department: this.#objectOrAbsent(
        chat.departmentId === null ? null : (this.#departments.get(chat.departmentId) ?? null),
      ),
    };
  }

  customer(customer: CustomerRow) {
    const { regionCode, countryCode, city, customData } = customer;
    const isEmpty = Object.keys(customData).length === 0;
    return {
      id: customer.id,
      userId: customer.userId,
      name: customer.name,
      email: customer.email,
      company: customer.company,
      phone: customer.phone,
      firstSeen: this.#timeOrNull(customer.firstSeen, 'number'),
      lastSeen: this.#timeOrNull(customer.lastSeen, 'number'),
      location: { regionCode, countryCode, city },
      device: this.#objectOrAbsent(customer.device),
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
      customData: isEmpty && this.#behaviour().emptyCustomData === 'array' ? [] : customData,
    };
  }

  message(message: MessageRow, read: boolean) {
    return {
      id: message.id,
      chat: message.chatId,
      from: message.from,
      agent: this.#objectOrAbsent(this.#agentOrNull(message.agentId)),
      type: message.type,
      text: message.text,
      read,
      edited: message.edited,
      createdAt: this.#time(message.createdAt, 'milliseconds'),
      updatedAt: this.#timeOrNull(message.updatedAt, 'milliseconds'),
      broadcastType: message.broadcastType,
    };
  }

  event({ id, name, data, createdAt }: CustomerEvent) {
    return { id, name, data, createdAt: this.#time(createdAt) };
  }

  #time(ms: number, mixedFormat: TimeFormat = 'seconds'): WireTime {
    const { times } = this.#behaviour();
    return timeFormats[times === 'mixed' ? mixedFormat : times](ms);
  }

  #timeOrNull(ms: number | null, mixedFormat?: TimeFormat): WireTime | null {
    return ms === null ? null : this.#time(ms, mixedFormat);
  }

  /** PHP may write an absent object as an empty list. */
  #objectOrAbsent<Held extends object>(value: Held | null): Held | null | readonly [] {
    return value ?? (this.#behaviour().absentObjects === 'array' ? [] : null);
  }

  #agentOrNull(id: number | null): AgentRow | null {
    return id === null ? null : (this.#agents.get(id) ?? null);
  }
}

/** Newest first: a message is read when the chat is marked as read or the other side has replied. */
export function readFlags(chat: ChatRow, newestFirst: readonly MessageRow[]): readonly boolean[] {
  const answered = { agent: chat.readByCustomer, customer: chat.readByAgent };
  return newestFirst.map(({ from, type }) => {
    if (type === 'tech' || type === 'private') return true;
    answered[from === 'agent' ? 'customer' : 'agent'] = true;
    return answered[from];
  });
}
