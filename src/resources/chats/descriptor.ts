import type { ChatChange } from '../../graphql/generated.ts';
import { aliasType, entityType, pageType } from '../../upstream/cache/cacheTypes.ts';
import { PartialEntities } from '../../upstream/partialEntities.ts';
import { agentCodec } from '../agents/model.ts';
import { customerCodec } from '../customers/model.ts';
import type { CacheChanges, ResourceDescriptor } from '../declarations.ts';
import {
  connectionDeclarations,
  edgeDeclarations,
  modelProperties,
  nodeIdField,
  publicField,
  redactedField,
  staffField,
} from '../declarations.ts';
import { departmentCodec } from '../departments/model.ts';
import type { Chat } from './model.ts';
import { chatCodec } from './model.ts';

export const chatType = entityType('Chat', chatCodec.shape, { ttlClass: 'chats' });
export const chatPageType = pageType(chatType, 'chats');

export const chatEndpoint = { path: '/chats', decodeRow: chatCodec.fromWire };

/** Chats of one owner. A customer has few, so that those of several customers fit one page; an agent has many. */
export const ownedChatsType = pageType(chatType, 'chats', {
  name: 'OwnedChats',
  collapseKey: (key) => (key.startsWith('customer ') ? key.slice(0, key.indexOf('/')) : undefined),
});

/**
 * Chats as one customer sees them: the key `7001 5208` holds chat 5208 if it belongs to customer 7001, otherwise a negative entry.
 * Entries of other viewers are not used: a chat of another customer costs what a missing chat costs.
 */
export const customerChatAliasType = aliasType(
  'ChatOfCustomer',
  chatType,
  ({ customer }) => customer?.id ?? null,
);

/** Every change of a chat may move it into, out of and within lists. */
export const chatListTags: CacheChanges = [{ type: chatPageType }, { type: ownedChatsType }];

/** All chats and their lists: chats embed their customer, and can be filtered by it. */
export const allChatTags: CacheChanges = [{ type: chatType }, ...chatListTags];

const agentsPerChat = { worst: 5, typical: 2 };

export const chatDescriptor = {
  idsPerCall: { chat: 1 },
  entity: { typename: 'Chat', kind: 'chat', policy: 'owner' },
  fields: {
    Query: {
      chat: { policy: 'owner', cost: { strategy: 'lookup', kind: 'chat', argument: 'id' } },
      chats: { policy: 'owner', cost: { strategy: 'page' } },
    },
    Subscription: {
      chatUpdated: {
        policy: 'owner',
        cost: { strategy: 'chatEvent', filters: ['customerId', 'assigneeId', 'departmentId'] },
        eventFilters: ['id', 'customerId', 'assigneeId', 'departmentId'],
      },
    },
    ChatUpdate: {
      change: publicField,
      at: publicField,
      chat: { policy: 'owner', cost: { strategy: 'partial', embeds: [] } },
    },
    Chat: {
      nodeId: nodeIdField,
      id: publicField,
      status: publicField,
      closedBy: publicField,
      closedAt: publicField,
      rating: publicField,
      createdAt: publicField,
      createdWith: publicField,
      lastMessageAt: redactedField,
      lastMessageText: redactedField,
      lastMessageId: redactedField,
      lastCustomerMessageAt: publicField,
      lastCommunicatedAgentId: publicField,
      lastCommunicatedAgent: {
        policy: 'public',
        cost: { strategy: 'partial', embeds: agentCodec.embeddedFields, mayBeMissing: true },
        derivedFrom: 'lastCommunicatedAgentId',
      },
      snoozedUntil: staffField,
      applicationId: publicField,
      application: {
        policy: 'public',
        cost: { strategy: 'partial', embeds: [] },
        derivedFrom: 'applicationId',
      },
      readByAgent: publicField,
      readByCustomer: publicField,
      agents: {
        policy: 'public',
        cost: { strategy: 'partial', embeds: agentCodec.embeddedFields, length: agentsPerChat },
      },
      assignee: {
        policy: 'public',
        cost: { strategy: 'partial', embeds: agentCodec.embeddedFields },
      },
      customer: {
        policy: 'owner',
        cost: { strategy: 'partial', embeds: customerCodec.embeddedFields },
      },
      department: {
        policy: 'public',
        cost: { strategy: 'partial', embeds: departmentCodec.embeddedFields },
      },
      url: {
        policy: 'staff',
        cost: { strategy: 'collection', kind: 'organization' },
        derivedFrom: 'id',
      },
      messages: { policy: 'owner', cost: { strategy: 'messages' }, derivedFrom: 'id' },
    },
    ChatConnection: connectionDeclarations,
    ChatEdge: edgeDeclarations,
  },
} as const satisfies ResourceDescriptor;

export const partialChats = new PartialEntities<Chat>(modelProperties(chatDescriptor.fields.Chat));

interface ChatWebhook {
  /** The change that subscribers receive. */
  readonly change: ChatChange;
  /** The field without which the event does not describe the chat after the change. */
  readonly requiredField: keyof Chat;
}

export const chatWebhooks = {
  'chat.new': { change: 'CREATED', requiredField: 'status' },
  'chat.status_updated': { change: 'STATUS', requiredField: 'status' },
  'chat.assigned': { change: 'ASSIGNEE', requiredField: 'assignee' },
  'chat.snoozed': { change: 'SNOOZED', requiredField: 'snoozedUntil' },
  'chat.unsnoozed': { change: 'UNSNOOZED', requiredField: 'snoozedUntil' },
  'chat.closed': { change: 'CLOSED', requiredField: 'status' },
  'chat.rated': { change: 'RATED', requiredField: 'rating' },
} as const satisfies Readonly<Record<string, ChatWebhook>>;

export type ChatWebhookName = keyof typeof chatWebhooks;

const isChatWebhook = (name: string): name is ChatWebhookName => Object.hasOwn(chatWebhooks, name);

/** The part of a value that is equal in the response of a write and in the webhook that reports it. */
function comparableValue(value: unknown): unknown {
  if (typeof value === 'number') return Math.floor(value / 1000);
  return typeof value === 'object' && value !== null && 'id' in value ? value.id : value;
}

/** The name of a change, by which the webhook that repeats a write is recognized. */
export function chatChangeKey(webhook: string, id: string, chat: Partial<Chat>): string {
  const declaration = isChatWebhook(webhook) ? chatWebhooks[webhook] : undefined;
  // A chat is created once, whatever its status is when the event is delivered.
  if (declaration === undefined || declaration.change === 'CREATED') return `${webhook} ${id}`;
  return `${webhook} ${id} ${JSON.stringify(comparableValue(chat[declaration.requiredField] ?? null))}`;
}
