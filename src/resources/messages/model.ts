import type {
  BroadcastType,
  ChatMessageSender,
  ChatMessageType,
  PageInfo,
} from '../../graphql/generated.ts';
import type { Connection } from '../../lib/paging.ts';
import {
  isFlag,
  isIdText,
  isText,
  isTime,
  objectOf,
  oneOf as isOneOf,
  orNull,
} from '../../lib/shape.ts';
import {
  decodeBoolean,
  decodeId,
  decodeEnum,
  decodeObject,
  decodeText,
  decodeTime,
} from '../../upstream/decode.ts';
import type { ChatPart } from '../chats/model.ts';
import type { AgentPart } from '../agents/model.ts';
import { agentPartFromWire, isAgentPart } from '../agents/model.ts';

export interface Message {
  readonly __typename: 'ChatMessage';
  readonly id: string;
  readonly from: ChatMessageSender;
  readonly agent: AgentPart | null;
  readonly type: ChatMessageType;
  readonly text: string | null;
  readonly read: boolean | null;
  readonly edited: boolean | null;
  readonly createdAt: number;
  readonly updatedAt: number | null;
  readonly broadcastType: BroadcastType | null;
}

/** A message in its chat, or in as much of it as is known. */
export type ChatMessage = Message & { readonly chat: ChatPart };

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

export function messageFromWire(value: unknown): Message {
  const wire = decodeObject(value, 'message');
  return {
    __typename: 'ChatMessage',
    id: decodeId(wire['id'], 'message.id'),
    from: decodeEnum(sendersBySpelling, wire['from'], 'message.from') ?? 'UNKNOWN',
    agent: agentPartFromWire(wire['agent'], 'message.agent'),
    type: decodeEnum(typesBySpelling, wire['type'], 'message.type') ?? 'UNKNOWN',
    text: decodeText(wire['text'], 'message.text'),
    read: decodeBoolean(wire['read'], 'message.read'),
    edited: decodeBoolean(wire['edited'], 'message.edited'),
    createdAt: decodeTime(wire['createdAt'], 'message.createdAt') ?? 0,
    updatedAt: decodeTime(wire['updatedAt'], 'message.updatedAt'),
    broadcastType: decodeEnum(broadcastTypes, wire['broadcastType'], 'message.broadcastType'),
  };
}

/** Messages of a chat as the team sees them, or made ready for a customer, who sees some of them. */
export type MessagePage = Connection<ChatMessage> | CustomerMessagePage;

export interface CustomerMessagePage {
  readonly rows: readonly ChatMessage[];
  /** The sealed place of the row with this index. To seal one takes longer than all else that is done for a row. */
  readonly cursorOf: (index: number) => string;
  readonly pageInfo: () => PageInfo;
  /** It would tell how many there are that the customer may not see. */
  readonly total: null;
}

export const isMessage = objectOf<Message>({
  __typename: isOneOf('ChatMessage'),
  id: isIdText,
  from: isOneOf('UNKNOWN', ...Object.values(sendersBySpelling)),
  agent: orNull(isAgentPart),
  type: isOneOf('UNKNOWN', ...Object.values(typesBySpelling)),
  text: orNull(isText),
  read: orNull(isFlag),
  edited: orNull(isFlag),
  createdAt: isTime,
  updatedAt: orNull(isTime),
  broadcastType: orNull(isOneOf('UNKNOWN', ...Object.values(broadcastTypes))),
});
