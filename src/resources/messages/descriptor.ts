import { maxPageSize } from '../../lib/paging.ts';
import type { OffsetRange, Page } from '../../lib/paging.ts';
import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { SendCall } from '../../upstream/cache/entityCache.ts';
import { decodePage } from '../../upstream/decode.ts';
import { agentCodec } from '../agents/model.ts';
import type { ResourceDescriptor } from '../declarations.ts';
import {
  connectionDeclarations,
  edgeDeclarations,
  publicField,
  redactedField,
} from '../declarations.ts';
import type { Message } from './model.ts';
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

/** One page of the messages of a chat, newest first. A chat that does not exist is `notFound`. */
export async function readMessages(
  send: SendCall,
  chatId: string,
  { offset, limit }: OffsetRange,
): Promise<Page<Message>> {
  const path = `/chats/${chatId}/messages?offset=${offset}&limit=${limit}`;
  const body = await send({ effect: 'read', method: 'GET', path });
  return decodePage(body, { where: 'messages', offset, limit }, messageCodec.fromWire);
}

export const messageDescriptor = {
  fields: {
    Subscription: {
      messageReceived: {
        policy: 'owner',
        cost: { strategy: 'receivedMessage' },
        eventFilters: ['chatId'],
      },
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
export const messageChangeKey = (id: string): string => `message ${id}`;
