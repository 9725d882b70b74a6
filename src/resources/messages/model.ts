import type { BroadcastType, ChatMessageSender, ChatMessageType } from '../../graphql/generated.ts';
import type { RowOrder } from '../../lib/cursors.ts';
import type { EntityOf } from '../../upstream/codec.ts';
import { entityCodec, enumOf, flag, id, text, time, withDefault } from '../../upstream/codec.ts';
import { agentCodec } from '../agents/model.ts';
import type { ChatPart } from '../chats/model.ts';

const sendersBySpelling = { agent: 'AGENT', customer: 'CUSTOMER' } as const;

const typesBySpelling = {
  message: 'MESSAGE',
  private: 'PRIVATE',
  tech: 'TECH',
  email: 'EMAIL',
  knowledgebase: 'KNOWLEDGE_BASE',
} as const;

const broadcastTypes = {
  trigger: 'TRIGGER',
  'auto chat': 'AUTO_CHAT',
  'auto email': 'AUTO_EMAIL',
  'manual chat': 'MANUAL_CHAT',
  'manual email': 'MANUAL_EMAIL',
} as const;

const codec = entityCodec(
  'ChatMessage',
  {
    id,
    from: withDefault<ChatMessageSender>(enumOf(sendersBySpelling), 'UNKNOWN'),
    agent: agentCodec.part,
    type: withDefault<ChatMessageType>(enumOf(typesBySpelling), 'UNKNOWN'),
    text,
    read: flag,
    edited: flag,
    createdAt: time,
    updatedAt: time,
    broadcastType: enumOf<BroadcastType>(broadcastTypes),
  },
  { unused: ['chat', 'applicationId'] },
);

const toSeconds = (ms: number | null): number | null =>
  ms === null ? null : Math.floor(ms / 1000);

/** Webhooks give a new message a time of change equal to its creation, sometimes in whole seconds: it was never changed. */
export const messageCodec = {
  ...codec,
  fromWire(value: unknown): EntityOf<typeof codec> {
    const message = codec.fromWire(value);
    const isUnchanged =
      message.edited !== true && toSeconds(message.updatedAt) === toSeconds(message.createdAt);
    return isUnchanged ? { ...message, updatedAt: null } : message;
  },
};

export type Message = EntityOf<typeof codec>;

/** A message of which the text is not known. */
export interface MessageReference {
  readonly id: string;
  readonly type: string;
}

export const isWholeMessage = (message: Message | MessageReference): message is Message =>
  'text' in message;

/** A message with its chat, of which only the id may be known. */
export type ChatMessage = Message & { readonly chat: ChatPart };

export const toChatMessage = (message: Message, chatId: string): ChatMessage => ({
  ...message,
  chat: { __typename: 'Chat', id: chatId },
});

/** HelpCrunch returns messages newest first. */
export const messageRowOrder: RowOrder<Message> = {
  keyOf: ({ createdAt }) => createdAt,
  isDescending: true,
};
