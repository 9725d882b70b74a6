/**
 * What the account holds, before it is written to the wire. Every time is in milliseconds since the
 * epoch; null means "known to be absent".
 */
export type Scalar = string | number | boolean | null;

export const agentRoles = ['agentChatOnly', 'agent', 'superviser', 'admin'] as const;
export const chatStatuses = [
  'new',
  'opened',
  'pending',
  'on hold',
  'no communication',
  'closed',
  'empty',
] as const;
export const ratings = ['perfect', 'great', 'average', 'poor', 'very poor'] as const;

export type AgentRole = (typeof agentRoles)[number];
export type ChatStatus = (typeof chatStatuses)[number];
export type Rating = (typeof ratings)[number];
export type Author = 'agent' | 'customer';
export type MessageType = 'message' | 'private' | 'tech' | 'email' | 'knowledgeBase';
export type CreatedWith = 'public_api' | 'broadcast_reply' | 'agent_message' | 'customer_message';
export type BroadcastType = 'trigger' | 'auto chat' | 'auto email' | 'manual chat' | 'manual email';

export interface AgentRow {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly role: AgentRole;
}

export interface DepartmentRow {
  readonly id: number;
  readonly name: string;
  readonly agents: readonly AgentRow[];
}

export interface ApplicationRow {
  readonly id: number;
  readonly name: string;
  readonly displayName: string;
  readonly type: string;
  readonly active: boolean;
}

export interface OrganizationRow {
  readonly id: number;
  readonly domain: string;
  readonly teamOnline: boolean;
  readonly chatEnabled: boolean;
}

export interface TagRow {
  readonly name: string;
  readonly color: string;
}

interface DeviceRow {
  readonly id: number;
  readonly ip: string;
  readonly timezone: string;
  readonly platform: string;
  readonly userAgent: string;
}

export interface CustomerRow {
  readonly id: number;
  readonly createdAt: number;
  readonly userId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
  readonly phone: string | null;
  readonly firstSeen: number | null;
  readonly lastSeen: number | null;
  readonly regionCode: string | null;
  readonly countryCode: string | null;
  readonly city: string | null;
  readonly device: DeviceRow | null;
  readonly unsubscribed: boolean;
  readonly blocked: boolean;
  readonly source: string | null;
  readonly referer: string | null;
  readonly lastPage: string | null;
  readonly locale: string | null;
  readonly createdFrom: string | null;
  readonly integrationId: string | null;
  readonly notes: string | null;
  readonly tags: readonly TagRow[];
  readonly customData: Readonly<Record<string, Scalar>>;
}

export interface ChatRow {
  readonly id: number;
  readonly customerId: number;
  readonly applicationId: number;
  readonly departmentId: number | null;
  readonly assigneeId: number | null;
  readonly agentIds: readonly number[];
  readonly status: ChatStatus;
  readonly closedBy: Author | null;
  readonly closedAt: number | null;
  readonly rating: Rating | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly createdWith: CreatedWith;
  readonly lastMessageId: number | null;
  readonly lastMessageText: string | null;
  readonly lastMessageAt: number | null;
  readonly lastCustomerMessageAt: number | null;
  readonly lastCommunicatedAgentId: number | null;
  readonly snoozedUntil: number | null;
  readonly readByAgent: boolean;
  readonly readByCustomer: boolean;
}

export interface MessageRow {
  readonly id: number;
  readonly chatId: number;
  readonly from: Author;
  readonly agentId: number | null;
  readonly type: MessageType;
  readonly text: string | null;
  readonly edited: boolean;
  readonly createdAt: number;
  readonly updatedAt: number | null;
  readonly broadcastType: BroadcastType | null;
}

export interface CustomerEvent {
  readonly id: number;
  readonly customerId: number;
  readonly name: string;
  readonly data: Readonly<Record<string, Scalar>>;
  readonly createdAt: number;
}
