import type { ChatChange, MutationMarkChatReadArgs } from '../../graphql/generated.ts';
import { forbiddenError } from '../../lib/clientError.ts';
import type { MutationDeclaration, WrittenEntity } from '../mutation.ts';
import { mutationFields } from '../mutation.ts';
import type { chatWebhooks } from './descriptor.ts';
import { chatType } from './descriptor.ts';
import type { Chat } from './model.ts';
import { chatCodec } from './model.ts';

export type ChatMutation<Args> = MutationDeclaration<Args, ChatChange, keyof typeof chatWebhooks>;

export const writtenChat: WrittenEntity<Chat> = {
  kind: 'chat',
  cacheType: chatType,
  decode: chatCodec.fromWire,
};

const markChatRead: ChatMutation<MutationMarkChatReadArgs> = {
  policy: 'owner',
  validate({ by }, { role }) {
    if (role !== 'ALL' && role !== by) throw forbiddenError(`by: must be ${role} for this viewer.`);
  },
  call: ({ id, by, read }) => ({
    method: 'PUT',
    path: by === 'AGENT' ? '/chats/readByAgent' : '/chats/readByCustomer',
    body: { id: Number(id), read },
  }),
  isIdempotent: true,
  invalidates: [],
  publishes: [{ change: 'READ' }],
  repeatedBy: [],
};

/** Every mutation of a chat. Each has the argument `id` and returns the chat after the write. */
export const chatMutations = { markChatRead };

export const chatMutationFields = mutationFields(writtenChat, chatMutations);
