import { maxPageSize } from '../../lib/paging.ts';
import { listType } from '../../upstream/cache/cacheTypes.ts';
import { agentCodec } from '../agents/model.ts';
import type { ResourceDescriptor } from '../declarations.ts';
import {
  connectionDeclarations,
  edgeDeclarations,
  publicField,
  redactedField,
} from '../declarations.ts';
import { messageCodec } from './model.ts';

// Reading a chat marks its messages as read: pages are invalidated together with their chat.
export const messagePageType = listType('ChatMessage', messageCodec.shape, {
  ttlClass: 'chats',
  maxRows: maxPageSize,
  dependsOn: (key) => ({
    type: { name: 'Chat', ttlClass: 'chats' },
    id: key.slice(0, key.indexOf(' ')),
  }),
});

export const messageDescriptor = {
  fields: {
    Subscription: {
      messageReceived: { policy: 'owner', cost: { strategy: 'receivedMessage' } },
    },
    ChatMessage: {
      id: publicField,
      from: publicField,
      agent: {
        policy: 'public',
        cost: { strategy: 'partial', embeds: agentCodec.embeddedFields, mayBeMissing: true },
      },
      type: publicField,
      text: publicField,
      read: publicField,
      edited: publicField,
      createdAt: publicField,
      updatedAt: publicField,
      broadcastType: publicField,
      chat: { policy: 'owner', cost: { strategy: 'parentChat' } },
    },
    ChatMessageConnection: { ...connectionDeclarations, totalCount: redactedField },
    ChatMessageEdge: edgeDeclarations,
  },
} as const satisfies ResourceDescriptor;

/** The events of a new message: who wrote it, and of which type it is. */
export const messageWebhooks = {
  'message.chat.customer': { from: 'customer', type: 'message' },
  'message.email.customer': { from: 'customer', type: 'email' },
  'message.private': { from: 'agent', type: 'private' },
  'message.chat.agent': { from: 'agent', type: 'message' },
  'message.email.agent': { from: 'agent', type: 'email' },
} as const;

/** The name of a new message, by which the webhook that repeats a write is recognized. */
export const reportedMessage = (id: string): string => `message ${id}`;
